"""A diagram as a value: its source, its picture, its words; it shows itself and saves itself.

Knows the forms it is asked for (SVG, PNG, text); refuses to know how it was drawn. Made by
`plantuml.render` only.
"""

from __future__ import annotations

import base64
import functools
import html
from pathlib import Path
from typing import Any

from otakit.diagrams import picture
from otakit.errors import DiagramError, SettingsError

LEAST_SCALE = 0.75  # a wide diagram shrinks to its page as far as its letters stay legible; then it is scrolled
MAX_PNG_AREA = 16_000_000  # pixels: a notebook shows a larger one as SVG only, its PNG takes seconds to make


class Diagram:
    """A drawn diagram.

    Attributes:
        source: the PlantUML text it was drawn from.
        svg: the picture as SVG, white ground, text as text.
        title: the diagram's own title, else its kind.
        warnings: what was taken out, not available or advised.
        text: the messages in order, one a line, for who cannot see the picture.
        drawn_by: ``engine``, ``java``, or ``listing`` where nothing on the machine can draw.
    """

    def __init__(
        self, source: str, svg: str, title: str, warnings: tuple[str, ...], text: str, drawn_by: str = "engine"
    ) -> None:
        self.source = source
        self.svg = svg
        self.title = title
        self.warnings = warnings
        self.text = text
        self.drawn_by = drawn_by

    @functools.cached_property
    def png(self) -> bytes:
        """The picture as PNG at twice its size.

        Raises:
            DiagramError: this machine has no font for the text.
        """
        return picture.png_of(self.svg)

    def save(self, path: str | Path) -> Path:
        """Write it as ``.puml``, ``.svg`` or ``.png``, as the name ends.

        Raises:
            SettingsError: another ending, or the file cannot be written.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending not in (".puml", ".svg", ".png"):
            raise SettingsError(f"a diagram is saved as .puml, .svg or .png, not as {path.name!r}")
        content = self.png if ending == ".png" else (self.source if ending == ".puml" else self.svg + "\n").encode()
        try:
            path.write_bytes(content)
        except OSError as error:
            raise SettingsError(f"cannot write {path}: {error.strerror or error}") from error
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """HTML and SVG, and beside them a PNG (shown where a notebook is not trusted) and the words.

        HTML comes first because JupyterLab drops the ``alt`` metadata of an image.
        """
        del include, exclude  # Jupyter takes what it wants
        alt = f"{self.title}. {self.text}".replace("\n", "; ")
        words = f"{self.title}\n{self.text}".strip()
        bundle: dict[str, Any] = {"text/html": self.as_html(alt), "image/svg+xml": self.svg, "text/plain": words}
        notes: dict[str, Any] = {"image/svg+xml": {"alt": alt}}
        width, height = picture.size_of(self.svg)
        if width * height * picture.PNG_SCALE**2 <= MAX_PNG_AREA:
            try:
                bundle["image/png"] = base64.b64encode(self.png).decode()
                notes["image/png"] = {"alt": alt, "width": round(width), "height": round(height)}
            except DiagramError:
                pass  # no font: the SVG is shown with the reader's own
        return bundle, notes

    def as_html(self, alt: str) -> str:
        """The picture on white paper, for a page of any ground and width: it shrinks a little, then it is scrolled.

        Args:
            alt: what it shows, for who cannot see it.
        """
        width, _ = picture.size_of(self.svg)
        source = base64.b64encode(self.svg.encode()).decode()
        name, alt = html.escape(self.title, quote=True), html.escape(alt, quote=True)
        return (
            f'<div role="group" aria-label="{name}" tabindex="0" style="overflow:auto;background:#fff">'
            f'<img alt="{alt}" src="data:image/svg+xml;base64,{source}" width="{round(width)}"'
            f' style="max-width:100%;min-width:{round(LEAST_SCALE * width)}px;height:auto;background:#fff"></div>'
        )

    def _repr_svg_(self) -> str:
        """For tools that know only this one."""
        return self.svg

    def __repr__(self) -> str:
        """Its title, not its source."""
        return f"Diagram({self.title!r}, {len(self.text.splitlines())} lines, drawn by {self.drawn_by})"
