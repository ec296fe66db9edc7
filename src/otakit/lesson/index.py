"""All lessons in one table: what each asks, how long it takes, what it needs, and whether it is done.

Knows the table; leaves the marks to `lesson.marks`. Lesson 00 shows it, the last cell of each lesson calls
`done`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from otakit.errors import SettingsError
from otakit.lesson.marks import done_so_far, mark_done
from otakit.lesson.said import Said


@dataclass(frozen=True)
class Lesson:
    """One row of the table.

    Attributes:
        number: two digits, the beginning of its file's name.
        title: with a verb, as it stands on top of it.
        minutes: to read and run it.
        needs: numbers of the lessons that come before it.
        question: that it answers.
    """

    number: str
    title: str
    minutes: int
    needs: tuple[str, ...]
    question: str


LESSONS: Sequence[Lesson] = (
    Lesson("00", "Watch one update, start to end", 10, (), "What happens between assign and it runs?"),
    Lesson("01", "Connect and read the first packets", 15, ("00",), "What does a device say before any update?"),
    Lesson("02", "Request the firmware attributes", 15, ("01",), "Who tells a device that slept through it?"),
    Lesson("03", "Subscribe to attribute updates", 15, ("02",), "How does a connected device hear of a package?"),
    Lesson("04", "Request firmware chunks", 20, ("02",), "How do 20,000 bytes travel?"),
    Lesson("05", "Report the firmware status", 15, ("00",), "What does each status promise?"),
    Lesson("06", "Verify the image before trusting it", 15, ("00",), "What does a checksum prove?"),
    Lesson("07", "Update software beside firmware", 15, ("04",), "Is sw_ only fw_ renamed?"),
    Lesson("08", "Let a device override its profile", 15, ("03",), "Who wins?"),
    Lesson("09", "Draw the run and hold it against the article", 20, ("00",), "Can a picture be wrong?"),
    Lesson("10", "Read a recording", 20, ("00",), "What can be known afterwards?"),
    Lesson("11", "Measure chunk latency, live", 15, ("10",), "Where does the time go?"),
)
"""In reading order."""


class Index:
    """The table, as it stands now."""

    def __init__(self) -> None:
        self._done = done_so_far()

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """Number, title, minutes, needs, question, done or not."""
        return [
            (
                each.number,
                each.title,
                str(each.minutes),
                ", ".join(each.needs) or "nothing",
                each.question,
                "✓ done" if each.number in self._done else "",
            )
            for each in LESSONS
        ]

    def __repr__(self) -> str:
        """As text, a line for each lesson."""
        rows = [HEAD, *self.rows]
        widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col' style='text-align:left'>{name}</th>" for name in HEAD)
        lines = ("".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row) for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody><tr>{'</tr><tr>'.join(lines)}</tr></tbody></table>"


HEAD = ("", "lesson", "minutes", "needs", "question", "")


def index() -> Index:
    """All lessons, and which of them are done: in the folder that this notebook runs in."""
    return Index()


def done(number: str) -> Said:
    """Marks a lesson as done and names the next one.

    Args:
        number: of the lesson, such as ``04``.

    Raises:
        SettingsError: there is no such lesson.
    """
    numbers = [each.number for each in LESSONS]
    if number not in numbers:
        raise SettingsError(f"there is no lesson {number!r}; there are {', '.join(numbers)}")
    is_kept = mark_done(number)
    so_far = done_so_far() & set(numbers)
    left = [each for each in LESSONS if each.number not in so_far]
    later = next((each for each in left if each.number > number), next(iter(left), None))
    told = f"Lesson {number} is done; {len(so_far)} of {len(LESSONS)} are."
    told += f" Next: {later.number}, {later.title}." if later else " These were all."
    return Said(told if is_kept else f"{told} (This folder cannot be written: the mark is lost with the kernel.)")
