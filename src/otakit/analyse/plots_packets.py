"""Packets over time, one line for each sort."""

from __future__ import annotations

from collections import Counter

import pandas as pd
from matplotlib.axes import Axes

from otakit.analyse import findings
from otakit.analyse import plots_style as style
from otakit.analyse.words import counted, volume

MOST_LINES = 18
WAYS = (("to server", "^", style.BLUE, -0.17), ("to device", "v", style.ORANGE, 0.17))
"""Direction, marker, colour, and which side of the line."""


def packets_over_time(packets: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Each packet as a mark at its instant, in the line of its message, pointing where it went.

    Args:
        packets: the frame ``packets``.
        ax: where to draw; a figure of its own without.
    """
    finding = findings.packets(packets)
    if packets.empty:
        return style.nothing(style.panel(ax), finding)
    sorts = findings.sorts(packets)
    counts = Counter(sorts)  # in the order of their first coming
    lines = {name: place for place, name in enumerate(list(counts)[:MOST_LINES])}
    ax = style.panel(ax, (9.0, 1.3 + 0.3 * len(lines)))
    _draw(ax, packets.assign(sort=sorts), lines)
    ax.set_yticks(range(len(lines)), [style.drawable(name) for name in lines])
    ax.set_ylim(len(lines) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    for name, place in lines.items():
        ax.axhline(place, color=style.GRID, linewidth=0.8, zorder=1)
        ax.annotate(f"{counts[name]:,}", (1.0, place), xycoords=("axes fraction", "data"), xytext=(6, 0), fontsize=8.5,
                    textcoords="offset points", va="center", color=style.SOFT)  # fmt: skip
    style.legend(ax, loc="upper left", bbox_to_anchor=(0.0, -0.12 - 0.5 / (1 + len(lines))), ncols=2)
    return style.finish(ax, finding, _alt(finding, counts, packets), x="Time since the first packet (s)")


def _draw(ax: Axes, packets: pd.DataFrame, lines: dict[str, int]) -> None:
    dense = len(packets) > 2_000
    for direction, marker, colour, side in WAYS:
        rows = packets[(packets["direction"] == direction) & packets["sort"].isin(lines)]
        if len(rows):
            heights = [lines[name] + side for name in rows["sort"]]
            ax.plot(
                rows["at_s"], heights, linestyle="none", marker=marker, markersize=3 if dense else 5.5, color=colour,
                markeredgecolor="none" if dense else style.INK, markeredgewidth=0.4, alpha=0.9, label=direction,
                rasterized=dense, zorder=3,
            )  # fmt: skip


def _alt(finding: str, counts: Counter[str], packets: pd.DataFrame) -> str:
    rows = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(MOST_LINES))
    total = volume(int(packets["length"].sum()))
    return f"Packets over time by sort, {counted(len(packets), 'packet')}, {total}. {finding}. {rows}."
