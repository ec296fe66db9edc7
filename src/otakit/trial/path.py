"""The link in virtual time: serialisation, delay, the faults of a plan, and who meddles with packets.

Says when which bytes arrive; carries nothing. Pure; used by `world`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from otakit.client.settings import ns
from otakit.faults import Counter, LinkSettings
from otakit.faults.meddling import Piece
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Packet, Version
from otakit.sieve import Sieve

Meddler = Callable[[Direction, Packet], Iterable[bytes] | None]
"""Sees each packet before it is sent; gives the bytes to send in its place, or None to leave it alone."""


class Path:
    """The way between device and server, both directions.

    Args:
        link: delay, rate and faults.
        meddler: see `Meddler`.
    """

    def __init__(self, link: LinkSettings, meddler: Meddler | None) -> None:
        self._link, self._meddler = link, meddler
        self._counter = Counter(link.plan, link.seed)
        self._sieve: Sieve | None = None
        self._began: int | None = None
        self._sent = 0
        self._free = {Direction.TO_SERVER: 0, Direction.TO_DEVICE: 0}
        self._last = {Direction.TO_SERVER: 0, Direction.TO_DEVICE: 0}

    def idle_ns(self, direction: Direction, now: int) -> int:
        """How long what is sent now takes when it has no bytes: it comes behind all that was sent before."""
        self._sent += 1
        due = max(now, self._free[direction]) + ns(self._link.delay_s(direction.value, self._sent))
        self._last[direction] = max(self._last[direction], due)
        return self._last[direction] - now

    def clear(self, now: int) -> None:
        """The connection is over: what waited to be sent down is dropped by its sender."""
        self._free[Direction.TO_DEVICE] = self._last[Direction.TO_DEVICE] = now
        self._sieve = None

    def send(self, direction: Direction, raw: bytes, version: Version, now: int) -> list[tuple[int, Piece]]:
        """When each piece arrives that is sent in place of this packet; one without bytes breaks the connection."""
        packet = decode(raw, version)
        instead = self._meddler(direction, packet) if self._meddler is not None else None
        return [
            sent
            for each in ([raw] if instead is None else instead)
            for sent in self._one(direction, each, version, now)
        ]

    def _one(self, direction: Direction, raw: bytes, version: Version, now: int) -> list[tuple[int, Piece]]:
        if self._sieve is None:
            self._sieve = Sieve(self._counter, lambda *_: None, self._link.seed, version)
        pieces = self._sieve.passes(direction, raw) if self._counter.watches else [Piece(raw)]
        return [(self._takes(direction, piece, now) + ns(piece.late_s), piece) for piece in pieces]

    def _takes(self, direction: Direction, piece: Piece, now: int) -> int:
        self._began = now if self._began is None else self._began
        if piece.raw is not None:
            begins = max(now, self._free[direction])
            rate = self._link.rate_at((begins - self._began) / 1e9)
            self._free[direction] = begins + (round(len(piece.raw) * 8e9 / rate) if rate else 0)
        return self.idle_ns(direction, now)
