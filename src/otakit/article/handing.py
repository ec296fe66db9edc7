"""The article as files for anyone's Sphinx project: the page whole, its diagrams inline or as pictures beside it.

Finds the page and the diagrams where a wheel has them, else in the working tree, and writes; what the page
becomes is `page`'s. Never overwrites a file that differs without being told to. `otakit article` calls it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from otakit.article.page import diagrams_of, handed_over, inline, linked
from otakit.diagrams.plantuml import render
from otakit.errors import SettingsError

PAGE = "ota-updates.rst"
PICTURES = "ota-updates"
"""The folder beside the page that holds its pictures."""
_HERE = Path(__file__).resolve().parent
_TREE = _HERE.parents[2]
_OWN = ".. Made from "
Form = Literal["inline", "svg"]


def hand_over(folder: str | Path, diagrams: Form = "inline", *, overwrite: bool = False) -> list[Path]:
    """Writes the article into a folder; returns the files.

    Args:
        folder: made where it is not there.
        diagrams: ``inline`` writes PlantUML text into ``uml`` directives, for a Sphinx extension that draws it;
            ``svg`` draws the pictures beside the page, for any Sphinx and for docutils alone.
        overwrite: also where a file of that name is there and differs.

    Raises:
        SettingsError: a file is there and differs; nothing is written then.
    """
    page, files = article(), dict[str, str]()
    if diagrams == "svg":
        drawn = {name: render(diagram_source(name)) for name in diagrams_of(page)}
        files |= {f"{PICTURES}/{name}.svg": made.svg + "\n" for name, made in drawn.items()}
        text = handed_over(page, lambda name, caption: linked(f"{PICTURES}/{name}.svg", caption, drawn[name].title))
    else:
        text = handed_over(page, lambda name, caption: inline(diagram_source(name), caption))
    return _written(Path(folder), {PAGE: text, **files}, overwrite=overwrite)


def article() -> str:
    """The page as it is committed, without the line that says how it was made."""
    packed = _HERE / PAGE
    text = (packed if packed.is_file() else _TREE / "docs" / PAGE).read_text(encoding="utf-8")
    return text.partition("\n\n")[2] if text.startswith(_OWN) else text


def diagram_source(name: str) -> str:
    """The text of one of the page's diagrams, drawn by hand or made from the code."""
    packed = _HERE.parent / "diagrams" / "article"
    folder = packed if packed.is_dir() else _TREE / "diagrams"
    drawn = folder / f"{name}.puml"
    return (drawn if drawn.is_file() else folder / "made" / f"{name}.puml").read_text(encoding="utf-8")


def _written(folder: Path, files: dict[str, str], *, overwrite: bool) -> list[Path]:
    paths = {folder / name: text for name, text in files.items()}
    there = [path for path, text in paths.items() if path.exists() and path.read_bytes() != text.encode()]
    if there and not overwrite:
        raise SettingsError(f"{there[0]} is there already and differs; name another folder, or add --overwrite")
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return list(paths)
