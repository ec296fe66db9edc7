"""The engine's SVG made fit to show: a white ground, a title, a description; and the same as PNG.

Knows SVG as text and how resvg draws it; refuses to know PlantUML. `plantuml.py` finishes each picture
here. The ground is white because arrows and labels are dark and the reader's page may be dark too.
"""

from __future__ import annotations

import functools
import re
from html import escape

from otakit.errors import DiagramError

FAMILY = "Arial,'Liberation Sans',Helvetica,sans-serif"  # the widths of shim.js are those of this family
PNG_SCALE = 2.0
SANS = ("Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Segoe UI", "Helvetica")
MONO = ("Courier New", "Liberation Mono", "DejaVu Sans Mono", "Noto Sans Mono", "Noto Sans Mono CJK SC", "Menlo")
"""Families that resvg is offered, in this order: by itself it knows only the first, which few Linux machines have."""
_OPEN = re.compile(r"<svg\b([^>]*)>")
_SPACED = re.compile(r'(<text\b[^>]*) lengthAdjust="spacing"')
_SIZE = re.compile(r'\b(width|height)="([\d.]+)(?:px)?"')


def finished(svg: str, title: str, description: str) -> str:
    """The picture with ground, title and description in its root element."""
    opening = _OPEN.match(svg)
    assert opening is not None  # the serialiser wrote it
    attributes = opening[1]
    if "xlink:" in svg and "xmlns:xlink" not in attributes:
        attributes += ' xmlns:xlink="http://www.w3.org/1999/xlink"'
    head = f'<svg{attributes} role="img" font-family="{FAMILY}">'
    words = f"<title>{escape(title, quote=False)}</title><desc>{escape(description, quote=False)}</desc>"
    # where the family is missing, letters of another one are made narrower in place of laid over each other
    drawn = _SPACED.sub(r'\1 lengthAdjust="spacingAndGlyphs"', svg[opening.end() :])
    return f'{head}{words}<rect width="100%" height="100%" fill="#FFFFFF"/>{drawn}'


def size_of(svg: str) -> tuple[float, float]:
    """Width and height in pixels."""
    opening = _OPEN.search(svg)
    found = dict(_SIZE.findall(opening[1])) if opening else {}
    return float(found.get("width", 0)), float(found.get("height", 0))


def stacked(pictures: list[str], gap: int = 12) -> str:
    """Several pictures of one source, under each other."""
    if len(pictures) == 1:
        return pictures[0]
    sizes = [size_of(picture) for picture in pictures]
    width, height = max(w for w, _ in sizes), sum(h for _, h in sizes) + gap * (len(pictures) - 1)
    parts, top = [], 0.0
    for picture, (_, tall) in zip(pictures, sizes, strict=True):
        parts.append(_OPEN.sub(rf'<svg\1 x="0" y="{top:g}">', picture, count=1))
        top += tall + gap
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" {size}>{"".join(parts)}</svg>'


def listing(lines: list[str], reason: str) -> str:
    """The source as a picture of its text, for a machine that cannot draw it."""
    shown = [f"Not drawn: {reason}", "", *(line.replace("\t", "    ") for line in lines)]
    width, height = max(len(line) for line in shown) * 8 + 24, len(shown) * 18 + 20
    rows = "".join(
        f'<text x="12" y="{20 + 18 * row}" font-family="monospace" font-size="13" xml:space="preserve"'
        f' fill="{"#C00000" if row == 0 else "#000000"}">{escape(line, quote=False)}</text>'
        for row, line in enumerate(shown)
        if line
    )
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" {size}>{rows}</svg>'


def png_of(svg: str) -> bytes:
    """The picture as PNG, at twice its size.

    Raises:
        DiagramError: this machine has no font, or no resvg: a picture without its words would come out.
    """
    if not _has_fonts():
        raise DiagramError("no PNG: this machine has no font for its text; use the SVG, or install one (fonts-dejavu)")
    return _drawn(svg, PNG_SCALE, _there(SANS), _there(MONO))


def _drawn(svg: str, zoom: float, sans: str | None = None, mono: str | None = None) -> bytes:
    try:
        import resvg_py  # noqa: PLC0415 - only for who wants a PNG

        made = resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, sans_serif_family=sans, monospace_family=mono)
        return bytes(made)
    except ImportError as error:
        raise DiagramError("no PNG: the package resvg-py is not installed; use the SVG") from error
    except ValueError as error:
        raise DiagramError(f"no PNG: resvg refuses this SVG ({error})") from error


def _has_fonts() -> bool:
    """Whether any letter would be drawn: without a font resvg leaves the words out, and does not say so."""
    return _there(SANS) is not None


@functools.cache
def _there(families: tuple[str, ...]) -> str | None:
    """The first of these families in which a letter leaves a trace."""
    box = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'
    letter = '<text x="2" y="16" font-size="16" font-family="{}">M</text>'
    nothing = _drawn(box.format(""), 1.0)
    return next((name for name in families if _drawn(box.format(letter.format(name)), 1.0) != nothing), None)
