"""A session held against a diagram by its name, its file, its text or its value.

Knows where diagrams are and what ``!include`` may read; leaves the comparison to `follow` and the picture to
`plantuml`. `Session.follows` and ``otakit follow`` call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from otakit.captured import Entry
from otakit.diagrams.follow import Verdict, follows
from otakit.diagrams.labels import arrows, mark
from otakit.diagrams.plantuml import names, render, source_of, with_includes
from otakit.diagrams.source import MAX_BYTES, Line, cleaned
from otakit.diagrams.value import Diagram
from otakit.errors import SettingsError
from otakit.exchange import Exchanges


@dataclass(frozen=True, repr=False)
class HeldVerdict(Verdict):
    """A verdict that draws what was promised."""

    def diagram(self) -> Diagram:
        """The promise, the arrow of the first difference marked; beside it `seen` is what came."""
        return render(self.marked)

    @property
    def marked(self) -> str:
        """The diagram's text with that arrow marked; as it is where it was followed."""
        if self.promised is None:
            return self.source
        before = arrows(self.source)[: self.promised.nth + 1]
        return mark(self.source, self.promised.row, sum(arrow.row_name == self.promised.row for arrow in before))


def held_against(
    story: Exchanges | Iterable[Entry], what: str | Path | Diagram, *, cut: str | None = None
) -> HeldVerdict:
    """Whether what happened follows a diagram.

    Args:
        story: exchanges, or captured packets and notes.
        what: name of a diagram of the article, a ``.puml`` file, PlantUML text, or a drawn diagram.
        cut: what the recording lacks at its end.

    Raises:
        SettingsError: no diagram has this name, or the file cannot be read.
        DiagramError: it is no sequence diagram that can be followed; names the line.
    """
    name, lines = _promise(what)
    verdict = follows(story, lines, name, cut=cut)
    return HeldVerdict(**{field.name: getattr(verdict, field.name) for field in fields(verdict)})


def _promise(what: str | Path | Diagram) -> tuple[str, list[Line]]:
    if isinstance(what, Diagram):
        return what.title, with_includes(cleaned(what.source)[0], None)
    path = Path(what) if isinstance(what, Path) or _is_file(what) else None
    if path is not None and path.name == str(what) and path.stem in names() and not path.exists():
        what, path = path.stem, None
    if path is None:
        text = source_of(str(what))
        name = str(what).strip().removesuffix(".puml") if text is not what else "this diagram"
        return name, with_includes(cleaned(text)[0], None)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)  # a recording given for a diagram may be as large as the disk
        if len(raw) > MAX_BYTES:
            raise SettingsError(f"{path} is longer than {MAX_BYTES:,} bytes; is it a diagram?")
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is no UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from error
    return path.stem, with_includes(cleaned(text)[0], path.parent)


def _is_file(what: str) -> bool:
    """A name with an ending or a folder in it; the names of the article have neither."""
    text = what.strip()
    is_text = "\n" in text or "->" in text or text.startswith(("!", "@"))
    return not is_text and ("/" in text or "\\" in text or text.endswith(".puml"))
