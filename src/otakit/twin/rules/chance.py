"""What the source leaves open, decided by a seed: orders, one of several, names that must be unique.

Draws from any object with `.random()`; while shuffling is off it always gives the usual order.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
ALPHANUMERICS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Random(Protocol):
    """The only thing asked of a generator."""

    def random(self) -> float:
        """The next number from 0 (inclusive) to 1 (exclusive)."""


class Chance:
    """A seeded decider.

    Args:
        source: where the numbers come from.
        shuffle: False keeps every open order in its usual form.
    """

    def __init__(self, source: Random, *, shuffle: bool = True) -> None:
        self._source = source
        self._shuffle = shuffle

    def coin(self) -> bool:
        """Whether the unusual of two ways is taken."""
        return self._shuffle and self._source.random() < 0.5

    def one_of(self, options: Sequence[T]) -> T:
        """One of several; the first while shuffling is off."""
        return options[int(self._source.random() * len(options))] if self._shuffle else options[0]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of them, in any order (Fisher and Yates)."""
        mixed = list(items)
        if self._shuffle:
            for last in range(len(mixed) - 1, 0, -1):
                other = int(self._source.random() * (last + 1))
                mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def new_id(self) -> str:
        """A UUID that no clock and no address went into."""
        bits = 0
        for _ in range(4):
            bits = bits << 32 | int(self._source.random() * 2**32)
        return str(uuid.UUID(int=bits, version=4))

    def new_token(self) -> str:
        """Twenty alphanumerics, as ThingsBoard makes access tokens."""
        return "".join(ALPHANUMERICS[int(self._source.random() * len(ALPHANUMERICS))] for _ in range(20))
