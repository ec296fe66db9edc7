"""Each fault of a plan, seen once on one connection: what the device gets in place of the server's answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.faults import plan_of
from otakit.protocol import packets as p
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Packet, Version
from otakit.twin.faulty import Faults

CHUNK = 1000


@pytest.fixture
def faulty(world: Any) -> Callable[..., Any]:
    """A connected device of a server with a plan: package A is assigned, chunks of 1000 bytes are asked for."""

    def begin(plan: str, *, connects: bool = True, **options: Any) -> Any:
        world.assign(world.a)
        faults = Faults(plan_of(plan, **options), world.model, lambda: world.now)
        talk = world.stranger()
        talk.faults, talk.heard = faults, []
        talk.conversation.on_packet = talk.heard.append
        talk.conversation = faults.around(talk.conversation)
        if connects:
            came = talk.connect(world.token())
            world.passes(2)
            (answer,) = came + talk.hear()
            assert isinstance(answer, p.ConnAck)
            assert answer.reason_code == 0
        return talk

    return begin


def said(packets: list[Packet]) -> list[Any]:
    """What came, in short: the chunk's index and length, or the packet's name with its code."""
    short: list[Any] = []
    for packet in packets:
        if isinstance(packet, p.Publish) and "/chunk/" in packet.topic:
            short.append((int(packet.topic.rsplit("/", 1)[1]), len(packet.payload)))
        elif isinstance(packet, p.Publish):
            short.append(packet.payload.decode())
        else:
            code = getattr(packet, "reason_code", 0)
            short.append(packet.type.name + (f" 0x{code:02X}" if code else ""))
    return short


def chunks(talk: Any, *indices: int, request_id: int = 1) -> list[Any]:
    """Asks for chunks one after another at QoS 0; what comes back at once."""
    return said([packet for index in indices for packet in talk.chunk(request_id, index, CHUNK, qos=0)])


def noted(talk: Any) -> list[str]:
    """Names of the faults carried out."""
    return [str(note.fields["name"]) for note in talk.conversation.take_notes()]


def in_five(talk: Any, *names: str) -> list[str]:
    """What only MQTT 5 says."""
    return list(names) if talk.version is Version.MQTT_5 else []


def test_without_a_plan_nothing_is_different(faulty: Any, world: Any) -> None:
    """The image comes whole through the wrapping."""
    talk = faulty("none")
    image = b"".join(talk.chunk(1, index, 65536, qos=0)[0].payload for index in range(4))
    assert hashlib.sha256(image).hexdigest() == world.a.checksum
    assert noted(talk) == []


def test_a_withheld_answer_never_comes(faulty: Any, world: Any) -> None:
    """The others do."""
    talk = faulty("answer 2 withheld")
    assert chunks(talk, 0, 1, 2) == [(0, CHUNK), (2, CHUNK)]
    world.passes(60)
    assert (talk.hear(), talk.closed, noted(talk)) == ([], False, ["Withhold"])


def test_a_late_answer_comes_when_its_time_has_come(faulty: Any, world: Any) -> None:
    """And wakes its connection."""
    talk = faulty("answer 1 late by 3 s")
    assert chunks(talk, 0, 1) == [(1, CHUNK)]
    world.passes(2.9)
    assert talk.hear() == []
    world.passes(0.1)
    assert world.model.sessions.take_woken()
    assert said(talk.hear()) == [(0, CHUNK)]


def test_an_answer_comes_twice(faulty: Any) -> None:
    """The same packet, as QoS 1 allows."""
    talk = faulty("answer 1 duplicated")
    first, again = talk.chunk(1, 0, CHUNK, qos=0)
    assert first == again


def test_answers_change_places(faulty: Any) -> None:
    """The first behind the second, and neither is lost."""
    talk = faulty("answer 1 out of order")
    assert chunks(talk, 0) == []
    assert chunks(talk, 1, 2) == [(1, CHUNK), (0, CHUNK), (2, CHUNK)]


def test_an_answer_that_nothing_overtakes_comes_late(faulty: Any, world: Any) -> None:
    """A device that asks one by one waits, and gets it once."""
    talk = faulty("answer 1 out of order within 2 s")
    assert chunks(talk, 0) == []
    world.passes(2)
    assert said(talk.hear()) == [(0, CHUNK)]
    assert chunks(talk, 1) == [(1, CHUNK)]


def test_wrong_bytes_have_the_right_length(faulty: Any, world: Any) -> None:
    """One bit is another."""
    (packet,) = faulty("answer 1 corrupted").chunk(1, 0, CHUNK, qos=0)
    wrong = [i for i, byte in enumerate(packet.payload) if byte != i % 251]
    assert (len(packet.payload), len(wrong)) == (CHUNK, 1)


@pytest.mark.parametrize("size", [0, 7])
def test_a_truncated_chunk_is_a_whole_packet(faulty: Any, size: int) -> None:
    """Only the payload is shorter, down to nothing."""
    talk = faulty(f"answer 2 truncated to {size} bytes")
    assert chunks(talk, 0, 1, 2) == [(0, CHUNK), (1, size), (2, CHUNK)]


def test_a_lost_cache_entry_gives_empty_chunks_until_a_new_request_id(faulty: Any) -> None:
    """ThingsBoard's own behaviour, brought about: `CaffeineOtaPackageCache`."""
    talk = faulty("cache evicted at request 2")
    assert chunks(talk, 0, 1, 2) == [(0, CHUNK), (1, 0), (2, 0)]
    assert chunks(talk, 1, request_id=2) == [(1, CHUNK)]


