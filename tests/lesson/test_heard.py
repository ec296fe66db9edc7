"""Which packets answer a question, and when it is over; without a socket."""

from __future__ import annotations

import pytest

from otakit.lesson.heard import Heard, answer_topic, by_itself, exchange_of, is_over, waits_for_nothing
from otakit.lesson.step import ShownPacket
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction

CHUNK = p.Publish("v2/fw/request/1/chunk/0", b"10", 1, 7)
BYTES = p.Publish("v2/fw/response/1/chunk/0", b"0123456789", 1, 1)
WORD = p.Publish("v2/fw/error", b"NOT_FOUND", 1, 1)
REPORT = p.Publish("v1/devices/me/telemetry", b"{}", 1, 8)
UPDATE = p.Publish("v1/devices/me/attributes", b"{}", 1, 2)


def up(packet: p.Packet) -> Heard:
    return _heard(Direction.TO_SERVER, packet)


def down(packet: p.Packet) -> Heard:
    return _heard(Direction.TO_DEVICE, packet)


def _heard(direction: Direction, packet: p.Packet) -> Heard:
    return Heard(direction, packet, ShownPacket(0, direction, "", ()))


def packets(heard: list[Heard]) -> list[p.Packet]:
    return [one.packet for one in heard]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("v2/fw/request/1/chunk/0", "v2/fw/response/1/chunk/0"),
        ("v2/sw/request/01/chunk/007", "v2/sw/response/01/chunk/7"),
        ("v1/devices/me/attributes/request/007", "v1/devices/me/attributes/response/7"),
        ("v1/devices/me/rpc/request/3", "v1/devices/me/rpc/response/3"),
        ("v2/fw/request/abc/chunk/0", None),
        ("v2/fw/response/1/chunk/0", None),
        ("v1/devices/me/telemetry", None),
    ],
)
def test_the_topic_of_an_answer(topic: str, expected: str | None) -> None:
    """The id of a chunk comes back as it was written, numbers as numbers."""
    assert answer_topic(topic) == expected


@pytest.mark.parametrize(
    ("question", "came", "over"),
    [
        (CHUNK, [], False),
        (CHUNK, [down(p.PubAck(7))], False),
        (CHUNK, [down(BYTES)], False),
        (CHUNK, [down(p.PubAck(7)), down(BYTES)], True),
        (CHUNK, [down(p.PubAck(8)), down(BYTES)], False),
        (CHUNK, [down(p.PubAck(7, 0x90))], True),
        (CHUNK, [down(WORD)], False),
        (REPORT, [down(p.PubAck(8))], True),
        (REPORT, [down(WORD)], False),
        (p.Publish(CHUNK.topic, b"10"), [down(BYTES)], True),
        (p.Connect(), [down(p.ConnAck())], True),
        (p.Connect(), [down(p.ConnAck(5))], False),
        (p.Subscribe(3, (("a", 1),)), [down(p.SubAck(2, (1,)))], False),
        (p.Subscribe(3, (("a", 1),)), [down(p.SubAck(3, (0x80,)))], True),
        (REPORT, [down(p.PubAck(8)), down(p.Disconnect(0x83))], False),
    ],
)
def test_when_nothing_more_is_waited_for(question: p.Packet, came: list[Heard], over: bool) -> None:
    """All that is promised has come; after a refusal, an error word or a DISCONNECT the close belongs to it."""
    assert is_over(question, [up(question), *came]) is over


def test_what_came_before_the_question_does_not_answer_it() -> None:
    """Nor does the same question asked twice end with the first answer: it is found as the very object."""
    again = p.Publish(CHUNK.topic, b"10", 1, 9)
    assert not is_over(again, [up(CHUNK), down(p.PubAck(7)), down(BYTES), up(again), down(p.PubAck(9))])


def test_an_exchange_leaves_what_the_server_says_by_itself() -> None:
    """And takes the acknowledgement of its own answer alone."""
    heard = [up(CHUNK), down(UPDATE), up(p.PubAck(2)), down(p.PubAck(7)), down(BYTES), up(p.PubAck(1))]
    assert packets(exchange_of(CHUNK, heard)) == [CHUNK, p.PubAck(7), BYTES, p.PubAck(1)]
    assert packets(by_itself(heard[1:3])) == [UPDATE, p.PubAck(2)]


def test_only_a_report_at_qos_0_waits_for_nothing() -> None:
    """A sign of life then tells that it was read."""
    assert waits_for_nothing(p.Publish(REPORT.topic, b"{}"))
    assert not waits_for_nothing(REPORT)
    assert not waits_for_nothing(p.Publish(CHUNK.topic, b"10"))
