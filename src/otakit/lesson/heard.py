"""Which packets answer a question that was asked by hand, and when nothing more is to be waited for.

Knows what ThingsBoard answers to each kind of packet, its refusals included; refuses to know sockets and
waiting (`lesson.line`) and how an exchange is shown (`lesson.exchange`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from otakit.lesson.step import ShownPacket
from otakit.protocol import packets as p
from otakit.protocol.message_reading import CHUNK_TOPIC
from otakit.protocol.messages import Direction

REFUSED = 0x80
"""Reason codes from here on refuse (OASIS MQTT 5, section 2.4); SUBACK's 0x80 of MQTT 3.1.1 too."""
_NUMBERED = re.compile(r"v1/devices/me/(attributes|rpc)/request/(\d+)", re.ASCII)
_PLAIN = {p.Connect: p.ConnAck, p.Subscribe: p.SubAck, p.Unsubscribe: p.UnsubAck, p.PingReq: p.PingResp}


@dataclass(frozen=True)
class Heard:
    """A packet that passed, decoded and as it is shown."""

    direction: Direction
    packet: p.Packet = field(repr=False)
    shown: ShownPacket


def answer_topic(topic: str) -> str | None:
    """Under which topic the content comes that a PUBLISH asks for; None when it asks for none.

    ThingsBoard repeats the request id of a chunk as it was written, and its index as a number
    (`MqttTransportHandler.getOtaPackageCallback`).
    """
    if (found := CHUNK_TOPIC.fullmatch(topic)) is not None and found[2] == "request":
        return f"v2/{found[1]}/response/{found[3]}/chunk/{int(found[4])}"
    if (found := _NUMBERED.fullmatch(topic)) is not None:
        return f"v1/devices/me/{found[1]}/response/{int(found[2])}"
    return None


def is_error(packet: p.Packet) -> bool:
    """One of ThingsBoard's error words; the connection closes right after it."""
    return isinstance(packet, p.Publish) and packet.topic in ("v2/fw/error", "v2/sw/error")


def exchange_of(question: p.Packet, heard: Sequence[Heard]) -> list[Heard]:
    """Those of the packets that are a question and what belongs to it; the question is found as the very object."""
    at = next((place for place, one in enumerate(heard) if one.packet is question), None)
    return [] if at is None else [heard[at], *_with_acknowledgements(heard[at:], lambda one: _answers(question, one))]


def by_itself(heard: Sequence[Heard]) -> list[Heard]:
    """What the server published or said at parting without a question that is still open."""
    return _with_acknowledgements(heard, lambda packet: isinstance(packet, p.Publish))


def messages_in(heard: Sequence[Heard]) -> int:
    """How many of them the server published."""
    return sum(isinstance(one.packet, p.Publish) for one in heard)


def _with_acknowledgements(heard: Sequence[Heard], is_wanted: Callable[[p.Packet], bool]) -> list[Heard]:
    """The server's packets that are wanted, its DISCONNECT, and the device's acknowledgements of them."""
    found: list[Heard] = []
    to_acknowledge: set[int | None] = set()
    for one in heard:
        packet = one.packet
        if one.direction is Direction.TO_SERVER:
            if isinstance(packet, p.PubAck) and packet.packet_id in to_acknowledge:
                to_acknowledge.discard(packet.packet_id)
                found.append(one)
        elif isinstance(packet, p.Disconnect) or is_wanted(packet):
            found.append(one)
            if isinstance(packet, p.Publish) and packet.qos:
                to_acknowledge.add(packet.packet_id)
    return found


def _answers(question: p.Packet, packet: p.Packet) -> bool:
    if not isinstance(question, p.Publish):
        same_id = getattr(question, "packet_id", None) == getattr(packet, "packet_id", None)
        return isinstance(packet, _PLAIN.get(type(question), ())) and same_id
    if isinstance(packet, p.Publish):
        asks_chunk = CHUNK_TOPIC.fullmatch(question.topic) is not None
        return packet.topic == answer_topic(question.topic) or (asks_chunk and is_error(packet))
    return isinstance(packet, p.PubAck) and packet.packet_id == question.packet_id


def is_over(question: p.Packet, heard: Sequence[Heard]) -> bool:
    """Whether all that is promised has come; what ends in a close is never over before it."""
    came = [one.packet for one in exchange_of(question, heard) if one.direction is Direction.TO_DEVICE]
    if any(isinstance(packet, p.Disconnect) or is_error(packet) for packet in came):
        return False
    if isinstance(question, p.Publish):
        return _publish_is_over(question, came)
    first = next(iter(came), None)
    return first is not None and not (isinstance(first, p.ConnAck) and first.reason_code)


def _publish_is_over(question: p.Publish, came: list[p.Packet]) -> bool:
    acknowledged = next((packet for packet in came if isinstance(packet, p.PubAck)), None)
    if acknowledged is not None and acknowledged.reason_code >= REFUSED:
        return True
    has_content = any(isinstance(packet, p.Publish) for packet in came)
    wants_content = answer_topic(question.topic) is not None
    return (not question.qos or acknowledged is not None) and (has_content or not wants_content)


def waits_for_nothing(question: p.Packet) -> bool:
    """Whether not even an acknowledgement is promised: only a sign of life tells that it was read."""
    return isinstance(question, p.Publish) and not question.qos and answer_topic(question.topic) is None
