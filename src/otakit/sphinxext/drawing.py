"""A diagram's text to a picture that is kept: drawn once, read from the cache afterwards.

Knows the cache (one JSON file a picture, named by the hash of all that the picture depends on) and how a
line of the merged text is told to the author of the page. Refuses to know Sphinx. Several processes may
share a cache: files appear in one piece.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from otakit import __version__, diagrams
from otakit.diagrams import engine, render
from otakit.diagrams.picture import size_of
from otakit.errors import DiagramError
from otakit.sphinxext.advice import undeclared, with_advice
from otakit.sphinxext.including import Placed

MAX_LINES = 4_000
LONGEST_ALT = 1_000


@dataclass(frozen=True)
class Said:
    """A sentence about one line of a diagram's own text; None when it is about the whole."""

    text: str
    at: int | None
    kind: str = "uml"


class Mistake(Exception):
    """A diagram that cannot be drawn; carries what is said about it. Never leaves this package."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.text)
        self.said = said


@dataclass(frozen=True)
class Drawn:
    """A picture and its words.

    Attributes:
        text: the merged source, from which it can be drawn again.
        words: its messages in order, one a line.
        notes: what the author should know, as (sentence, line of the merged text or None, kind).
    """

    text: str
    svg: str
    title: str
    words: str
    notes: tuple[tuple[str, int | None, str], ...] = ()

    @property
    def digest(self) -> str:
        """Names the picture's file: the same picture has the same name in every build."""
        return hashlib.sha256(self.svg.encode()).hexdigest()[:16]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        return size_of(self.svg)

    @property
    def alt(self) -> str:
        """Title and messages in one text, as far as a listener can be expected to follow."""
        told, lines = self.title.rstrip("."), self.words.splitlines()
        for number, line in enumerate(lines):
            if len(told) + len(line) > LONGEST_ALT:
                return f"{told}; and {len(lines) - number} more"
            told += f"{'; ' if number else '. '}{line}"
        return told


def drawn(text: str, cache: Path) -> Drawn:
    """The picture of a text without includes, from the cache or drawn now.

    Raises:
        DiagramError: a mistake in the text, with its line.
    """
    key = json.dumps([__version__, engine.version(), _code_that_draws(), text])
    path = cache / f"{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:32]}.json"
    with suppress(OSError, ValueError, TypeError):
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Drawn(**{**kept, "notes": tuple(tuple(note) for note in kept["notes"])})
    diagram = render(text)
    notes: list[tuple[str, int | None, str]] = [(warning, None, "uml") for warning in diagram.warnings]
    notes += [(sentence, at, "participant") for at, sentence in undeclared(text)]
    made = Drawn(text, diagram.svg, diagram.title, diagram.text, tuple(notes))
    if diagram.drawn_by == "engine":  # what another machine would draw otherwise is not kept
        keep(path, json.dumps(asdict(made), ensure_ascii=False).encode())
    return made


@functools.cache
def _code_that_draws() -> str:
    """Hash of what `otakit.diagrams` is made of: a picture of other code is another picture."""
    sources = sorted(each for each in Path(diagrams.__file__).parent.iterdir() if each.suffix in (".py", ".js"))
    return hashlib.sha256(b"".join(each.read_bytes() for each in sources)).hexdigest()


def keep(path: Path, content: bytes) -> Path:
    """Write a file of the cache in one piece; without a place to write, the build goes on."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_bytes(content)
        fresh.replace(path)
    return path


def drawn_from(lines: Sequence[Placed], cache: Path, max_lines: int = MAX_LINES) -> tuple[Drawn, list[Said]]:
    """The picture of a text with its includes in place, and what its author should be told.

    Raises:
        Mistake: it cannot be drawn.
    """
    if len(lines) > max_lines:
        raise Mistake(
            Said(f"{len(lines):,} lines are more than {max_lines:,}; split the diagram, or raise `uml_max_lines`", None)
        )
    try:
        made = drawn("\n".join(line.text for line in lines), cache)
    except DiagramError as error:
        bare = str(error).removeprefix(f"line {error.line}: ")
        raise Mistake(_placed(with_advice(bare), error.line, "uml", lines)) from error
    return made, [_placed(text, number, kind, lines) for text, number, kind in made.notes]


def _placed(text: str, number: int | None, kind: str, lines: Sequence[Placed]) -> Said:
    """A sentence about a line of the merged text, told by the line that the author wrote."""
    if number is None or not 1 <= number <= len(lines):
        return Said(text, None, kind)
    line = lines[number - 1]
    return Said(f"in {line.within}: {text}" if line.within else text, line.at, kind)
