"""Chunk latency in pictures: by index, over time, as a distribution, and all three together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from otakit.analyse import findings, timing
from otakit.analyse import plots_style as style
from otakit.analyse.words import counted, duration

WIDE = 20
"""Where the slowest is so many times the fastest, the axis is logarithmic."""
QUANTILE_LINES = (("p50", 0.50, "-"), ("p95", 0.95, (0, (5, 2))), ("p99", 0.99, (0, (1, 1.5))))


def latency_by_index(chunks: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Latency of each chunk request by the chunk's index.

    Args:
        chunks: the frame ``chunks``.
        ax: where to draw; a figure of its own without.
    """
    ax, finding = style.panel(ax), findings.latency(chunks)
    if chunks.empty:
        return style.nothing(ax, finding)
    _points(ax, chunks, "index")
    for _, index in findings.reconnects(chunks):
        _reconnect(ax, index - 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    style.legend(ax, loc="best")
    return style.finish(ax, finding, _alt("by chunk index", finding, chunks), x="Chunk index", y="Latency (ms)")


def latency_over_time(chunks: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Latency of each chunk request by the instant of asking; arguments as `latency_by_index`."""
    ax, finding = style.panel(ax), findings.latency_over_time(chunks)
    if chunks.empty:
        return style.nothing(ax, finding)
    _points(ax, chunks, "asked_s")
    for at_s, _ in findings.reconnects(chunks):
        _reconnect(ax, at_s)
    style.legend(ax, loc="best")
    return style.finish(
        ax, finding, _alt("over time", finding, chunks), x="Time since the first packet (s)", y="Latency (ms)"
    )


def latency_distribution(chunks: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How often which latency, with p50, p95 and p99; arguments as `latency_by_index`."""
    ax, finding = style.panel(ax), findings.distribution(chunks)
    known = findings.answered(chunks)
    if known.empty:
        return style.nothing(ax, finding)
    values = [1e3 * value for value in known["latency_s"]]
    log = _is_wide(values)
    _bars(ax, values, log=log)
    for name, quantile, dashes in QUANTILE_LINES:
        (at,) = timing.percentiles(values, (quantile,))
        ax.axvline(at, color=style.INK, linestyle=dashes, linewidth=1.3, label=f"{name} {duration(at / 1e3)}", zorder=3)
    style.legend(ax, loc="best")
    ax.grid(visible=False, axis="x")
    _milliseconds(ax.xaxis, ax.set_xscale, log=log)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    alt = f"Histogram of chunk latency in milliseconds. {finding}."
    return style.finish(ax, finding, alt, x="Latency (ms)", y="Answers (count)")


def chunk_latency(chunks: pd.DataFrame) -> Axes:
    """Latency by index, its distribution and its course over time in one picture; returns the first axes."""
    if chunks.empty:
        return style.nothing(style.panel(None), findings.latency(chunks))
    figure = style.Picture(figsize=(10.0, 6.4), dpi=style.PIXELS_PER_INCH, layout="constrained", facecolor=style.GROUND)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 3, height_ratios=(1.15, 1))
    panels = [figure.add_subplot(place, axes_class=style.Panel) for place in (grid[0, :2], grid[0, 2], grid[1, :])]
    for draw, ax in zip((latency_by_index, latency_distribution, latency_over_time), panels, strict=True):
        draw(chunks, ax)
    finding = findings.latency(chunks)
    title = figure.suptitle(
        style.drawable(finding), x=0.01, ha="left", fontsize=12.5, fontweight="bold", color=style.INK
    )
    style.letter(title)
    for ax, name in zip(panels, ("By chunk index", "Distribution", panels[2].get_title(loc="left")), strict=True):
        style.letter(ax.set_title(name, loc="left", fontsize=10, fontweight="normal", color=style.INK))
    if (box := panels[2].get_legend()) is not None:
        box.remove()  # the same marks as in the first
    return panels[0]


# --------------------------------------------------------------------------------------- marks


def _points(ax: Axes, chunks: pd.DataFrame, x: str) -> None:
    """Each request: answered, asked for again, or waited for in vain."""
    lost, known = findings.waits(chunks), findings.answered(chunks)
    both, wide = findings.has_both_kinds(chunks), _is_wide(known["latency_s"])
    for kind, rows in known.groupby("kind", observed=True, sort=True):
        first = rows[(rows["attempt"] == 1) & (rows["outcome"] == "ANSWERED")]
        name = f"{kind} " if both else ""
        _scatter(ax, first, x, style.KIND_MARKERS.get(str(kind), "o"), style.KIND_COLOURS.get(str(kind), style.BLUE),
                 f"{name}answered", 20 if len(chunks) < 300 else 8)  # fmt: skip
    again = known[(known["attempt"] > 1) & (known["outcome"] == "ANSWERED")]
    _scatter(ax, again, x, "D", style.ORANGE, "asked again, answered", 46, edge=style.INK)
    odd = known[known["outcome"].isin(["SHORT", "EMPTY"])]
    _scatter(ax, odd, x, "v", style.YELLOW, "short or empty", 50, edge=style.INK)
    _lost(ax, lost, x)
    _milliseconds(ax.yaxis, ax.set_yscale, log=wide)
    if known.empty:
        ax.set_ylim(0, 1)
        ax.set_yticks([])
        return
    low, high = ax.get_ylim()
    room = (1.6 if wide else 1.18) if len(lost) else 1.0  # for the marks at the upper edge
    ax.set_ylim(low if wide else 0.0, high * room)


def _scatter(
    ax: Axes, rows: pd.DataFrame, x: str, marker: str, colour: str, label: str, size: float, edge: str = "none"
) -> None:
    if len(rows):
        ax.scatter(
            rows[x].astype(float), 1e3 * rows["latency_s"], s=size, marker=marker, color=colour, edgecolors=edge,
            linewidths=0.8, label=label, zorder=4,
        )  # fmt: skip


def _lost(ax: Axes, lost: pd.DataFrame, x: str) -> None:
    """Requests without an answer, at the upper edge: how long they were waited for would dwarf the rest."""
    if lost.empty:
        return
    known = [waited for waited in lost["waited_s"] if not math.isnan(waited)]
    up_to = "up to " if len(known) > 1 else ""
    ax.plot(
        lost[x].astype(float), [0.95] * len(lost), linestyle="none", marker="X", markersize=8, color=style.RED,
        markeredgecolor=style.INK, markeredgewidth=0.8, transform=ax.get_xaxis_transform(), zorder=5,
        label=f"no answer, waited {up_to}{duration(max(known))}" if known else "no answer",
    )  # fmt: skip


def _reconnect(ax: Axes, at: float) -> None:
    ax.axvline(at, color=style.GREEN, linestyle=(0, (4, 3)), linewidth=1.6, label="reconnect", zorder=2)


def _bars(ax: Axes, values: list[float], *, log: bool) -> None:
    low, high = min(values), max(values)
    count = max(1, min(30, round(math.sqrt(len(values)) * 1.5)))
    if high <= low:
        margin = max(low * 0.03, 1e-6)
        edges = [low - margin, high + margin]
        ax.set_xlim(low - 30 * margin, high + 30 * margin)  # all alike: one narrow bar
    elif log:
        edges = [low * (high / low) ** (step / count) for step in range(count + 1)]
    else:
        edges = [low + (high - low) * step / count for step in range(count + 1)]
    edges[-1] = max(edges[-1], high)
    ax.hist(values, bins=edges, color=style.SKY, edgecolor=style.BLUE, linewidth=0.8, zorder=2)


def _is_wide(values: Iterable[float]) -> bool:
    known = [value for value in values if value > 0]
    return bool(known) and max(known) > WIDE * min(known)


def _milliseconds(axis: object, scale: Callable[[str], None], *, log: bool) -> None:
    if log:
        scale("log")
        axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]  # matplotlib brings no types
    axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,g}"))  # type: ignore[attr-defined]  # as above


def _alt(along: str, finding: str, chunks: pd.DataFrame) -> str:
    known = findings.answered(chunks)
    p50, p95, p99 = (duration(value) for value in timing.percentiles(known["latency_s"]))
    figures = f" Median {p50}, 95th percentile {p95}, 99th percentile {p99}." if len(known) else ""
    again = findings.asked_again(chunks)
    retried = f" Asked for again: {', '.join(list(again)[:20])}." if again else " No chunk was asked for again."
    met = findings.reconnects(chunks)
    return (
        f"Scatter plot of chunk latency in milliseconds {along}, {counted(len(chunks), 'request')}. {finding}."
        f"{figures}{retried}" + (f" {counted(len(met), 'reconnect')}." if met else "")
    )
