"""A sentence that shows itself in a notebook as it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """A sentence that shows itself in a notebook, without quotes."""

    text: str

    def __repr__(self) -> str:
        """The sentence."""
        return self.text
