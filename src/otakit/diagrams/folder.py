"""Every PlantUML source of a folder drawn beside it, or held against the picture that is there.

Knows files; leaves drawing to `plantuml`. A stale picture is one whose bytes differ from what its source
gives now: the same source gives the same bytes on every machine. `otakit diagrams DIR [--check]`, `kit.py
diagrams` and the tests call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from otakit.diagrams.plantuml import render
from otakit.errors import DiagramError, SettingsError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source.

    Attributes:
        state: ``current``, ``written``, ``stale`` (only when checking) or ``wrong``.
        reason: why it is wrong, with the line; warnings of one that is drawn.
    """

    source: Path
    picture: Path
    state: str
    reason: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the picture is now what its source says."""
        return self.state in ("current", "written")

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.state}: {self.source}" + (f": {self.reason}" if self.reason else "")


def draw_folder(folder: str | Path, check: bool = False) -> list[Outcome]:
    """Draw each ``.puml`` of the folder and of those below it as SVG beside it.

    Args:
        folder: where the sources are; ``!include`` may read below it.
        check: write nothing, only tell which pictures are missing or stale.

    Raises:
        SettingsError: no such folder, no source in it, or no engine on this machine.
    """
    top = Path(folder)
    if not top.is_dir():
        raise SettingsError(f"{top} is no folder; give one that holds .puml files")
    sources = sorted(path for path in top.rglob("*.puml") if not any(part.startswith(".") for part in path.parts))
    if not sources:
        raise SettingsError(f"no .puml file in {top}")
    return [_outcome(source, top, check) for source in sources]


def _outcome(source: Path, root: Path, check: bool) -> Outcome:
    picture = source.with_suffix(".svg")
    try:
        diagram = render(source.read_text(encoding="utf-8"), root=root)
    except DiagramError as error:
        return Outcome(source, picture, "wrong", str(error))
    except (OSError, ValueError) as error:
        return Outcome(source, picture, "wrong", f"cannot be read as UTF-8 text ({error})")
    if diagram.drawn_by != "engine":
        raise SettingsError("these pictures must be the same everywhere, so only the engine draws them; bring it: "
                            "python kit.py diagrams")  # fmt: skip
    content = (diagram.svg + "\n").encode()
    told = "; ".join(diagram.warnings)
    if picture.is_file() and picture.read_bytes().replace(b"\r\n", b"\n") == content:
        return Outcome(source, picture, "current", told)
    if check:
        return Outcome(
            source, picture, "stale", "draw it anew and commit it" if picture.is_file() else "no picture yet"
        )
    try:
        picture.write_bytes(content)
    except OSError as error:
        return Outcome(source, picture, "wrong", f"cannot write {picture.name} ({error.strerror})")
    return Outcome(source, picture, "written", told)
