"""Verbs of the command line that draw: a diagram, a folder of them, a recording held against one, the article.

As in `cli`: one verb per task, no logic, imports where they are used, so that `otakit --help` answers at once.
`cli` puts them among the others.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

ARTICLE = (
    "device-overrides-profile",
    "report-firmware-status",
    "request-firmware-attributes",
    "request-firmware-chunks",
    "subscribe-firmware-attributes-updates",
    "update-software",
    "whole-update",
)
"""Names of the article's diagrams, written out because looking for them would load the engine's modules."""


def like(*examples: str) -> str:
    """Examples under a verb's help."""
    return "\b\nFor example:\n" + "\n".join(f"  {example}" for example in examples)


RecordingFile = Annotated[Path, typer.Argument(help="A recording of otakit, or a capture of another tool.")]


def diagram(
    source: Annotated[str, typer.Argument(help="A recording, a .puml file, or the name of a diagram of the kit.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="run.svg, run.png or run.puml.")] = None,
) -> None:
    """Draw a recording, or PlantUML text; offline."""
    from otakit.diagrams import diagram as drawn_from

    path = Path(source)
    if path.suffix == ".puml":
        drawn = drawn_from(path.read_text(encoding="utf-8"))
    elif path.suffix or path.exists():
        from otakit.session import load

        drawn = load(path).diagram()
    else:
        drawn = drawn_from(source)
    typer.echo(drawn.save(out) if out else drawn.source)


def follow(
    file: RecordingFile,
    name: Annotated[str, typer.Argument(help="A diagram of the article, or a .puml file.")],
) -> None:
    """Does a recording follow a diagram? The first difference.

    Exit status: 0 it follows, 1 it differs, 2 it cannot be told.
    """
    from otakit.session import load

    verdict = load(file).follows(name)
    typer.echo(verdict)
    raise typer.Exit(0 if verdict else 1)


def diagrams(
    folder: Annotated[Path, typer.Argument(help="A folder with .puml files.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a picture is stale.")] = False,
) -> None:
    """Draw every .puml of a folder as the SVG beside it."""
    from otakit.diagrams.folder import draw_folder

    outcomes = draw_folder(folder, check)
    for outcome in outcomes:
        typer.echo(outcome)
    raise typer.Exit(0 if all(outcome.is_good for outcome in outcomes) else 1)


class Form(StrEnum):
    """How diagrams stand in a page."""

    inline = "inline"
    svg = "svg"


def article(
    to: Annotated[Path, typer.Option("--to", help="A folder, such as the source of your Sphinx project.")],
    diagrams: Annotated[Form, typer.Option(help="uml blocks in the page, or pictures beside it.")] = Form.inline,
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also files that are there and differ.")] = False,
) -> None:
    """Hand over the article on OTA updates, for any Sphinx."""
    from otakit.article.handing import hand_over

    for path in hand_over(to, diagrams.value, overwrite=overwrite):
        typer.echo(path)


VERBS: dict[Callable[..., None], str] = {
    diagram: like("otakit diagram run.pcapng --out run.svg", "otakit diagram request-firmware-chunks"),
    follow: like(*(f"otakit follow run.pcapng {name}" for name in (*ARTICLE, "mine.puml"))),
    diagrams: like("otakit diagrams docs/pictures", "otakit diagrams docs/pictures --check"),
    article: like("otakit article --to docs", "otakit article --to docs --diagrams svg"),
}
"""Each with its examples."""
