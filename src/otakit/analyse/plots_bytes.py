"""A packet as squares, one a byte, coloured and numbered by the field that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from otakit.analyse import findings_wire as findings
from otakit.analyse import plots_style as style
from otakit.explain import Field

ACROSS = 16
MOST_BYTES = 160
MOST_OF_FIELD = 64  # of a longer field the beginning is shown, and how much was left out
TINTS = ("#bcdcf2", "#fbdf9d", "#a9dccb", "#eecadf", "#dde2e8")  # light; a field's number stands in its first square
MOST_VALUE = 34
LINE = 0.58  # height of a field's name, in squares


def packet_bytes(fields: Sequence[Field], name: str, ax: Axes | None = None) -> Axes:
    """Every byte in hexadecimal, below it the character where it is one; a number where a field begins.

    Args:
        fields: of one packet, as `explain` gives them.
        name: of the packet, for the title.
        ax: where to draw; a figure of its own without.
    """
    finding = findings.packet_bytes(fields, name)
    if not fields:
        return style.nothing(style.panel(ax), finding)
    squares = list(_squares(fields))
    rows = (len(squares) - 1) // ACROSS + 1
    high = max(rows * 1.0, len(fields) * LINE)
    ax = style.panel(ax, (10.0, 0.9 + 0.42 * high))
    for place, (number, begins, text) in enumerate(squares):
        _square(ax, place, number, begins, text)
    for number, field in enumerate(fields):
        _name(ax, number, field, number * LINE + 0.28)
    ax.set_xlim(-0.1, 32)
    ax.set_ylim(high + 0.1, -0.35)
    ax.set_axis_off()
    return style.finish(ax, finding, _alt(finding, fields))


def _squares(fields: Sequence[Field]) -> Iterator[tuple[int, bool, str]]:
    """Number of the field, whether it begins here, and the byte; an ellipsis for those left out."""
    crowded = fields[-1].end > MOST_BYTES
    for number, field in enumerate(fields):
        shown = field.raw[:MOST_OF_FIELD] if crowded else field.raw
        for place, byte in enumerate(shown):
            yield number, place == 0, f"{byte:02x}\n{chr(byte) if 0x20 < byte < 0x7F else ''}"
        if len(shown) < len(field.raw):
            yield number, False, f"…\n+{len(field.raw) - len(shown):,}"


def _square(ax: Axes, place: int, number: int, begins: bool, text: str) -> None:
    x, y = place % ACROSS, place // ACROSS
    ax.add_patch(
        Rectangle((x, y), 0.96, 0.92, facecolor=TINTS[number % len(TINTS)], edgecolor=style.SOFT, linewidth=0.5)
    )
    if begins:
        ax.plot([x, x], [y, y + 0.92], color=style.INK, linewidth=2.2, solid_capstyle="butt", zorder=3)
        ax.text(x + 0.07, y + 0.05, str(number + 1), fontsize=6, fontweight="bold", color=style.INK, va="top", zorder=4)
    high, low = text.split("\n")
    ax.text(x + 0.52, y + 0.36, high, fontsize=8.5, color=style.INK, ha="center", va="center")
    ax.text(x + 0.52, y + 0.71, style.drawable(low), fontsize=7.5 if len(low) < 3 else 5.5, color=style.SOFT,
            ha="center", va="center")  # fmt: skip


def _name(ax: Axes, number: int, field: Field, y: float) -> None:
    ax.add_patch(
        Rectangle((16.6, y - 0.2), 0.8, 0.4, facecolor=TINTS[number % len(TINTS)], edgecolor=style.SOFT, linewidth=0.5)
    )
    ax.text(17.0, y, str(number + 1), fontsize=7, fontweight="bold", color=style.INK, ha="center", va="center")
    value = field.value if len(field.value) <= MOST_VALUE else f"{field.value[: MOST_VALUE - 1]}…"
    ax.text(17.7, y, style.drawable(f"{field.name}: {value}" if value else field.name), fontsize=8.5, color=style.INK,
            va="center")  # fmt: skip


def _alt(finding: str, fields: Sequence[Field]) -> str:
    parts = ", ".join(f"{name} {count:,}" for name, count in findings.lengths(fields).items())
    return f"A packet byte by byte. {finding}. Bytes by field: {parts}."
