"""Finds the packets of a plan in the two byte streams of one connection.

Knows how to cut a stream into MQTT packets, and which of them a fault befalls; refuses to know sockets and
clocks: bytes in, pieces out, each with the seconds by which it is late. The link feeds it, and the simulated
world its whole packets.
"""

from __future__ import annotations

from collections.abc import Callable

from otakit.errors import RemoteProtocolError
from otakit.faults import Counter, Fault, Reorder, Silence
from otakit.faults.meddling import Held, Piece, kind_of, meaning_of, meddled
from otakit.protocol.messages import Direction, row_of
from otakit.protocol.mqtt import Framer, decode
from otakit.protocol.packets import Connect, Packet, Version

CONNECT_BYTE = 0x10  # the first byte of every MQTT connection; anything else (TLS) cannot be cut into packets
Noted = Callable[[Fault, Packet, Direction], None]
"""Hears of a fault before it is carried out, with the packet that it befalls."""


class Sieve:
    """One connection's two streams.

    Args:
        counter: counts packets for the plan; shared by all connections of a link.
        noted: see `Noted`.
        seed: decides which bit of a corrupted packet is another.
        version: of the connection, until CONNECT says otherwise.
        device: gives the device's name, where it is known; CONNECT is left to who knows it.

    Attributes:
        silent: nothing passes any more.
    """

    def __init__(
        self,
        counter: Counter,
        noted: Noted,
        seed: int = 0,
        version: Version = Version.MQTT_3_1_1,
        device: Callable[[], str | None] | None = None,
    ) -> None:
        self._counter, self._noted, self._seed, self._version = counter, noted, seed, version
        self._framers = {Direction.TO_SERVER: Framer(), Direction.TO_DEVICE: Framer()}
        self._sees = counter.watches
        self._spoke = self.silent = False
        self._device = device
        self._passed = 0
        self._held = Held()

    def pieces(self, direction: Direction, data: bytes) -> list[Piece]:
        """What passes on of the next bytes of a stream."""
        if not self._spoke and direction is Direction.TO_SERVER:
            self._spoke = True
            self._sees = self._sees and data[0] == CONNECT_BYTE  # a device speaks first, in MQTT and in TLS
        if not self._sees:
            return [Piece(data)]
        framer = self._framers[direction]
        try:
            return [piece for raw in framer.feed(data) for piece in self.passes(direction, raw)]
        except RemoteProtocolError:
            self._framers[direction] = _Open()
            return [Piece(framer.rest())]

    def passes(self, direction: Direction, raw: bytes) -> list[Piece]:
        """What passes on of one whole packet."""
        if self.silent:
            return []
        try:
            packet = decode(raw, self._version)
        except RemoteProtocolError:
            return [Piece(raw)]  # the peer will say what is wrong with it
        if isinstance(packet, Connect):
            self._version = packet.version
            if self._device is not None:
                return [Piece(raw)]
        self._passed += 1
        return self._earned(packet, raw, direction, row_of(packet, direction).name)

    def obeys(self, fault: Fault) -> None:
        """From a `Silence` on, nothing passes."""
        self.silent = self.silent or isinstance(fault, Silence)

    def _earned(self, packet: Packet, raw: bytes, direction: Direction, row: str) -> list[Piece]:
        message, place = meaning_of(packet, direction), (direction, row)
        device = self._device() if self._device is not None else None
        fault = self._counter.hears(row, kind_of(message), device=device, says=message)
        if fault is None or (isinstance(fault, Reorder) and self._held.waits(place)):
            return [Piece(raw), *self._held.release(place)]
        self._noted(fault, packet, direction)
        self.obeys(fault)
        pieces = meddled(fault, raw, packet, self._version, self._seed, self._passed)
        if isinstance(fault, Reorder):
            return self._held.hold(place, pieces)
        return [*pieces, *self._held.release(place)] if pieces else []


class _Open(Framer):
    """Stands in for a framer whose stream is no MQTT: every slice passes as it is."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        return [bytes(data)]
