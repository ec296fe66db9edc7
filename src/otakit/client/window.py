"""Which chunk next, how many in flight, and when one is asked for again.

Knows indices, sizes and times; refuses to know messages, connections and what the bytes are. The machine
asks it at every event. ThingsBoard answers a request id in the order of the requests once its first answer
came (`MqttTransportHandler.getOtaPackageCallback`), so the first goes alone and an answer that overtakes
others says that those are lost or late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

REACH = 1024
"""How far beyond the first missing chunk others may be asked for: what must be remembered stays small."""
MOST_PATIENCE = 12
"""A slow server may stretch the deadline to so many times the one that was set, no further."""


@dataclass(slots=True)
class Asked:
    """A request in flight.

    Attributes:
        since: when it was its turn the first time, for the time that an answer took in the end.
        turn_at: fixed once a later request was answered before it.
    """

    asked_at: int
    attempt: int
    since: int | None = None
    turn_at: int | None = None


@dataclass(slots=True)
class Window:
    """The chunks of one image.

    Attributes:
        width: most requests in flight.
        prefix: all chunks below this index are there.
        alone: the next request goes alone: nothing was answered under this request id yet.
    """

    size: int
    chunk_bytes: int
    width: int
    deadline_ns: int
    prefix: int = 0
    alone: bool = True
    in_flight: dict[int, Asked] = field(default_factory=dict)
    _beyond: set[int] = field(default_factory=set)
    _fresh: int = 0
    _waiting: list[int] = field(default_factory=list)
    _before: dict[int, Asked] = field(default_factory=dict)
    _heard_at: int = 0
    _slowest: int = 0

    @property
    def count(self) -> int:
        """Chunks of the whole image."""
        return -(-self.size // self.chunk_bytes)

    @property
    def done(self) -> int:
        """Chunks that are there."""
        return self.prefix + len(self._beyond)

    @property
    def bytes_done(self) -> int:
        """Bytes that are there."""
        done = self.done * self.chunk_bytes
        last = self.count - 1
        return done - (self.count * self.chunk_bytes - self.size) if self.has(last) else done

    @property
    def complete(self) -> bool:
        """Whether every chunk is there."""
        return self.prefix == self.count

    def length(self, index: int) -> int:
        """Bytes that chunk `index` must have: all of the chunk size, the last one what is left."""
        return min(self.chunk_bytes, self.size - index * self.chunk_bytes)

    def has(self, index: int) -> bool:
        """Whether chunk `index` is there."""
        return index < self.prefix or index in self._beyond

    def wants(self, index: int) -> bool:
        """Whether chunk `index` was asked for and is missing."""
        return index < self._fresh and index >= self.prefix and index not in self._beyond

    def attempt(self, index: int) -> int:
        """How often chunk `index` was asked for since the last stronger means."""
        asked = self.in_flight.get(index)
        if asked is None:
            asked = self._before.get(index)
        return asked.attempt if asked is not None else 0

    def ask(self, now: int) -> int | None:
        """The index to ask for now, from then on in flight; None when none may be asked for."""
        if len(self.in_flight) >= (1 if self.alone else self.width):
            return None
        if self._waiting:
            index = heappop(self._waiting)
        elif self._fresh < self.count and self._fresh - self.prefix <= REACH:
            index = self._fresh
            self._fresh += 1
        else:
            return None
        before = self._before.pop(index, None) if self._before else None
        self.in_flight[index] = Asked(now, 1) if before is None else Asked(now, before.attempt + 1, before.since)
        return index

    def arrived(self, index: int, now: int) -> None:
        """Chunk `index` is there now; `wants` said that it was missing."""
        self.answered(index, now)
        self.alone = False
        if index in self._waiting:  # it came late, while it waited to be asked for again
            self._waiting.remove(index)
            self._before.pop(index, None)
            heapify(self._waiting)
        if index != self.prefix:
            self._beyond.add(index)
            return
        self.prefix += 1
        while self.prefix in self._beyond:
            self._beyond.remove(self.prefix)
            self.prefix += 1

    def answered(self, index: int, now: int) -> None:
        """An answer for chunk `index` came, good or not: a sign of life, and no longer in flight."""
        asked = self.in_flight.get(index)
        if asked is not None:
            for other, earlier in self.in_flight.items():
                if other == index:
                    break
                if earlier.turn_at is None:
                    earlier.turn_at = max(earlier.asked_at, self._heard_at)
            since = self._turn(asked) if asked.since is None else asked.since
            self._slowest = max(self._slowest, now - since)
            del self.in_flight[index]
        self._heard_at = now

    def alive(self, now: int) -> None:
        """An answer came that is of no more use: what is still in flight stands in the queue behind it."""
        self._heard_at = now

    def again(self, index: int) -> int:
        """Chunk `index` shall be asked for once more; returns the number of that attempt."""
        asked = self.in_flight.pop(index, None)
        if asked is not None:
            asked.since = self._turn(asked) if asked.since is None else asked.since
            self._before[index] = asked
        if index not in self._waiting:
            heappush(self._waiting, index)
        return self.attempt(index) + 1

    def afresh(self) -> None:
        """Everything in flight is asked for again as if for the first time, one alone first."""
        for index in self.in_flight:
            heappush(self._waiting, index)
        self.in_flight.clear()
        self._before.clear()
        self.alone = True

    def resized(self, chunk_bytes: int) -> Window:
        """The same image in smaller chunks; whole new chunks among the bytes at the front are kept."""
        prefix = self.prefix * self.chunk_bytes // chunk_bytes
        return Window(self.size, chunk_bytes, self.width, self.deadline_ns, prefix, _fresh=prefix)

    @property
    def patience_ns(self) -> int:
        """How long an answer may take from its turn: the deadline, or twice the slowest answer so far."""
        return min(max(self.deadline_ns, 2 * self._slowest), MOST_PATIENCE * self.deadline_ns)

    @property
    def wake_at(self) -> int | None:
        """When the first request in flight will be overdue."""
        if not self.in_flight:
            return None
        return min(self._turn(asked) for asked in self.in_flight.values()) + self.patience_ns

    @property
    def expects(self) -> bool:
        """Whether an answer is on its way, as far as one can tell: one that was overtaken is lost or late."""
        return any(asked.turn_at is None for asked in self.in_flight.values())

    def overdue(self, now: int) -> list[int]:
        """Indices whose answers are late."""
        latest = now - self.patience_ns
        return [index for index, asked in self.in_flight.items() if self._turn(asked) <= latest]

    def _turn(self, asked: Asked) -> int:
        """When the server could turn to this request: a queue in front of it is not its fault."""
        return asked.turn_at if asked.turn_at is not None else max(asked.asked_at, self._heard_at)
