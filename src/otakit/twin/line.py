"""The way out to one device: packets to bytes, packet ids, the QoS of answers, the goodbye.

Knows what every downlink has in common in ThingsBoard (DUP and RETAIN 0, one counter of packet ids that
QoS 0 spends too and that is cut to 16 bits, the QoS granted to a matching filter) and that downlinks which
leave through its pool of 20 threads may overtake each other; refuses to know why something is sent.
"""

from __future__ import annotations

import json
from enum import Enum

from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Disconnect, Packet, PubAck, Version
from otakit.protocol.properties import MAX_VARINT, put_varint
from otakit.twin.rules.chance import Chance
from otakit.twin.rules.transport import matches
from otakit.twin.topics import FILTERS

MAX_TOPIC = 65_535
MOST_OWN_FILTERS = 1000
"""Filters beside ThingsBoard's own that one connection may have: a profile can let a device choose any."""


def json_bytes(value: object) -> bytes:
    """JSON without blanks; a lone surrogate becomes ``?`` as Java writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


class Pool(Enum):
    """What leaves through the pool of threads."""

    ANSWER = "to an attribute request"
    UPDATE = "of attributes"


class Line:
    """The bytes that wait to be sent, and whether the connection is to be closed after them.

    Args:
        chance: decides what the source leaves open.
    """

    __slots__ = ("_answers", "_chance", "_granted", "_out", "_own", "_pooled", "_sent", "closing", "version")

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.version = Version.MQTT_3_1_1
        self.closing = False
        self._granted = 0  # two bits for each of FILTERS: whether it is granted, and its QoS
        self._own: dict[str, int] | None = None
        self._sent = 0
        self._out: list[bytes] = []
        self._pooled: list[int] | None = None
        self._answers = False

    @property
    def is_five(self) -> bool:
        """Whether the device speaks MQTT 5, where codes have meanings and DISCONNECT goes both ways."""
        return self.version is Version.MQTT_5

    def take(self) -> list[bytes]:
        """What is to be sent now, pooled downlinks in any order among themselves; empties it.

        Two updates alone keep theirs: they are the two of one assignment, which chose it already.
        """
        if self._pooled is not None:
            if len(self._pooled) > (1 if self._answers else 2):
                packets = self._chance.shuffled([self._out[place] for place in self._pooled])
                for place, packet in zip(self._pooled, packets, strict=True):
                    self._out[place] = packet
            self._pooled, self._answers = None, False
        out, self._out = self._out, []
        return out

    def grant(self, name: str, qos: int) -> bool:
        """Grants a filter; False when the connection has too many."""
        if (place := FILTERS.get(name)) is not None:
            self._granted = self._granted & ~(3 << place) | (1 | qos << 1) << place
            return True
        self._own = self._own or {}
        if name not in self._own and len(self._own) >= MOST_OWN_FILTERS:
            return False
        self._own[name] = qos
        return True

    def revoke(self, name: str) -> bool:
        """Takes a filter back; False when it was not granted."""
        place = FILTERS.get(name)
        if place is None:
            return self._own is not None and self._own.pop(name, None) is not None
        there = bool(self._granted >> place & 1)
        self._granted &= ~(3 << place)
        return there

    def qos_of(self, topic: str, granted_by: str) -> int:
        """The QoS of a downlink: that of any filter that matches its topic, 1 when none does.

        Args:
            topic: where it is published.
            granted_by: the only one of `FILTERS` that can match it.
        """
        place = FILTERS.get(granted_by)
        bits = 0 if place is None else self._granted >> place & 3
        found = [bits >> 1] if bits & 1 else []
        if self._own:
            found += [qos for name, qos in self._own.items() if matches(name, topic)]
        return found[0] if len(set(found)) == 1 else self._chance.one_of(found) if found else 1

    def send(self, packet: Packet) -> None:
        """Adds a packet."""
        if not self.closing:
            self._out.append(encode(packet, self.version))

    def ack(self, packet_id: int | None, reason_code: int = 0) -> None:
        """PUBACK, also for QoS 2; nothing for QoS 0."""
        if packet_id:
            self.send(PubAck(packet_id, reason_code))

    def publish(self, topic: str, payload: bytes, granted_by: str, *, pooled: Pool | None = None) -> None:
        """A downlink.

        Args:
            topic: where it is published.
            payload: its bytes.
            granted_by: the filter whose granted QoS it gets; QoS 1 when nobody subscribed it.
            pooled: what it is among those that may overtake each other.
        """
        if self.closing:
            return
        self._sent += 1
        qos, name = self.qos_of(topic, granted_by), topic.encode()
        middle = (self._sent & 0xFFFF).to_bytes(2, "big") if qos else b""  # the 65,536th carries id 0
        if self.is_five:
            middle += b"\0"
        length = 2 + len(name) + len(middle) + len(payload)
        if len(name) > MAX_TOPIC or length > MAX_VARINT:
            return  # no MQTT packet can carry it; ThingsBoard's encoder fails and nothing is sent
        head = bytes((0x30 | qos << 1,)) + put_varint(length) + len(name).to_bytes(2, "big")
        if pooled is not None:
            self._answers |= pooled is Pool.ANSWER
            self._pooled = self._pooled or []
            self._pooled.append(len(self._out))
        self._out.append(b"".join((head, name, middle, payload)))

    def close(self, reason_code: int | None = None) -> None:
        """Asks for the connection to be closed; MQTT 5 says why first."""
        if self.is_five and reason_code is not None:
            self.send(Disconnect(reason_code))
        self.closing = True
