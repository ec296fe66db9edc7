"""The way out to one device: packets to bytes, packet ids, the QoS of answers, the goodbye.

Knows what every downlink has in common in ThingsBoard (DUP and RETAIN 0, one counter of packet ids that
QoS 0 spends too and that is cut to 16 bits, the QoS granted to the matching filter); refuses to know why
something is sent.
"""

from __future__ import annotations

import json

from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Disconnect, Packet, PubAck, Version
from otakit.protocol.properties import MAX_VARINT, put_varint

MAX_TOPIC = 65_535


def json_bytes(value: object) -> bytes:
    """JSON without blanks; a lone surrogate becomes ``?`` as Java writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


class Line:
    """The bytes that wait to be sent, and whether the connection is to be closed after them."""

    def __init__(self) -> None:
        self.version = Version.MQTT_3_1_1
        self.granted: dict[str, int] = {}
        self.closing = False
        self._sent = 0
        self._out: list[bytes] = []

    @property
    def is_five(self) -> bool:
        """Whether the device speaks MQTT 5, where codes have meanings and DISCONNECT goes both ways."""
        return self.version is Version.MQTT_5

    def take(self) -> list[bytes]:
        """What is to be sent now; empties it."""
        out, self._out = self._out, []
        return out

    def send(self, packet: Packet) -> None:
        """Adds a packet."""
        if not self.closing:
            self._out.append(encode(packet, self.version))

    def ack(self, packet_id: int | None, reason_code: int = 0) -> None:
        """PUBACK, also for QoS 2; nothing for QoS 0."""
        if packet_id:
            self.send(PubAck(packet_id, reason_code))

    def publish(self, topic: str, payload: bytes, granted_by: str) -> None:
        """A downlink.

        Args:
            topic: where it is published.
            payload: its bytes.
            granted_by: the filter whose granted QoS it gets; QoS 1 when nobody subscribed it.
        """
        if self.closing:
            return
        self._sent += 1
        qos, name = self.granted.get(granted_by, 1), topic.encode()
        middle = (self._sent & 0xFFFF).to_bytes(2, "big") if qos else b""  # the 65,536th carries id 0
        if self.is_five:
            middle += b"\0"
        length = 2 + len(name) + len(middle) + len(payload)
        if len(name) > MAX_TOPIC or length > MAX_VARINT:
            return  # no MQTT packet can carry it; ThingsBoard's encoder fails and nothing is sent
        head = bytes((0x30 | qos << 1,)) + put_varint(length) + len(name).to_bytes(2, "big")
        self._out.append(b"".join((head, name, middle, payload)))

    def close(self, reason_code: int | None = None) -> None:
        """Asks for the connection to be closed; MQTT 5 says why first."""
        if self.is_five and reason_code is not None:
            self.send(Disconnect(reason_code))
        self.closing = True
