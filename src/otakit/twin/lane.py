"""One direction of a slow link inside the twin: when bytes arrive that leave now. Pure; used by `faulty`."""

from __future__ import annotations

from otakit.faults import LinkSettings
from otakit.protocol.messages import Direction
from otakit.twin.settings import SECOND, nanoseconds


class Lane:
    """One direction of one connection.

    Attributes:
        waiting: how many pieces are on their way.
    """

    def __init__(self, connection: int, direction: Direction) -> None:
        self._what = (connection, direction.value)
        self._began: int | None = None
        self._free_at = self._last_due = self._count = 0
        self.waiting = 0

    def due(self, link: LinkSettings, size: int, now: int) -> int:
        """When so many bytes arrive; never before those ahead of them, for TCP keeps the order."""
        self._began = now if self._began is None else self._began
        self._count += 1
        begins = max(now, self._free_at)
        rate = link.rate_at((begins - self._began) / SECOND)
        self._free_at = begins + (round(size * 8 * SECOND / rate) if rate else 0)
        delay_ns = nanoseconds(link.delay_s(*self._what, self._count))
        self._last_due = max(self._last_due, self._free_at + delay_ns)
        return self._last_due
