"""The text of a diagram with its ``!include`` files in place, each line knowing where it was written.

Knows folders: a name is looked up beside the text that includes it, and nothing outside the allowed folders
is read, links resolved first. Leaves every other way of reading (addresses, themes, parts of files) to the
checks of `diagrams`, which refuse it with its line. `drawing` asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from otakit.diagrams.source import MAX_BYTES, cleaned
from otakit.errors import DiagramError

_INCLUDE = re.compile(r"\s*!\s*include\s+(?!<)(?!.*://)\"?(?P<name>[^\"]+?)\"?\s*$")
_FRAME = re.compile(r"\s*@(start|end)")
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """One line and where it comes from.

    Attributes:
        text: the line.
        at: number of the line, from 1, in the diagram's own text: of the line itself, or of its ``!include``.
        within: name of the included file and the line in it; empty for the diagram's own lines.
    """

    text: str
    at: int
    within: str = ""


@dataclass
class Included:
    """A diagram's text with everything that it includes.

    Args:
        roots: folders below which files may be read; the first one is what names are told from.

    Attributes:
        files: every file that was read or looked for: when one changes, the page is to be read again.
    """

    roots: Sequence[Path]
    files: list[Path] = field(default_factory=list)
    _bytes: int = 0

    def lines(self, text: str, folder: Path) -> list[Placed]:
        """The lines of a text that stands in a folder.

        Raises:
            DiagramError: an include that is not allowed, not there, or of itself; with the line of the text.
        """
        placed: list[Placed] = []
        for number, line in enumerate(text.split("\n"), 1):
            if (found := _INCLUDE.match(line)) is None:
                placed.append(Placed(line, number))
                continue
            try:
                placed += (Placed(one, number, where) for one, where in self._read(found["name"], folder, ()))
            except DiagramError as error:
                raise DiagramError(str(error), number) from error
        return placed

    def _read(self, name: str, folder: Path, chain: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
        path = self._allowed(name, folder)
        if path in chain:
            circle = " → ".join(self.told(one) for one in (*chain[chain.index(path) :], path))
            raise DiagramError(f"an include of itself: {circle}; take one of these `!include` lines out")
        if len(chain) >= DEEPEST:
            raise DiagramError(f"`!include {name[:60]}` is nested deeper than {DEEPEST} files; put them together")
        for number, line in enumerate(self._text(path, name).split("\n"), 1):
            where = f"{self.told(path)}, line {number}"
            if (found := _INCLUDE.match(line)) is not None:
                try:
                    yield from self._read(found["name"], path.parent, (*chain, path))
                except DiagramError as error:
                    raise DiagramError(f"in {where}: {error}" if not chain else str(error)) from error
            elif not _FRAME.match(line):
                yield line, where

    def _allowed(self, name: str, folder: Path) -> Path:
        path = (folder / name).resolve()
        if not any(path.is_relative_to(root.resolve()) for root in self.roots):
            raise DiagramError(
                f"`!include {name[:60]}` lies outside the source folder, so it is not read; put a copy below "
                f"{self.roots[0].name}/"
            )
        return path

    def _text(self, path: Path, name: str) -> str:
        self.files.append(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise DiagramError(f"`!include {name[:60]}`: there is no {self.told(path)}; correct the name") from error
        except UnicodeDecodeError as error:
            raise DiagramError(f"`!include {name[:60]}` is no UTF-8 text; save it as UTF-8") from error
        except OSError as error:
            raise DiagramError(f"`!include {name[:60]}` cannot be read: {error.strerror or error}") from error
        self._bytes += len(text)
        if self._bytes > MAX_BYTES:
            raise DiagramError(f"with `!include {name[:60]}` the text is longer than {MAX_BYTES:,} bytes; split it")
        return "\n".join(line.text for line in cleaned(text)[0]) if text.strip() else ""

    def told(self, path: Path) -> str:
        """A path as a person of this project names it."""
        for root in self.roots:
            if path.is_relative_to(root.resolve()):
                return path.relative_to(root.resolve()).as_posix()
        return path.name
