"""The chunk map: which bytes of the image each answer brought, in the order of asking."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from otakit.analyse import findings_wire as findings
from otakit.analyse import plots_style as style
from otakit.analyse.words import counted

MOST_NAMED = 24
"""With more requests than this, bars stand without words."""


def chunk_map(chunks: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Each request as a line, its answer as a bar from offset to end.

    Args:
        chunks: the frame ``chunks``.
        ax: where to draw; a figure of its own without.
    """
    finding = findings.chunk_map(chunks)
    if chunks.empty:
        return style.nothing(style.panel(ax), finding)
    rows = chunks.reset_index(drop=True)
    named = len(rows) <= MOST_NAMED
    ax = style.panel(ax, (9.0, 1.5 + min(0.34 * len(rows), 5.5)))
    rows = rows.assign(empty=findings.is_empty(rows))
    usual = _usual(rows)
    end = max(float((rows["offset"].fillna(0) + rows["received_bytes"].fillna(0)).max()), 1.0)
    for place, (_, row) in enumerate(rows.iterrows()):
        _answer(ax, place, row, usual, end, named=named)
    ax.set_xlim(0, end * 1.22)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    names = [f"id {row['request_id']}, chunk {row['index']}" for _, row in rows.iterrows()] if named else []
    ax.set_yticks(range(len(names)), names)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,.0f}"))
    style.legend(ax, loc="best")
    return style.finish(ax, finding, _alt(finding, rows), x="Offset in the image (bytes)")


def _usual(rows: pd.DataFrame) -> int:
    """The length that most answers have."""
    came = rows["received_bytes"][rows["received_bytes"].fillna(0) > 0]
    return int(came.mode().iloc[0]) if len(came) else 0


def _answer(ax: Axes, place: int, row: pd.Series, usual: int, end: float, *, named: bool) -> None:
    offset, size = _whole(row["offset"]), _whole(row["received_bytes"])
    if not size:
        empty = bool(row["empty"])
        ax.plot([min(offset, end)], [place], linestyle="none", marker="D" if empty else "X", markersize=8, zorder=4,
                color=style.YELLOW if empty else style.RED, markeredgecolor=style.INK, markeredgewidth=0.8,
                label="empty answer" if empty else "no answer")  # fmt: skip
        _words(ax, min(offset, end), place, "0 bytes" if empty else "no chunk", named=named)
        return
    again, other = row["attempt"] > 1, size != usual
    look = (style.PURPLE, "xx", "asked again") if again else (style.ORANGE, "///", "of another length")
    colour, hatch, label = look if again or other else (style.BLUE, "", f"{usual:,} bytes")
    ax.barh(place, size, left=offset, height=0.62, color=colour, hatch=hatch, edgecolor=style.INK, linewidth=0.7,
            label=label, zorder=3)  # fmt: skip
    _words(ax, offset + size, place, f"{size:,} bytes from {offset:,}", named=named)


def _words(ax: Axes, x: float, place: int, text: str, *, named: bool) -> None:
    if named:
        ax.annotate(text, (x, place), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8.5,
                    color=style.INK, zorder=5)  # fmt: skip


def _whole(value: object) -> int:
    return 0 if pd.isna(value) else int(value)  # type: ignore[call-overload]  # a cell: a number or missing


def _alt(finding: str, rows: pd.DataFrame) -> str:
    told = [
        f"request id {row['request_id']} chunk {row['index']}: {_whole(row['received_bytes']):,} bytes from "
        f"{_whole(row['offset']):,}"
        for _, row in rows.head(MOST_NAMED).iterrows()
    ]
    more = f"; and {counted(len(rows) - MOST_NAMED, 'request')} more" if len(rows) > MOST_NAMED else ""
    return f"Chunk map. {finding}. {'; '.join(told)}{more}."