@pytest.mark.parametrize(("plan", "key"), [("checksum wrong in each attributes", "fw_checksum"),
                                           ("size wrong in attributes 1", "fw_size")])  # fmt: skip
def test_an_attribute_is_wrong_in_the_answer(faulty: Any, world: Any, body: Any, plan: str, key: str) -> None:
    """All others are as they are stored."""
    talk = faulty(plan)
    answers = talk.publish("v1/devices/me/attributes/request/1", {"sharedKeys": "fw_title,fw_size,fw_checksum"})
    (shared,) = (body(each)["shared"] for each in answers if isinstance(each, p.Publish))
    stored = world.shared()
    assert {name for name, value in shared.items() if value != stored[name]} == {key}


def test_an_attribute_is_wrong_in_the_update_too(faulty: Any, world: Any, body: Any) -> None:
    """Pushed without a question."""
    talk = faulty("version 'x' in each attributes")
    talk.subscribe("v1/devices/me/attributes")
    world.assign(world.b)
    bodies = [body(each) for each in talk.hear()]
    assert [each["fw_version"] for each in bodies if "fw_version" in each] == ["x"]


@pytest.mark.parametrize("word", ["NOT_FOUND", "FAILURE", "UNKNOWN", "PAYLOAD_TOO_LARGE"])
def test_a_chunk_is_refused_with_an_error_word_and_the_end(faulty: Any, word: str) -> None:
    """As ThingsBoard does it: no PUBACK, DISCONNECT 0x83 in MQTT 5."""
    talk = faulty(f"request 2 refused with {word}")
    talk.chunk(1, 0, CHUNK)
    assert said(talk.chunk(1, 1, CHUNK)) == [word, *in_five(talk, "DISCONNECT 0x83")]
    assert talk.closed


def test_the_connection_closes_at_a_chunk(faulty: Any) -> None:
    """In place of its answer, without a word."""
    talk = faulty("cut at answer 2")
    assert chunks(talk, 0, 1, 2) == [(0, CHUNK)]
    assert talk.closed


