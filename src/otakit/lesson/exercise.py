"""What one exercise is, and what its checks share; the exercises themselves are `lesson.exercises`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Exercise:
    """One exercise at the end of a lesson.

    Attributes:
        is_right: whether a value answers it; may raise, which counts as no.
        because: why the right answer is right.
        look: where to look when it is not.
        hints: three, each saying more than the one before.
    """

    is_right: Callable[[Any], bool]
    because: str
    look: str
    hints: tuple[str, str, str]


def near(value: Any, wanted: float) -> bool:
    """Whether a number is the wanted one, rounding aside."""
    return abs(float(value) - wanted) <= 1e-6 * max(1.0, abs(wanted))
