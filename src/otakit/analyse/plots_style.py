"""How every plot looks, and how it shows itself: white ground, dark ink, safe colours, fonts, alt text.

Knows matplotlib's objects and none of its global state: every colour and font is set on the artist, so
that plots are the same under any style, in any thread, and leave nothing behind. Used by the plots.
"""

from __future__ import annotations

import base64
import functools
import html
import io
from typing import Any

from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

GROUND, INK, SOFT, GRID = "#ffffff", "#1f2328", "#57606a", "#d8dee4"
# Okabe and Ito's colours, told apart by eyes of every kind; never used without a marker, hatch or word
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#f0e442",
)
KIND_COLOURS = {"firmware": BLUE, "software": PURPLE}
KIND_MARKERS = {"firmware": "o", "software": "s"}
KIND_HATCHES = {"firmware": "", "software": "////"}
CHINESE = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS", "Noto Serif CJK SC",
)  # fmt: skip
PIXELS_PER_INCH = 100
SHARPNESS = 2  # image pixels for each pixel on the page
MOST_CHARACTERS = 160


@functools.cache
def families() -> tuple[str, ...]:
    """The font that matplotlib brings, then what this machine has for Chinese."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in CHINESE if name in there))


@functools.cache
def _characters() -> frozenset[int]:
    """All characters that the families can draw together."""
    found: set[int] = set()
    for family in families():
        font = FT2Font(font_manager.findfont(family))
        found |= set(font.get_charmap())
    return frozenset(found)


def drawable(text: str) -> str:
    """A text as any font setting can draw it: on one line, bounded, without formulas or missing characters."""
    line = " ".join(text.split())
    line = line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"
    known = _characters()
    shown = "".join(letter if ord(letter) in known and letter.isprintable() else "▯" for letter in line)
    return shown.replace("$", r"\$")


class Picture(Figure):
    """A figure that shows itself in a notebook, with a text for who cannot see it."""

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return shown(self)


class Panel(Axes):
    """Axes that show their figure when they are the last value of a cell."""

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return shown(self.figure)


def shown(figure: Figure | SubFigure) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mime bundle of a figure.

    HTML comes first because JupyterLab drops the ``alt`` metadata of an image; nbconvert and Sphinx read it.
    """
    root = figure.figure
    assert isinstance(root, Figure)
    picture, alt = png(root), alt_text(root)
    width, height = (round(inches * PIXELS_PER_INCH) for inches in root.get_size_inches())
    encoded = base64.b64encode(picture).decode()
    image = (
        f'<img src="data:image/png;base64,{encoded}" alt="{html.escape(alt, quote=True)}" '
        f'width="{width}" height="{height}" style="max-width:100%;height:auto;background:{GROUND}">'
    )
    data = {"text/html": image, "image/png": encoded, "text/plain": alt}
    return data, {"image/png": {"width": width, "height": height, "alt": alt}}


def png(figure: Figure, sharpness: float = SHARPNESS) -> bytes:
    """The figure as PNG, drawn without pyplot; `sharpness` is image pixels for each pixel on the page."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=PIXELS_PER_INCH * sharpness, metadata={"Description": alt_text(figure)})
    return out.getvalue()


def panel(ax: Axes | None, size: tuple[float, float] = (8.0, 3.8)) -> Axes:
    """The axes given, or new ones in a figure of their own, in our style."""
    if ax is None:
        figure = Picture(figsize=size, dpi=PIXELS_PER_INCH, layout="constrained", facecolor=GROUND)
        FigureCanvasAgg(figure)
        ax = figure.add_subplot(axes_class=Panel)
    return dress(ax)


def dress(ax: Axes) -> Axes:
    """Colours and fonts of axes, set on them and nowhere else."""
    ax.set_facecolor(GROUND)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(SOFT)
        spine.set_linewidth(0.8)
    ax.tick_params(colors=SOFT, labelcolor=INK, labelsize=9, labelfontfamily=list(families()), which="both")
    ax.tick_params(which="minor", labelsize=8)
    ax.set_axisbelow(True)
    ax.grid(visible=True, color=GRID, linewidth=0.7)
    return ax


def finish(ax: Axes, finding: str, alt: str, *, x: str = "", y: str = "") -> Axes:
    """Title, labels and description; every text in our fonts."""
    ax.set_title(drawable(finding), loc="left", fontsize=11, fontweight="bold", color=INK, pad=8, wrap=True)
    ax.set_xlabel(x, color=INK, fontsize=9.5)
    ax.set_ylabel(y, color=INK, fontsize=9.5)
    describe(ax, alt)
    letter(ax)
    return ax


def letter(artist: Artist) -> None:
    """Set our fonts on every text of an artist."""
    for text in artist.findobj(Text):
        text.set_fontfamily(list(families()))


def legend(ax: Axes, **where: Any) -> None:
    """A legend of what is labelled, when more than one thing is."""
    handles, names = ax.get_legend_handles_labels()
    if len(handles) > 1:
        found = dict(zip(names, handles, strict=True))
        ax.legend(
            found.values(), found.keys(), fontsize=8.5, labelcolor=INK, facecolor=GROUND, edgecolor=GRID,
            framealpha=0.9, **where,
        )  # fmt: skip


def nothing(ax: Axes, finding: str) -> Axes:
    """A picture that says that there is nothing to show, and why."""
    ax.set_axis_off()
    ax.text(
        0.5,
        0.5,
        drawable(finding),
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=SOFT,
        fontsize=11,
        wrap=True,
    )
    describe(ax, f"{finding}.")
    letter(ax)
    return ax


def describe(ax: Axes, alt: str) -> None:
    """Leave the description on the axes; `alt_text` finds it there."""
    ax.set_label(" ".join(alt.split()))


def alt_text(picture: Axes | Figure | SubFigure) -> str:
    """The picture in words, made from its data.

    Args:
        picture: axes or figure of one of the plots.
    """
    if isinstance(picture, Axes):
        return str(picture.get_label())
    return " ".join(text for ax in picture.axes if (text := str(ax.get_label())) and not text.startswith("<"))