@pytest.mark.parametrize(
    ("code", "three", "five"),
    [(0x84, 1, "0x84"), (0x85, 2, "0x85"), (0x86, 5, "0x86"), (0x87, 5, "0x87"), (0x88, 3, "0x89"), (0x9F, 3, "0x96")],
)
def test_a_connection_is_refused_with_the_code_named(faulty: Any, world: Any, code: int, three: int, five: str) -> None:
    """MQTT 5 has it as it is, with ThingsBoard's DISCONNECT behind it; MQTT 3.1.1 what stands for it there."""
    talk = faulty(f"connection 1 refused with 0x{code:02X}", connects=False)
    wanted = [f"CONNACK 0x{code:02X}", f"DISCONNECT {five}"]
    assert said(talk.connect(world.token())) == (in_five(talk, *wanted) or [f"CONNACK 0x{three:02X}"])
    assert (talk.closed, len(world.model.sessions)) == (True, 0)


def test_only_a_connection_that_could_be_accepted_is_counted(faulty: Any, world: Any) -> None:
    """A wrong token has ThingsBoard's own answer."""
    talk = faulty("connection 1 refused with 0x88", connects=False)
    assert said(talk.connect("wrong"))[0].startswith("CONNACK 0x" + ("86" if in_five(talk, "x") else "05"))
    assert noted(talk) == []


def test_a_second_client_takes_the_session_over(faulty: Any, world: Any) -> None:
    """DISCONNECT 0x8E in MQTT 5, a close in MQTT 3.1.1; the second client stays until the device returns."""
    talk = faulty("taken over at request 2")
    assert chunks(talk, 0, 1) == [(0, CHUNK), *in_five(talk, "DISCONNECT 0x8E")]
    assert (talk.closed, len(world.model.sessions)) == (True, 1)
    world.talk()
    assert len(world.model.sessions) == 1


def test_a_half_open_connection_swallows_everything_and_stays_open(faulty: Any, world: Any) -> None:
    """No answer, no ping, no end, even after the server's own limit for silence."""
    talk = faulty("silent at answer 2")
    assert chunks(talk, 0, 1, 2) == [(0, CHUNK)]
    assert talk.says(p.PingReq()) == []
    world.passes(1000)
    assert (talk.hear(), talk.closed) == ([], False)
    assert len(talk.heard) == 5  # its bytes did arrive


def test_a_rate_limit_closes_without_a_word(faulty: Any, world: Any) -> None:
    """MQTT 5 gets 0x83 and no name of the limit, which is what people puzzle over."""
    talk = faulty("rate limit at status 2")
    talk.publish("v1/devices/me/telemetry", {"a": 1})
    assert said(talk.publish("v1/devices/me/telemetry", {"a": 2})) == in_five(talk, "DISCONNECT 0x83")
    assert (talk.closed, world.states(key="a"), len(world.model.sessions)) == (True, [1], 0)


def test_another_package_is_assigned_in_the_middle(faulty: Any, world: Any, body: Any) -> None:
    """The update is pushed; the pinned request id still means the old package."""
    talk = faulty("reassigned to 'pump' '1.11' at request 2")
    talk.subscribe("v1/devices/me/attributes")
    assert chunks(talk, 0, 1) == [(0, CHUNK), (1, CHUNK)]
    world.passes(1)
    bodies = [body(each) for each in talk.hear()]
    assert "1.11" in [each.get("fw_version") for each in bodies]


def test_the_assignment_is_taken_back_in_the_middle(faulty: Any, world: Any, body: Any) -> None:
    """Nine keys are deleted at once, and this very request finds no package."""
    talk = faulty("unassigned at request 1")
    talk.subscribe("v1/devices/me/attributes")
    update, *rest = talk.chunk(1, 0, CHUNK, qos=0)
    assert len(body(update)["deleted"]) == 9
    assert said(rest) == ["NOT_FOUND", *in_five(talk, "DISCONNECT 0x83")]


def test_a_package_that_is_not_there_is_said_in_the_note(faulty: Any) -> None:
    """The fault cannot be carried out, and the recording says why."""
    talk = faulty("reassigned to 'pump' '9' at request 1")
    assert chunks(talk, 0) == [(0, CHUNK)]
    (note,) = talk.conversation.take_notes()
    assert note.fields["undone"] == "there is no package pump 9"


