"""What happened, drawn: every label from the table, long downloads folded, nothing irregular lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otakit.diagrams.labels import arrows, check_labels
from otakit.diagrams.sequence import sequence_of
from otakit.exchange import Exchanges
from otakit.protocol import messages as m
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction
from otakit.protocol.packets import Version

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE


@pytest.fixture
def download(tape: Any) -> Any:
    """A hundred chunks: number 20 unanswered at first, 50 twice, 60 late, 70 empty under the first id."""
    t = tape().connect().offer(100 * 4096)
    for index in range(20):
        t.chunk(index)
    t.ask(20)
    for index in range(21, 26):
        t.chunk(index)
    t.wait(5000).ask(20).wait(40).answer(20)
    for index in range(26, 50):
        t.chunk(index)
    t.chunk(50).answer(50)
    for index in range(51, 100):
        if index == 70:
            t.ask(70).wait(40).answer(70, 0).chunk(70, request_id=2)
        else:
            t.chunk(index, wait_ms=900 if index == 60 else 40, request_id=1 if index < 70 else 2)
    return t


def test_a_long_download_folds_and_keeps_what_went_its_own_way(download: Any) -> None:
    """First, last, retry, duplicate, late and empty each keep their arrows."""
    source = sequence_of(download.entries).source
    said = "\n".join(arrow.label for arrow in arrows(source))
    for text in ("chunk 0 of request 1", "chunk 99 of request 2", "chunk 20 of request 1: 4,096 bytes — no answer",
                 "asked for the 2nd time", "— again, for nothing", "— late", "0 bytes — empty"):  # fmt: skip
        assert text in said
    assert "chunks 1 to 19 of request 1" in said
    assert source.count("\nloop ") == source.count("\nend\n") == 6
    assert len(arrows(source)) < 40
    check_labels(source)


def test_every_chunk_is_drawn_or_counted_in_a_loop(download: Any) -> None:
    """Nothing disappears: loops and single requests add up to the requests of the wire."""
    entries = download.entries
    story = Exchanges()
    for entry in entries:
        story.feed(entry)
    source = sequence_of(story).source
    looped = sum(int(line.split()[1]) for line in source.split("\n") if line.startswith("loop "))
    loops = source.count("\nloop ")
    single = sum(arrow.row_name == "ChunkRequest" for arrow in arrows(source)) - loops
    assert looped + single == len(story.story.chunks) == 102


def test_a_short_download_is_drawn_as_it_is(tape: Any) -> None:
    """Five chunks, as in the lessons."""
    t = tape().connect().offer(20_000)
    for index, size in enumerate((4096, 4096, 4096, 4096, 3616)):
        t.chunk(index, size)
    source = sequence_of(t.entries).source
    assert "loop" not in source
    assert [arrow.row_name for arrow in arrows(source)].count("ChunkResponse") == 5


def test_several_in_flight_fold_into_one_loop(tape: Any) -> None:
    """With a window the answers overlap the requests; it is one loop all the same, and says how many wait."""
    t = tape().connect().offer(42 * 4096).chunk(0)
    for first in range(1, 41, 8):
        for index in range(first, first + 8):
            t.ask(index)
        t.wait(40)
        for index in range(first, first + 8):
            t.answer(index)
    t.chunk(41)
    source = sequence_of(t.entries).source
    assert source.count("\nloop ") == 1
    assert "loop 40 times: firmware, 163,840 bytes" in source
    assert "at most 8 unanswered" in source


def test_what_happens_beside_a_download_leaves_its_loop_whole(tape: Any) -> None:
    """An attribute that has nothing to do with it, or a sign of life, does not tear the loop; a reconnect does."""
    t = tape().connect().offer(60 * 4096)
    for index in range(60):
        t.chunk(index)
        if index == 20:
            t.publish(DOWN, m.AttributesUpdate({"colour": "blue"}), qos=1)
        if index == 40:
            t.connect()
    source = sequence_of(t.entries).source
    assert source.count("\nloop ") == 2
    assert "AttributesUpdate" in source


def test_one_chunk_between_two_odd_ones_is_no_loop(tape: Any) -> None:
    """A loop of one round would say less than its two arrows."""
    t = tape().connect().offer(20 * 4096)
    for index in range(20):
        t.chunk(index, wait_ms=900 if index in (9, 11) else 40)
    source = sequence_of(t.entries).source
    assert "chunk 10 of request 1" in source
    assert "loop 1 time" not in source


def test_a_reconnect_and_what_only_the_client_knows_are_drawn(tape: Any) -> None:
    """Dividers, install steps, the server's statuses, the reason of a lost connection."""
    t = tape().connect()
    t.note("server_status", kind="fw", status="QUEUED", ts_ms=t.now_ns // 10**6)
    t.note("server_status", kind="fw", status="INITIATED", ts_ms=t.now_ns // 10**6)
    t.note("state", kind="fw", **{"from": "DOWNLOADED", "to": "VERIFIED", "event": "ImageChecked"})
    t.note("install", kind="fw", step="install", ok=True).note("install", kind="fw", step="restart", ok=True)
    t.note("connection_lost", reason="reset by peer").wait(3000).connect()
    t.note("install", kind="fw", step="confirm", ok=False, reason="no answer")
    t.note("install", kind="fw", step="roll_back", ok=True).note("update_ended", kind="fw", outcome="FAILED")
    source = sequence_of(t.entries).source
    rows = [arrow.row_name for arrow in arrows(source)]
    assert rows == ["Connect", "ConnAck", "Store", "Dispatch", "Check", "Install", "Restart", "Connect", "ConnAck",
                    "Confirm", "RollBack"]  # fmt: skip
    assert "== connection lost: reset by peer ==" in source
    assert "...3.0 s..." in source
    assert "Confirm: firmware failed no answer" in source
    check_labels(source)


def test_a_step_is_drawn_where_it_begins_and_again_only_where_it_fails(tape: Any) -> None:
    """The recording has two notes of each."""
    t = tape().connect()
    t.note("install", kind="fw", step="install").note("install", kind="fw", step="install", ok=True)
    t.note("install", kind="fw", step="confirm").note("install", kind="fw", step="confirm", ok=False, reason="silent")
    source = sequence_of(t.entries).source
    assert [arrow.row_name for arrow in arrows(source)][2:] == ["Install", "Confirm", "Confirm"]
    assert "Confirm: firmware failed silent" in source


def test_a_fault_on_a_chunk_stands_at_its_request_and_any_other_in_a_note(tape: Any) -> None:
    """So that a loop is not cut by it."""
    t = tape().connect().offer(20_000).ask(0)
    t.note("fault", name="Withhold", request_id=1, index=0).wait(5000).ask(0).answer(0)
    t.note("fault", name="Drop", seconds=3)
    source = sequence_of(t.entries).source
    assert "no answer (Withhold, on purpose)" in source
    assert source.count("a fault on purpose") == 1


def test_a_status_is_shown_without_its_time_stamp(tape: Any) -> None:
    """The time stands beside it."""
    t = tape().connect().publish(UP, m.Telemetry({"fw_state": "VERIFIED"}, 1_790_000_000_123))
    assert 'Telemetry: {"fw_state":"VERIFIED"}' in sequence_of(t.entries).source


def test_many_devices_are_capped_and_the_rest_is_told(tape: Any) -> None:
    """Twelve participants; the engine's time grows with their square."""
    t = tape()
    for number in range(20):
        t.connect(f"{number:012x}")
    sequence = sequence_of(t.entries)
    assert len(sequence.participants) == 12
    assert sequence.left_out == 9
    assert "9 more devices not drawn" in sequence.source
    check_labels(sequence.source)


def test_a_long_story_loses_its_middle_and_says_so(tape: Any) -> None:
    """About 150 arrows; beginning and end stay."""
    t = tape().connect()
    for number in range(1000):
        t.publish(UP, m.Telemetry({"n": number}))
    source = sequence_of(t.entries).source
    assert 140 <= len(arrows(source)) <= 160
    assert "messages not drawn..." in source
    assert '{"n":999}' in source


def test_tokens_and_image_bytes_are_in_no_diagram(download: Any) -> None:
    """The source can be shared."""
    assert "secret-token" not in sequence_of(download.entries).source


def test_no_packets_give_an_empty_diagram_that_still_names_the_server() -> None:
    """A recording that has just begun."""
    assert 'participant "ThingsBoard Server" as TBSrv' in sequence_of([]).source


@pytest.mark.needs("engine")
@pytest.mark.parametrize("version", [Version.MQTT_3_1_1, Version.MQTT_5])
def test_it_is_drawn_by_the_engine(tape: Any, version: Version) -> None:
    """Both versions of MQTT."""
    from otakit.diagrams import diagram  # noqa: PLC0415 - pulls the engine's modules in

    t = tape(version).connect().offer(8192).chunk(0).chunk(1)
    drawn = diagram(sequence_of(t.entries))
    assert drawn.drawn_by == "engine"
    assert "ChunkResponse: chunk 1 of request 1" in drawn.text


@pytest.mark.needs("engine")
@settings(max_examples=40)
@given(
    said=st.lists(
        st.tuples(st.booleans(), st.text(min_size=1, max_size=60), st.binary(max_size=60) | st.text(max_size=60)),
        max_size=6,
    ),
    reason=st.text(max_size=40),
)
def test_whatever_a_device_says_the_diagram_passes_and_is_drawn(
    tape: Any, said: list[tuple[bool, str, bytes | str]], reason: str
) -> None:
    """Hostile topics, payloads and reasons are shown as text."""
    from otakit.diagrams.plantuml import render  # noqa: PLC0415 - as above

    t = tape().connect()
    for up, topic, payload in said:
        body = payload if isinstance(payload, bytes) else payload.encode(errors="replace")
        name = topic.encode(errors="replace").decode().replace("\x00", "0")
        t.packet(UP if up else DOWN, p.Publish(name, body))
    t.note("connection_lost", reason=reason).note("update_ended", kind="fw", outcome=reason, reason=reason)
    source = sequence_of(t.entries).source
    check_labels(source)
    assert render(source).drawn_by == "engine"
