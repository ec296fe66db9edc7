"""Firmware and software beside each other: each chunk from its request to its bytes, with its request id."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from otakit.analyse import findings
from otakit.analyse import plots_style as style
from otakit.analyse.words import counted, listed

MOST_ROWS = 24
"""Chunks of one lane that are drawn, the first ones."""
GAP = 1.2  # rows between two lanes
HEIGHT = 0.72


def chunk_lanes(chunks: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """A lane for each kind; in it a bar for each request, from asked to answered, named by its request id.

    Args:
        chunks: the frame ``chunks``.
        ax: where to draw; a figure of its own without.
    """
    finding = _finding(chunks)
    if chunks.empty:
        return style.nothing(style.panel(ax), finding)
    lanes = {str(kind): chunks[chunks["kind"] == kind][:MOST_ROWS] for kind in sorted(chunks["kind"].unique())}
    height = sum(map(len, lanes.values())) + GAP * len(lanes)
    ax = style.panel(ax, (9.0, 1.3 + 0.22 * height))
    begin_s, end_s = (float(chunks[["asked_s", "answered_s"]].agg(name).agg(name)) for name in ("min", "max"))
    top, middles = 0.0, []
    for kind, rows in lanes.items():
        _draw(ax, kind, rows, top, end_s)
        middles.append(top + (len(rows) - 1) / 2)
        top += len(rows) + GAP
    for at_s in dict.fromkeys(at_s for at_s, _ in findings.reconnects(chunks)):
        ax.axvline(at_s, color=style.GREEN, linestyle=(0, (4, 3)), linewidth=1.6, zorder=2)
        ax.annotate("reconnect", (at_s, -1), xytext=(4, -3), textcoords="offset points", fontsize=8, va="top",
                    color=style.SOFT)  # fmt: skip
    ax.set_yticks(middles, list(lanes))
    ax.set_ylim(top - GAP, -1)
    ax.set_xlim(begin_s - 0.02 * (span := max(end_s - begin_s, 1e-6)), end_s + 0.14 * span)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    return style.finish(ax, finding, _alt(finding, chunks), x="Time since the first packet (s)")


def _draw(ax: Axes, kind: str, rows: pd.DataFrame, top: float, end_s: float) -> None:
    colour, hatch = style.KIND_COLOURS.get(kind, style.BLUE), style.KIND_HATCHES.get(kind, "")
    asked = list(rows["asked_s"])
    until = list(rows["answered_s"].fillna(end_s))
    places = [top + row for row in range(len(rows))]
    widths = [end - begin for begin, end in zip(asked, until, strict=True)]
    ax.barh(places, widths, left=asked, height=HEIGHT, color=colour, hatch=hatch, edgecolor=style.GROUND, linewidth=0.4,
            zorder=3)  # fmt: skip
    ax.plot(until, places, linestyle="none", marker=style.KIND_MARKERS.get(kind, "o"), markersize=5, color=colour,
            markeredgecolor=style.INK, markeredgewidth=0.7, zorder=4)  # fmt: skip
    for number, index, at_s, place in zip(rows["request_id"], rows["index"], until, places, strict=True):
        ax.annotate(f"id {number}, chunk {index}", (at_s, place), xytext=(7, 0), textcoords="offset points",
                    fontsize=8, va="center", color=style.INK, annotation_clip=False)  # fmt: skip


def _ids(chunks: pd.DataFrame) -> dict[str, list[int]]:
    return {
        str(kind): sorted({int(number) for number in chunks.loc[chunks["kind"] == kind, "request_id"]})
        for kind in sorted(chunks["kind"].unique())
    }


def _finding(chunks: pd.DataFrame) -> str:
    if chunks.empty:
        return f"{findings.NOTHING}: no chunk was asked for"
    where = counted(chunks["connection"].nunique(), "connection")
    ids = _ids(chunks)
    both = sorted(set.intersection(*map(set, ids.values()))) if len(ids) > 1 else []
    if both:
        return f"Request id {listed(both)} was used for firmware and for software, on {where}"
    parts = [f"{kind} under request id{'s' * (len(ids[kind]) > 1)} {listed(ids[kind])}" for kind in ids]
    line = f"{', '.join(parts)}, on {where}"
    return line[0].upper() + line[1:]


def _alt(finding: str, chunks: pd.DataFrame) -> str:
    rows = [
        f"{kind} id {number} chunk {index} at {at_s:.3f} s"
        for kind, number, index, at_s in zip(
            chunks["kind"], chunks["request_id"], chunks["index"], chunks["asked_s"], strict=True
        )
    ]
    more = f" and {len(rows) - MOST_ROWS:,} more" if len(rows) > MOST_ROWS else ""
    return f"Chunk requests of each kind over time. {finding}. Asked for: {'; '.join(rows[:MOST_ROWS])}{more}."
