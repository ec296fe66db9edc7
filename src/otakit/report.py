"""One self-contained HTML page of one or more sessions: summary, diagram, latency, statuses, exchanges.

Knows how frames become the words and rows of the page; its look is `templates/report.html`. Refuses to
know where a session came from: it takes whatever has frames and a diagram. Sessions and the demo call it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, Protocol

import jinja2
import pandas as pd
from markupsafe import Markup

import otakit
from otakit.analyse import plots
from otakit.diagrams.value import Diagram
from otakit.errors import SettingsError
from otakit.report_rows import comparison, exchange_row, folded, lede, records, title_of, update_card


class Story(Protocol):
    """What a page is made of; a `Session` is one."""

    path: Path

    @property
    def updates(self) -> pd.DataFrame:
        """The frame of this name, as the other four."""

    @property
    def exchanges(self) -> pd.DataFrame:
        """As above."""

    @property
    def chunks(self) -> pd.DataFrame:
        """As above."""

    @property
    def statuses(self) -> pd.DataFrame:
        """As above."""

    @property
    def cut(self) -> str | None:
        """What the recording lacks, or None."""

    def diagram(self) -> Diagram:
        """The sequence diagram of what happened."""


@dataclass(frozen=True)
class Words:
    """What only the caller can say about a page; each may be left out.

    Attributes:
        title: headline.
        names: of the runs, in their order, such as their links.
        server: which server answered.
        files: name and sentence of files beside the page.
    """

    title: str = ""
    names: tuple[str, ...] = ()
    server: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def write_report(stories: Sequence[Story], path: str | Path, words: Words | None = None) -> Path:
    """Writes the page.

    Args:
        stories: the runs; the first one's diagram is drawn, two are compared.
        path: of the page; an old one is replaced.
        words: title, names of the runs and the like.

    Raises:
        SettingsError: the file cannot be written.
    """
    said, path = words or Words(), Path(path)
    names = said.names or tuple(story.path.stem for story in stories)
    runs = [_run(name, story, first=place == 0) for place, (name, story) in enumerate(zip(names, stories, strict=True))]
    page = {
        "title": said.title or title_of(stories[0].updates),
        "lede": lede(stories[0].updates, stories[0].chunks),
        "server": said.server,
        "runs": runs,
        "comparison": comparison(names, [story.updates for story in stories]),
        "files": said.files or {story.path.name: "the recording" for story in stories},
        "first_recording": stories[0].path.name,
        "version": otakit.__version__,
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    try:
        path.write_text(_template().render(page=page), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"report: cannot write {path} ({error.strerror}); choose another folder") from error
    return path


def _template() -> jinja2.Template:
    text = package_files(otakit).joinpath("templates/report.html").read_text(encoding="utf-8")
    room = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return room.from_string(text)


def _run(name: str, story: Story, *, first: bool) -> dict[str, Any]:
    exchanges = [exchange_row(row) for row in records(story.exchanges)]
    drawn = _drawn(story.diagram()) if first else None
    return {
        "name": name,
        "cut": story.cut,
        "updates": [update_card(row) for row in records(story.updates)],
        "diagram": drawn,
        "latency": _figure(plots.chunk_latency, story.chunks),
        "timeline": _figure(plots.status_timeline, story.statuses, story.chunks),
        "exchanges": exchanges,
        "folded": folded(exchanges),
    }


def _drawn(diagram: Diagram) -> dict[str, Any]:
    return {
        "picture": _image("image/svg+xml", diagram.svg.encode(), diagram.text.replace("\n", "; ") or diagram.title),
        "caption": diagram.title,
        "source": diagram.source,
    }


def _figure(draw: Any, *frames: pd.DataFrame) -> dict[str, Any]:
    """A plot as an image with its words."""
    figure = draw(*frames).figure
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    alt = plots.alt_text(figure)
    return {"picture": _image("image/svg+xml", file.getvalue(), alt), "alt": alt}


def _image(kind: str, content: bytes, alt: str) -> Markup:
    """As an image of its own: styles and ids of one picture cannot reach another, or the page."""
    return Markup('<img src="data:{};base64,{}" alt="{}">').format(kind, base64.b64encode(content).decode(), alt)
