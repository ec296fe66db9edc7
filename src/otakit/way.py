"""One direction of a relayed connection: bytes read, held back for their time, written.

Knows the delay queue, the rate and the back-pressure of a link; which bytes pass, the sieve says. Edge of
`otakit.link`, which makes two for each connection.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from otakit.faults import LinkSettings
from otakit.faults.meddling import Piece
from otakit.protocol.messages import Direction
from otakit.sieve import Sieve

LEAST_HELD = 256 * 1024  # bytes that one way may hold before it stops reading
UNRATED_HELD = 8 * 1024 * 1024  # the same without a rate: what 1 Gbit/s puts on a path of 64 ms


class Broken(Exception):
    """The plan breaks this connection now."""


@dataclass(frozen=True, slots=True)
class LinkPath:
    """What a link does to the pieces of one of its connections."""

    settings: LinkSettings
    began: float
    connection: int

    def rate(self, now: float) -> float:
        """Bytes a second; 0 for as fast as the machine."""
        return (self.settings.rate_at(now - self.began) or 0) / 8

    def delay_s(self, direction: Direction, number: int) -> float:
        """Seconds one way; `number` counts the pieces of a way."""
        return self.settings.delay_s(self.connection, direction.value, number)


class Way:
    """One direction of one connection: read, held back for its time, written."""

    def __init__(
        self,
        path: LinkPath,
        direction: Direction,
        sieve: Sieve,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._path, self._direction, self._sieve = path, direction, sieve
        self._reader, self._writer = reader, writer
        self._queue: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue()
        self._held, self._free_at, self._last_due, self._pieces = 0, 0.0, 0.0, 0
        self._room = asyncio.Event()
        self._clock = asyncio.get_running_loop().time

    def _slice(self) -> int:
        """About 2 ms of the link, so that a large packet arrives spread over its time as on a real one."""
        rate = self._path.rate(self._clock())
        return min(65536, max(1448, int(rate * 0.002))) if rate else 65536

    def _most(self) -> int:
        rate = self._path.rate(self._clock())
        return LEAST_HELD + int(rate * self._path.settings.round_trip_s) if rate else UNRATED_HELD

    async def read(self) -> None:
        """Takes bytes from one side until it ends, no faster than they leave."""
        while data := await self._reader.read(self._slice()):
            for piece in self._sieve.pieces(self._direction, data):
                if piece.late_s:
                    asyncio.get_running_loop().call_later(piece.late_s, self._put_late, piece)
                else:
                    self._put(piece.raw)
            while self._held > self._most():
                self._room.clear()
                await self._room.wait()
        self._queue.put_nowait((self._due(self._clock()), b""))

    def _put_late(self, piece: Piece) -> None:
        if not piece.gone:
            piece.gone = True
            self._put(piece.raw)

    def _put(self, piece: bytes | None) -> None:
        if piece is None:
            self._queue.put_nowait((self._due(max(self._clock(), self._free_at)), None))
            return
        length = self._slice()
        for at in range(0, len(piece), length):
            part = piece[at : at + length]
            begins = max(self._clock(), self._free_at)
            rate = self._path.rate(begins)
            self._free_at = begins + (len(part) / rate if rate else 0.0)
            self._queue.put_nowait((self._due(self._free_at), part))
            self._held += len(part)

    def _due(self, sent: float) -> float:
        """When a piece arrives; never before the one ahead of it, for TCP keeps the order."""
        self._pieces += 1
        self._last_due = max(self._last_due, sent + self._path.delay_s(self._direction, self._pieces))
        return self._last_due

    async def write(self) -> None:
        """Gives each piece to the other side when its time has come; an empty one is the end.

        Raises:
            Broken: the plan cuts the connection here.
        """
        while True:
            due, part = await self._queue.get()
            if (wait_s := due - self._clock()) > 0:
                await asyncio.sleep(wait_s)
            if part is None:
                raise Broken
            if not part:
                break
            self._writer.write(part)
            await self._writer.drain()
            self._held -= len(part)
            self._room.set()
        if self._writer.can_write_eof():
            self._writer.write_eof()