def test_a_slow_link_takes_its_time_both_ways(faulty: Any, world: Any) -> None:
    """300 ms there and back, and a kilobyte at 8 kbit/s: 1.3 s and a little for the request."""
    talk = faulty("slow link (300 ms, 8 kbit/s) for d1")
    assert chunks(talk, 0) == []
    world.passes(1.29)
    assert talk.hear() == []
    world.passes(0.1)
    assert said(talk.hear()) == [(0, CHUNK)]


def test_a_slow_link_keeps_the_order_and_ends_behind_the_last_word(faulty: Any, world: Any) -> None:
    """Jitter never lets a packet overtake; the goodbye comes behind all of them."""
    talk = faulty("slow link (300 ms ± 300 ms)")
    world.passes(1)
    for index in range(20):
        talk.chunk(1, index, 10, qos=0)
    talk.says(p.Disconnect())
    assert not talk.closed
    world.passes(1)
    assert said(talk.hear()) == [*((index, 10) for index in range(20)), *in_five(talk, "DISCONNECT")]
    assert talk.closed


def test_a_fault_of_one_device_leaves_the_others_alone(faulty: Any, world: Any) -> None:
    """By the device's name."""
    other = world.add_device("d2")
    talk = faulty("cut at request 1 for d2")
    assert chunks(talk, 0) == [(0, CHUNK)]
    second = world.stranger()
    second.conversation = talk.faults.around(second.conversation)
    second.connect(world.token(other))
    assert chunks(second, 0) == []
    assert second.closed


def test_a_request_may_be_lost_late_doubled_or_broken_too(faulty: Any, world: Any) -> None:
    """What the device sent is heard by the recording as it was sent."""
    talk = faulty("request 1 withheld, request 2 late by 1 s, request 3 duplicated, request 4 truncated to 1 bytes")
    assert chunks(talk, 0, 1, 2, 3) == [(2, CHUNK), (2, CHUNK), (3, 1)]
    world.passes(1)
    assert said(talk.hear()) == [(1, CHUNK)]
    assert len(talk.heard) == 5
    assert noted(talk) == ["Withhold", "Delay", "Duplicate", "Truncate"]


def test_a_burst_stays_a_burst_where_nothing_befalls_it(faulty: Any, make: Any) -> None:
    """First requests of one segment may still be answered in any order; the fault takes its own."""
    talk = faulty("answer 5 withheld")
    wanted = [talk.a_publish(f"v2/fw/request/7/chunk/{index}", str(CHUNK), 0) for index in range(6)]
    got = said(talk.says(*wanted))
    assert len(got) == 5
    assert got != sorted(got)


def test_a_note_is_about_the_question_as_the_watchers_call_it(faulty: Any) -> None:
    """For a withheld answer, the request that it would have answered."""
    talk = faulty("answer 2 withheld", connects=False)
    numbers = iter(range(100, 200))
    talk.conversation._heard = lambda _raw: next(numbers)
    talk.connect(talk.world.token())
    chunks(talk, 0, 1, 2)
    (note,) = talk.conversation.take_notes()
    assert (note.about, note.fields["index"], note.fields["device"]) == (102, 1, "d1")


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([encode(p.Connect("c", user_name="t")), b"\xc0\0"]), max_size=6)
)
def test_no_bytes_of_a_device_break_a_connection_with_faults(pieces: list[bytes]) -> None:
    """The same promise that the conversation gives."""
    import random  # noqa: PLC0415 - only here

    from otakit.twin.conversation import Conversation  # noqa: PLC0415
    from otakit.twin.model import Model  # noqa: PLC0415
    from otakit.twin.settings import TwinSettings  # noqa: PLC0415

    model = Model(TwinSettings(), random.Random(0), 0)
    plan = plan_of("50 % of PingReq duplicated, slow link (0 s), PingResp 2 withheld")
    talk = Faults(plan, model, lambda: 0).around(Conversation(model, 0))
    for data in pieces:
        talk.receive(data, 0)
        talk.take()
    talk.lost()
