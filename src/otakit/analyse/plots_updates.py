"""Attribute updates on a time axis: what the server says by itself, values above, deletions below."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from otakit.analyse import findings_wire as findings
from otakit.analyse import plots_style as style

LANES = (("values", "v", style.BLUE, 0), ("deleted", "D", style.ORANGE, 1))
"""Name, marker, colour and place of a lane."""
MOST_NAMED = 12


def updates_over_time(packets: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Each update as a mark at its instant, with the keys that it is about.

    Args:
        packets: the frame ``packets``, or some of its rows; only AttributesUpdate is looked at.
        ax: where to draw; a figure of its own without.
    """
    rows = packets[packets["message"] == "AttributesUpdate"]
    finding = findings.updates(rows)
    if rows.empty:
        return style.nothing(style.panel(ax), finding)
    ax = style.panel(ax, (9.0, 2.5))
    since_ms = 1e3 * (rows["at_s"] - float(rows["at_s"].min()))
    gone = [findings.is_deletion(text) for text in rows["text"]]
    for name, marker, colour, lane in LANES:
        at = [ms for ms, deleted in zip(since_ms, gone, strict=True) if deleted == bool(lane)]
        ax.axhline(lane, color=style.GRID, linewidth=0.8, zorder=1)
        ax.plot(at, [lane] * len(at), linestyle="none", marker=marker, markersize=9, color=colour, label=name,
                markeredgecolor=style.INK, markeredgewidth=0.7, zorder=3)  # fmt: skip
    if len(rows) <= MOST_NAMED:
        _words(ax, rows, list(since_ms), gone)
    longest = max(float(since_ms.max()), 1.0)
    ax.set_xlim(-0.06 * longest, 1.7 * longest)
    ax.set_ylim(1.7, -0.7)
    ax.set_yticks([0, 1], ["values", "deleted"])
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    return style.finish(ax, finding, _alt(finding, rows), x="Time since the first of them (ms)")


def _words(ax: Axes, rows: pd.DataFrame, since_ms: list[float], gone: list[bool]) -> None:
    """Above and below their lane by turns: several may come at almost the same time."""
    so_far = {False: 0, True: 0}
    for ms, deleted, text in zip(since_ms, gone, rows["text"], strict=True):
        height = -20 if so_far[deleted] % 2 else 11
        so_far[deleted] += 1
        ax.annotate(style.drawable(findings.keys_of(text)), (ms, float(deleted)), xytext=(0, height), fontsize=8.5,
                    textcoords="offset points", color=style.INK, zorder=4)  # fmt: skip


def _alt(finding: str, rows: pd.DataFrame) -> str:
    told = [
        f"{'deleted' if findings.is_deletion(text) else 'values'} {findings.keys_of(text)}"
        for text in rows["text"].head(MOST_NAMED)
    ]
    return f"Attribute updates over time. {finding}. In their order: {'; '.join(told)}."
