"""How much of an image went out to one device, seen from the chunks that passed.

Knows bytes and their places only. A chunk sent twice counts once. Where the first chunk seen is not the
image's first, somebody began to look late, or the device goes on where it stopped: what stands before
it is told apart, not claimed.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

MOST_SPANS = 256
"""Pieces with holes between them that are kept apart; a device in order has one."""


@dataclass(slots=True)
class Delivery:
    """One package on its way to one device.

    Attributes:
        package_id: which package.
        begun_by: connection and request id that brought the image's first bytes.
        spans: beginnings and ends of what was delivered, in order, none touching another.
    """

    package_id: str
    begun_by: tuple[int, bytes] | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Bytes seen passing, each once."""
        return sum(end - start for start, end in self.spans)

    @property
    def before(self) -> int:
        """Bytes in front of the first one seen."""
        return self.spans[0][0] if self.spans else 0

    def credit(self, start: int, end: int, asker: tuple[int, bytes]) -> None:
        """Bytes from `start` to `end` were sent.

        Args:
            start: offset of the first.
            end: offset behind the last.
            asker: connection and request id; the image's first bytes under a new one begin a new download.
        """
        if end <= start:
            return
        if start == 0 and self.begun_by != asker:
            self.begun_by, self.spans = asker, self.spans if self.before else []
        if self.spans and self.spans[-1][1] == start:  # in order, as nearly always
            self.spans[-1] = (self.spans[-1][0], end)
            return
        self._insert(start, end)

    def _insert(self, start: int, end: int) -> None:
        spans = self.spans
        at = bisect_left(spans, (start, start))
        if at and spans[at - 1][1] >= start:
            at -= 1
        last = at
        while last < len(spans) and spans[last][0] <= end:
            start, end = min(start, spans[last][0]), max(end, spans[last][1])
            last += 1
        if last > at or len(spans) < MOST_SPANS:
            spans[at:last] = [(start, end)]
