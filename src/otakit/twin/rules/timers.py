"""What is due later: a queue of actions by time.

Holds no clock: whoever drives the twin asks `due_at` when to come back, and calls `run` with the time
it is then.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Timers:
    """Actions in the order of their time, and of their entry where times are equal."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, int, Callable[[int], None]]] = []
        self._count = 0

    def at(self, due_ns: int, action: Callable[[int], None]) -> None:
        """Runs `action(now)` once, at `due_ns` or as soon after as the driver comes back."""
        heapq.heappush(self._queue, (due_ns, self._count, action))
        self._count += 1

    @property
    def due_at(self) -> int | None:
        """When the next action is due, None while there is none."""
        return self._queue[0][0] if self._queue else None

    def run(self, now: int) -> None:
        """Carries out everything due up to now, each with its own due time: a late driver changes no stamp."""
        while self._queue and self._queue[0][0] <= now:
            due_ns, _, action = heapq.heappop(self._queue)
            action(due_ns)
