"""What an author is told beyond PlantUML's own words: names that nobody declared, and what to do about a mistake.

PlantUML draws an arrow to an unknown name without a word; a text that declares its participants has most
likely misspelt one. And its reasons name what is wrong, not what to do. Text in, sentences out; `drawing` asks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from otakit.diagrams.labels import arrow_of, participants
from otakit.diagrams.source import cleaned, joined, pages, statements

FEW = 2  # who declares only one participant, for its picture, leaves the others undeclared on purpose
_WRITES_NAMES = re.compile(
    r"\s*!\s*(unquoted\s+|final\s+)*(procedure|function|define|foreach)|\s*!?\$\w+\s*=", re.IGNORECASE
)
_MADE = re.compile(r"create\s+(?:\w+\s+)?\"?([^\s\"]+)")
_TO_DO = {
    "Infinite loop": "a loop that does not end, or of more than 1,000 rounds; correct its condition",
    "Fatal parsing error": "a macro that cannot be carried out; does it call itself without end?",
    "Syntax Error": "no PlantUML; correct this line, or the one before it",
}
"""How the engine's reasons begin, and what is said before them."""


def with_advice(reason: str) -> str:
    """The engine's reason, with what to do where it does not say so itself."""
    said = next((text for begins, text in _TO_DO.items() if reason.startswith(begins)), "")
    return f"{said} ({reason})" if said else reason


def undeclared(text: str) -> Iterator[tuple[int, str]]:
    """Line number and sentence for each name that arrows use and nobody declared, at its first use."""
    lines, _ = cleaned(text)
    if any(_WRITES_NAMES.match(line.text) for line in lines):
        return  # macros may make names that are not written anywhere
    for page in pages(joined(lines)):
        known = set(participants(page.lines))
        if len(known) < FEW:
            continue
        for line in statements(page.lines):
            if (made := _MADE.match(line.text.strip())) is not None:
                known.add(made[1])
            if (arrow := arrow_of(line)) is None:
                continue
            for name in (arrow.sender, arrow.receiver):
                if name and name not in known:
                    known.add(name)
                    yield line.number, _sentence(name, known - {name})


def _sentence(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"is it `{near[0]}`? " if near else ""
    return f"no participant is called `{name}`; {hint}correct the name, or declare `participant {name}`"
