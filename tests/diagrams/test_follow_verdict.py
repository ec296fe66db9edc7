"""What the verdict says: true, or the arrow promised and the packet seen, both with their neighbours."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from otakit.captured import CapturedPacket
from otakit.diagrams.follow import follows
from otakit.diagrams.held import held_against
from otakit.protocol import messages as m
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
STATUSES = "\n".join(
    f'TBDev -> TBSrv : Telemetry: {{"fw_state":"{word}"}}' for word in ("DOWNLOADING", "DOWNLOADED", "VERIFIED")
)
CHUNKS = """loop every chunk, at most 2 unanswered
TBDev -> TBSrv : ChunkRequest: v2/fw/request/{id}/chunk/{n}
TBSrv --> TBDev : ChunkResponse: v2/fw/response/{id}/chunk/{n}
end"""


def says(tape: Any, *words: str) -> Any:
    for word in words:
        tape.publish(UP, m.Telemetry({"fw_state": word}))
    return tape


# ---- the answer ------------------------------------------------------------------------------------------------


def test_a_session_that_follows_is_true_and_says_how_much_it_kept(tape: Callable[..., Any]) -> None:
    """In one line."""
    film = says(tape().connect(), "DOWNLOADING", "DOWNLOADED", "VERIFIED")
    verdict = follows(film.entries, STATUSES, "mine")
    assert verdict
    assert str(verdict) == "follows mine: 3 packets and steps kept its arrows"


def test_the_first_difference_names_arrow_and_packet_with_their_neighbours(tape: Callable[..., Any]) -> None:
    """What was kept before, what was promised, what came, and what came after that."""
    film = says(tape().connect(), "DOWNLOADING", "VERIFIED").publish(UP, m.Telemetry({"x": 1}))
    verdict = follows(film.entries, STATUSES, "mine")
    assert not verdict
    assert str(verdict).split("\n") == [
        "does not follow mine: the first difference comes after 1 kept arrows",
        '          kept  0.002 s, packet 3, Telemetry: {"fw_state":"DOWNLOADING"}   (line 1: Telemetry)',
        '      promised  line 2: Telemetry: {"fw_state":"DOWNLOADED"}',
        '          seen  0.003 s, packet 4, Telemetry: {"fw_state":"VERIFIED"}',
        "        before  0.001 s, packet 2, ConnAck: accepted",
        '        before  0.002 s, packet 3, Telemetry: {"fw_state":"DOWNLOADING"}',
        '          then  0.004 s, packet 5, Telemetry: {"x":1}',
    ]


def test_html_shows_the_same_and_escapes_what_a_peer_wrote(tape: Callable[..., Any]) -> None:
    """A device may call itself what it likes."""
    film = says(tape().connect(), "<script>", "DOWNLOADED")
    page = follows(film.entries, STATUSES)._repr_html_()
    assert "<script>" not in page
    assert "promised" in page
    assert "DOWNLOADING" in page


def test_the_diagram_of_a_verdict_marks_the_promised_arrow(tape: Callable[..., Any]) -> None:
    """Beside it, `seen` is what came."""
    verdict = held_against(says(tape().connect(), "DOWNLOADING", "VERIFIED").entries, STATUSES)
    marked = [line for line in verdict.marked.split("\n") if "▶" in line]
    assert len(marked) == 1
    assert "DOWNLOADED" in marked[0]
    assert verdict.seen is not None
    assert verdict.seen.packet is not None
    assert (
        held_against(says(tape().connect(), "DOWNLOADING", "DOWNLOADED", "VERIFIED").entries, STATUSES).marked
        == STATUSES
    )


@pytest.mark.needs("engine")
def test_the_diagram_can_be_drawn(tape: Callable[..., Any]) -> None:
    """With the mark."""
    assert "▶" in held_against(says(tape().connect(), "DOWNLOADED").entries, STATUSES).diagram().svg


def test_a_recording_that_ends_early_says_what_was_promised_next(tape: Callable[..., Any]) -> None:
    """And that it is cut, where it is."""
    film = says(tape().connect(), "DOWNLOADING")
    verdict = follows(film.entries, STATUSES, cut="cut at byte 900")
    assert "seen  nothing more: the recording ends here" in str(verdict)
    assert "(so far it follows; the recording is cut at byte 900)" in str(verdict)


def test_a_session_in_which_nothing_of_it_happened_says_so(tape: Callable[..., Any]) -> None:
    """It is no false start that is looked for."""
    assert "nothing that the diagram speaks of is in the recording" in str(follows(tape().connect().entries, STATUSES))


# ---- questions and answers -------------------------------------------------------------------------------------


def test_more_unanswered_chunks_than_the_loop_allows_are_a_difference(tape: Callable[..., Any]) -> None:
    """The third while two wait."""
    film = tape().connect().ask(0).ask(1).ask(2).answer(0).answer(1).answer(2)
    verdict = follows(film.entries, CHUNKS)
    assert (verdict.kept, str(verdict.promised).split(": ")[1]) == (2, "ChunkResponse")
    assert follows(tape().connect().ask(0).ask(1).answer(1).ask(2).answer(0).answer(2).entries, CHUNKS)


def test_an_answer_that_nobody_asked_for_is_a_difference(tape: Callable[..., Any]) -> None:
    """Also where the diagram waits for another one."""
    verdict = follows(tape().connect().ask(0).answer(7).answer(0).entries, CHUNKS)
    assert "ChunkResponse: chunk 7 of request 1: 4,096 bytes: nobody asked" in str(verdict)


def test_an_answer_that_comes_twice_is_a_difference(tape: Callable[..., Any]) -> None:
    """One question, one answer."""
    assert not follows(tape().connect().ask(0).answer(0).answer(0).entries, CHUNKS)


def test_a_question_repeated_after_its_time_and_a_late_answer_may_be_left_out(tape: Callable[..., Any]) -> None:
    """The drawing has neither."""
    film = tape().connect().chunk(0).ask(1).wait(5_000).ask(1).wait(40).answer(1).answer(1).chunk(2)
    assert follows(film.entries, CHUNKS)


def test_a_question_repeated_before_any_answer_could_come_is_a_difference(tape: Callable[..., Any]) -> None:
    """No deadline is that short."""
    assert not follows(tape().connect().chunk(0).ask(1).ask(1).wait(40).answer(1).answer(1).entries, CHUNKS)


def test_what_a_lost_connection_left_unanswered_does_not_count(tape: Callable[..., Any]) -> None:
    """It is asked again, and the verdict says that something was passed over."""
    film = tape().connect().chunk(0).ask(1).ask(2).note("connection_lost", reason="broken").connect()
    verdict = follows(film.chunk(1, request_id=2).chunk(2, request_id=2).entries, CHUNKS)
    assert verdict
    assert "2 questions that a lost connection left without an answer" in str(verdict)


def test_the_same_chunk_once_more_is_a_difference(tape: Callable[..., Any]) -> None:
    """Its number belongs to one pass."""
    assert not follows(tape().connect().chunk(0).chunk(1).chunk(0).entries, CHUNKS)


def test_another_request_id_is_a_difference_until_the_next_connection(tape: Callable[..., Any]) -> None:
    """Ids live with their connection."""
    assert not follows(tape().connect().chunk(0).chunk(1, request_id=2).entries, CHUNKS)
    assert follows(tape().connect().chunk(0).connect().chunk(1, request_id=2).entries, CHUNKS)


@pytest.mark.parametrize(("qos", "acknowledged", "is_kept"), [(0, False, True), (1, True, True), (1, False, False)])
def test_puback_is_awaited_behind_a_question_at_qos_1(
    tape: Callable[..., Any], qos: int, *, acknowledged: bool, is_kept: bool
) -> None:
    """At QoS 0 nobody sends one; the next step need not wait for it."""
    source = f"{STATUSES.split(chr(10))[0]}\nTBSrv --> TBDev : PubAck: taken\n{STATUSES.split(chr(10))[1]}"
    film = tape().connect().publish(UP, m.Telemetry({"fw_state": "DOWNLOADING"}), qos)
    says(film, "DOWNLOADED")
    if acknowledged:
        film.packet(DOWN, p.PubAck(3))
    assert bool(follows(film.entries, source)) is is_kept


@pytest.mark.parametrize(("code", "is_kept"), [(1, True), (0x80, False)])
def test_a_refused_filter_keeps_no_arrow_that_grants_it(tape: Callable[..., Any], code: int, *, is_kept: bool) -> None:
    """Codes of filters that the arrow does not name are none of its business."""
    source = "TBDev -> TBSrv : Subscribe: v2/fw/error\nTBSrv --> TBDev : SubAck: granted"
    film = tape().connect().packet(UP, p.Subscribe(1, (("v2/fw/error", 1), ("#", 1))))
    verdict = follows(film.packet(DOWN, p.SubAck(1, (code, 0x80))).entries, source)
    assert bool(verdict) is is_kept
    assert is_kept or "seen  0.003 s, packet 4, SubAck: refused 0x80, refused 0x80" in str(verdict)


def test_filters_may_be_subscribed_one_by_one(tape: Callable[..., Any]) -> None:
    """Many libraries can do no other; the arrow names both."""
    source = "TBDev -> TBSrv : Subscribe: v2/fw/error and v2/fw/response/+/chunk/+\nTBSrv --> TBDev : SubAck: granted"
    film = tape().connect()
    for number, name in enumerate(("v2/fw/error", "v2/fw/response/+/chunk/+"), 1):
        film.packet(UP, p.Subscribe(number, ((name, 1),))).packet(DOWN, p.SubAck(number, (1,)))
    assert follows(film.entries, source)
    apart = source.replace(" and ", "\nTBSrv --> TBDev : SubAck: granted\nTBDev -> TBSrv : Subscribe: ")
    assert follows(film.entries, apart)


# ---- whose recording ---------------------------------------------------------------------------------------------


def test_steps_within_the_device_are_passed_over_in_a_foreign_recording(tape: Callable[..., Any]) -> None:
    """And the verdict says so; a client of the kit has to take them."""
    source = STATUSES.replace('\nTBDev -> TBSrv : Telemetry: {"fw_state":"VERIFIED"}', "\nTBDev -> TBDev : Check: all")
    film = says(tape().connect(), "DOWNLOADING", "DOWNLOADED")
    verdict = follows(film.entries, source)
    assert verdict
    assert "the steps within the device are not in a recording of a foreign client" in str(verdict)
    film.note("state", kind="firmware", event="Reported")
    assert "promised  line 3: Check" in str(follows(film.entries, source))


def test_what_an_operator_does_is_passed_over(tape: Callable[..., Any]) -> None:
    """A diagram of nothing else cannot be followed at all."""
    source = f"TBOper -> TBSrv : Assign: it\n{STATUSES}"
    verdict = follows(says(tape().connect(), "DOWNLOADING", "DOWNLOADED", "VERIFIED").entries, source)
    assert "passed over: what the operator does" in str(verdict)


def test_each_device_of_a_recording_is_followed_by_itself(tape: Callable[..., Any]) -> None:
    """Where the diagram draws one device; the verdict names the one that differs."""
    film = says(tape().connect("aaaaaaaaaaaa"), "DOWNLOADING")
    says(film.connect("bbbbbbbbbbbb"), "DOWNLOADING", "DOWNLOADED", "VERIFIED")
    film.connection = 0
    says(film, "DOWNLOADED")
    assert str(follows(film.entries, STATUSES, "mine")).startswith("does not follow mine, device aaaaaaaaaaaa:")
    assert str(follows(says(film, "VERIFIED").entries, STATUSES, "mine")).split("\n") == [
        "follows mine: 6 packets and steps kept its arrows",
        "  (each of 2 devices by itself)",
    ]


@pytest.mark.parametrize("wrong", range(3))
def test_one_device_that_differs_is_enough(tape: Callable[..., Any], wrong: int) -> None:
    """Whichever it is: the first one that followed once spoke for all."""
    film = tape()
    for number in range(3):
        says(film.connect(f"{number:012x}"), "DOWNLOADING", "UPDATED" if number == wrong else "DOWNLOADED", "VERIFIED")
    verdict = follows(film.entries, STATUSES)
    assert not verdict
    assert (verdict.device, verdict.kept) == (f"{wrong:012x}", 1)


@pytest.mark.parametrize("label", ['Telemetry {"fw_state" : "FAILED"}', "Telemetry - FAILED", "Telemetry FAILED: no"])
def test_a_label_without_a_colon_counts(tape: Callable[..., Any], label: str) -> None:
    """Else its row alone would, and any packet of that row would keep it."""
    film = says(tape().connect(), "DOWNLOADING")
    assert not follows(film.entries, f"TBDev -> TBSrv : {label}")
    assert follows(says(tape().connect(), "FAILED").entries, f"TBDev -> TBSrv : {label}")


def test_a_number_that_should_have_been_kept_is_explained(tape: Callable[..., Any]) -> None:
    """A long name for what changes in each pass is the first mistake of all."""
    film = tape().connect().chunk(0).chunk(1)
    verdict = follows(film.entries, CHUNKS.replace("{n}", "{chunk}").replace("{id}", "{any id}"))
    assert not verdict
    told = "{chunk}: kept as it was; one letter is another in each pass of its loop, {any …} is any"
    assert verdict.remarks == (told,)


def test_packets_that_cannot_be_decoded_are_counted(tape: Callable[..., Any]) -> None:
    """They are passed over, but not without a word."""
    film = tape().connect()
    for raw in (b"\xff\x07garbage", b"", b"\x10\x02\x00\x00"):
        film.entries.append(CapturedPacket(90 + len(raw), film.now_ns, 0, UP, raw, len(raw)))
    verdict = follows(says(film, "DOWNLOADING", "DOWNLOADED", "VERIFIED").entries, STATUSES)
    assert verdict
    assert verdict.remarks == ("passed over: 3 packets that cannot be decoded",)


def test_many_checks_without_a_result_are_read_in_time(tape: Callable[..., Any]) -> None:
    """Each looked through all that came later: ten thousand took a quarter of a minute."""
    film = tape().connect()
    for _ in range(10_000):
        film.note("state", event="ImageChecked", kind="firmware").publish(UP, m.Telemetry({"a": 1}))
    began = time.process_time()
    assert follows(film.entries, "loop\nTBDev -> TBDev : Check\nTBDev -> TBSrv : Telemetry\nend").kept == 20_000
    assert time.process_time() - began < 8


def test_two_aliases_are_two_devices(tape: Callable[..., Any]) -> None:
    """Whichever they are; one device alone does not keep both."""
    source = "\n".join(
        f'TBSrv -> TBDev{number} : AttributesUpdate: {{"fw_version":"{{F{number}}}"}}' for number in (1, 2)
    )

    def told(first: str, second: str, *versions: str) -> bool:
        film = tape()
        for device, version in zip((first, second), versions, strict=True):
            film.connect(device).publish(DOWN, m.AttributesUpdate({"fw_title": "pump", "fw_version": version}))
        return bool(follows(film.entries, source))

    assert told("aaaaaaaaaaaa", "bbbbbbbbbbbb", "1", "2")
    assert not told("aaaaaaaaaaaa", "aaaaaaaaaaaa", "1", "2")
    assert not told("aaaaaaaaaaaa", "bbbbbbbbbbbb", "1", "1")


def test_a_diagram_of_the_firmware_is_not_about_the_software(tape: Callable[..., Any]) -> None:
    """Nor the other way round."""
    film = tape().connect().ask(0).answer(0)
    film.publish(UP, m.ChunkRequest(Kind.SOFTWARE, 2, 0, 9)).publish(DOWN, m.ChunkResponse(Kind.SOFTWARE, 2, 0, b"x"))
    assert follows(film.entries, CHUNKS).kept == 2
    assert follows(film.entries, CHUNKS.replace("v2/fw", "v2/sw")).kept == 2


def test_an_answer_to_what_was_asked_before_the_recording_began_is_passed_over(tape: Callable[..., Any]) -> None:
    """A recording may begin in the middle."""
    film = tape()
    film.connection = 0
    film.answer(3).ask(4).answer(4)
    assert isinstance(film.entries[0], CapturedPacket)
    assert follows(film.entries, CHUNKS).kept == 2
