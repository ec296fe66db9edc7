"""Finds the packets of a plan in the two byte streams of one connection.

Knows how to cut a stream into MQTT packets and what a fault does to one; refuses to know sockets and
clocks: bytes in, pieces out, each with the seconds by which it is late. The link feeds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from otakit.errors import RemoteProtocolError
from otakit.faults import Counter, Cut, Delay, Fault
from otakit.protocol.messages import Direction, Kind, Message, message_of, row_of
from otakit.protocol.mqtt import Framer, decode
from otakit.protocol.packets import Connect, Packet, Publish, Version

CONNECT_BYTE = 0x10  # the first byte of every MQTT connection; anything else (TLS) cannot be cut into packets
Pieces = list[tuple[bytes | None, float]]
"""Bytes that pass on with the seconds by which they are late; None breaks the connection there."""


class Sieve:
    """One connection's two streams.

    Args:
        counter: counts packets for the plan; shared by all connections of a link.
        noted: hears the fields of a note ``fault`` for each fault carried out.
    """

    def __init__(self, counter: Counter, noted: Callable[[Mapping[str, object]], None]) -> None:
        self._counter, self._noted = counter, noted
        self._framers = {Direction.TO_SERVER: Framer(), Direction.TO_DEVICE: Framer()}
        self._sees = counter.watches
        self._spoke = False
        self._version = Version.MQTT_3_1_1  # until CONNECT says otherwise

    def pieces(self, direction: Direction, data: bytes) -> Pieces:
        """What passes on of the next bytes of a stream."""
        if not self._spoke and direction is Direction.TO_SERVER:
            self._spoke = True
            self._sees = self._sees and data[0] == CONNECT_BYTE  # a device speaks first, in MQTT and in TLS
        if not self._sees:
            return [(data, 0.0)]
        framer = self._framers[direction]
        try:
            return [piece for raw in framer.feed(data) for piece in self._passes(direction, raw)]
        except RemoteProtocolError:
            self._framers[direction] = _Open()
            return [(framer.rest(), 0.0)]

    def _passes(self, direction: Direction, raw: bytes) -> Pieces:
        try:
            packet = decode(raw, self._version)
        except RemoteProtocolError:
            return [(raw, 0.0)]  # the peer will say what is wrong with it
        if isinstance(packet, Connect):
            self._version = packet.version
        message = _message(packet, direction)
        kind = getattr(message, "kind", None)
        fault = self._counter.hears(row_of(packet, direction).name, kind if isinstance(kind, Kind) else None)
        if fault is None:
            return [(raw, 0.0)]
        self._noted(_fields(fault, message, direction))
        if isinstance(fault, Cut):
            return [(None, 0.0)]
        return [(raw, fault.late_s)] if isinstance(fault, Delay) else []


class _Open(Framer):
    """Stands in for a framer whose stream is no MQTT: every slice passes as it is."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        return [bytes(data)]


def _message(packet: Packet, direction: Direction) -> Message | None:
    return message_of(packet.topic, packet.payload, direction) if isinstance(packet, Publish) else None


def _fields(fault: Fault, message: Message | None, direction: Direction) -> dict[str, object]:
    """The plan's words, and which packet it was."""
    about = {key: getattr(message, key) for key in ("request_id", "index", "kind") if hasattr(message, key)}
    fields = {"name": type(fault).__name__, **asdict(fault), **about, "direction": direction.value}
    if isinstance(kind := fields["kind"], Kind):
        fields["kind"] = kind.word
    return {key: value for key, value in fields.items() if value is not None}
