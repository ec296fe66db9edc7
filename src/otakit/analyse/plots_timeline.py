"""Statuses over time, the server's and the device's, with the bytes that came meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import FuncFormatter, MaxNLocator

from otakit.analyse import findings, timing
from otakit.analyse import plots_style as style
from otakit.analyse.words import duration, listed, volume

ORDER = ("QUEUED", "INITIATED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED", "FAILED")
EARLIER = 0.35
"""What the server wrote long before the first packet is shown in this share of the rest's width at most."""
MOST_LANES = 16


@dataclass(frozen=True, slots=True)
class _Bar:
    lane: tuple[str, str]
    kind: str
    stay: timing.Stay


def status_timeline(statuses: pd.DataFrame, chunks: pd.DataFrame) -> Axes:
    """Statuses as bars, each in its lane: above what the server wrote, then the device; beneath, the bytes.

    Args:
        statuses: the frame ``statuses``.
        chunks: the frame ``chunks``; without rows there is no staircase.

    Returns:
        The upper axes.
    """
    finding = findings.timeline(statuses, chunks)
    if statuses.empty and chunks.empty:
        return style.nothing(style.panel(None), finding)
    until_s = _end(statuses, chunks)
    bars = _all_bars(statuses, until_s)
    lanes = _lanes(bars)
    each = 0.34 if len({bar.kind for bar in bars}) < 2 else 0.48  # inches of a lane
    figure = style.Picture(
        figsize=(9.0, 2.7 + each * len(lanes)), dpi=style.PIXELS_PER_INCH, layout="constrained", facecolor=style.GROUND
    )
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 1, height_ratios=(0.7 + each * len(lanes), 1.7))
    above, below = (figure.add_subplot(grid[row, 0], axes_class=style.Panel) for row in (0, 1))
    below.sharex(above)
    start_s = _start(bars, chunks, until_s)
    _draw_lanes(style.dress(above), bars, lanes, start_s, until_s)
    _draw_bytes(style.dress(below), chunks, until_s)
    above.set_xlim(start_s, until_s)
    above.tick_params(labelbottom=False)
    style.finish(below, "", _bytes_alt(chunks), x="Time since the first packet (s)", y=f"Received ({_unit(chunks)[1]})")
    return style.finish(above, finding, _alt(finding, bars))


def _end(statuses: pd.DataFrame, chunks: pd.DataFrame) -> float:
    known = [*statuses["at_s"], *chunks["asked_s"], *chunks["answered_s"].dropna()]
    first, last = min(known), max(known)
    return float(last + max(0.04 * (last - max(first, 0.0)), 1e-3))


def _start(bars: Sequence[_Bar], chunks: pd.DataFrame, until_s: float) -> float:
    first = min([0.0, *(bar.stay.from_s for bar in bars)])
    if len(chunks) or any(bar.stay.from_s >= 0 for bar in bars):
        return max(first, -EARLIER * until_s) if until_s > 0 else first
    return first


def _all_bars(statuses: pd.DataFrame, until_s: float) -> list[_Bar]:
    """How long each status held: server and device write the same key, so each ends the one before."""
    found: list[_Bar] = []
    for kind, rows in statuses.groupby("kind", observed=True, sort=True):
        writers = list(rows["writer"])
        stays = timing.stays(zip(rows["at_s"], rows["status"], strict=True), until_s)
        found += [_Bar((writer, stay.status), str(kind), stay) for writer, stay in zip(writers, stays, strict=True)]
    return found


def _lanes(bars: Sequence[_Bar]) -> list[tuple[str, str]]:
    """One lane a status: the server's first, each in the order of a healthy update, strange ones last."""
    there = {bar.lane for bar in bars}
    rank = {status: place for place, status in enumerate(ORDER)}
    ordered = sorted(there, key=lambda lane: (lane[0] != "server", rank.get(lane[1], len(rank)), lane[1]))
    return ordered[:MOST_LANES]


def _draw_lanes(
    ax: Axes, bars: Sequence[_Bar], lanes: Sequence[tuple[str, str]], start_s: float, until_s: float
) -> None:
    kinds = sorted({bar.kind for bar in bars})
    height = 0.62 / max(1, len(kinds))
    places = {lane: place for place, lane in enumerate(lanes)}
    before: dict[str, tuple[float, float]] = {}
    for bar in sorted(bars, key=lambda bar: bar.stay.from_s):
        if bar.lane not in places:
            continue
        middle = places[bar.lane] + (kinds.index(bar.kind) - (len(kinds) - 1) / 2) * height
        _draw_bar(ax, bar, middle, height * 0.92, (start_s, until_s))
        if bar.kind in before:  # the transition
            came, from_middle = bar.stay.from_s, before[bar.kind][1]
            ax.plot([came, came], [from_middle, middle], color=style.SOFT, linewidth=0.9, zorder=2)
        before[bar.kind] = (bar.stay.from_s, middle)
    _name_lanes(ax, lanes)
    if not lanes:
        ax.text(0.5, 0.5, "no status was written", transform=ax.transAxes, ha="center", va="center", color=style.SOFT)
    for kind in kinds if len(kinds) > 1 else ():
        ax.barh([-9], [0], color=style.KIND_COLOURS.get(kind, style.BLUE), hatch=style.KIND_HATCHES.get(kind, ""),
                edgecolor=style.GROUND, label=kind)  # fmt: skip
    style.legend(ax, loc="best")


def _draw_bar(ax: Axes, bar: _Bar, middle: float, height: float, window: tuple[float, float]) -> None:
    start_s, until_s = window
    left, right = max(bar.stay.from_s, start_s), max(bar.stay.until_s, start_s)
    width = max(right - left, 0.004 * (until_s - start_s))  # the shortest still shows
    failed = bar.stay.status == "FAILED"
    colour = style.RED if failed else style.KIND_COLOURS.get(bar.kind, style.BLUE)
    hatch = "xxxx" if failed else style.KIND_HATCHES.get(bar.kind, "")
    ax.barh([middle], [width], left=[left], height=height, color=colour, hatch=hatch, edgecolor=style.GROUND,
            linewidth=0.4, zorder=3)  # fmt: skip
    text = "" if not bar.stay.lasts else duration(bar.stay.seconds)
    if bar.stay.from_s < start_s:
        text = f"◀ {text}" if bar.stay.until_s > start_s else f"◀ {duration(-bar.stay.from_s)} before, for {text}"
    if not text:
        return
    fits = width > 0.16 * (until_s - start_s)
    behind = left + width < start_s + 0.82 * (until_s - start_s)
    x, side, ink = (left + width / 2, "center", style.INK) if fits else (left + width, "left", style.INK)
    if not fits and not behind:
        x, side = left, "right"
    box = {"facecolor": style.GROUND, "edgecolor": "none", "pad": 1.2, "alpha": 0.9} if fits else None
    ax.annotate(
        text, (x, middle), xytext=(0 if fits else 4 if side == "left" else -4, 0), textcoords="offset points", ha=side,
        va="center", fontsize=8, color=ink, zorder=5, bbox=box, annotation_clip=False,
    )  # fmt: skip


def _name_lanes(ax: Axes, lanes: Sequence[tuple[str, str]]) -> None:
    ax.set_yticks(range(len(lanes)), [style.drawable(status[:24]) for _, status in lanes])
    ax.set_ylim(len(lanes) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    for writer, ground in (("server", "#f3f0e7"), ("device", "#eaf2f8")):
        mine = [place for place, lane in enumerate(lanes) if lane[0] == writer]
        if mine:
            ax.axhspan(mine[0] - 0.5, mine[-1] + 0.5, color=ground, zorder=0)
            ax.annotate(
                writer, (1.0, (mine[0] + mine[-1]) / 2), xycoords=("axes fraction", "data"), xytext=(6, 0), fontsize=9,
                textcoords="offset points", rotation=270, ha="left", va="center", color=style.SOFT, fontweight="bold",
            )  # fmt: skip


def _draw_bytes(ax: Axes, chunks: pd.DataFrame, until_s: float) -> None:
    """A staircase for each kind, with what was asked again and where the device connected anew."""
    kinds = sorted(chunks["kind"].dropna().unique())
    unit = _unit(chunks)[0]
    for kind in kinds:
        rows = chunks[chunks["kind"] == kind]
        steps = _staircase(rows)
        if not steps:
            continue
        colour = style.KIND_COLOURS.get(str(kind), style.BLUE)
        times = [rows["asked_s"].min(), *(at for at, _ in steps), until_s]
        totals = [0.0, *(total / unit for _, total in steps), steps[-1][1] / unit]
        dashes = "-" if kind == "firmware" else (0, (6, 1.5))
        ax.step(
            times, totals, where="post", color=colour, linewidth=1.8, linestyle=dashes, label=f"{kind} bytes", zorder=3
        )
        again = rows[rows["attempt"] > 1]
        heights = [_total_at(steps, at) / unit for at in again["asked_s"]]
        if len(again):
            ax.plot(again["asked_s"], heights, linestyle="none", marker="D", markersize=6, color=style.ORANGE,
                    markeredgecolor=style.INK, markeredgewidth=0.8, label="asked again", zorder=4)  # fmt: skip
    for at_s, _ in findings.reconnects(chunks):
        ax.axvline(at_s, color=style.GREEN, linestyle=(0, (4, 3)), linewidth=1.6, label="reconnect", zorder=2)
    if chunks.empty:
        ax.text(0.5, 0.5, "no chunk was asked for", transform=ax.transAxes, ha="center", va="center", color=style.SOFT)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,g}"))
    style.legend(ax, loc="best")


def _unit(chunks: pd.DataFrame) -> tuple[int, str]:
    """Bytes of the axis' unit, and its name."""
    received = int(chunks["received_bytes"].sum()) if len(chunks) else 0
    return (1024 * 1024, "MiB") if received >= 4 * 1024 * 1024 else (1024, "KiB") if received >= 4_096 else (1, "bytes")


def _staircase(rows: pd.DataFrame) -> list[tuple[float, int]]:
    known = rows[rows["received_bytes"].notna() & rows["answered_s"].notna()]
    return timing.cumulated(zip(known["answered_s"], known["received_bytes"].astype("int64"), strict=True))


def _total_at(steps: Sequence[tuple[float, int]], at_s: float) -> int:
    return max((total for at, total in steps if at <= at_s), default=0)


def _alt(finding: str, bars: Sequence[_Bar]) -> str:
    rows = [
        f"{bar.kind} {bar.stay.status} by the {bar.lane[0]} at {bar.stay.from_s:.3f} s"
        + (f" for {duration(bar.stay.seconds)}" if bar.stay.lasts else "")
        for bar in sorted(bars, key=lambda bar: bar.stay.from_s)[:40]
    ]
    return f"Timeline of the statuses. {finding}. {'; '.join(rows) or 'No status'}."


def _bytes_alt(chunks: pd.DataFrame) -> str:
    if chunks.empty:
        return "No chunk was asked for."
    parts = []
    for kind in sorted(chunks["kind"].dropna().unique()):
        steps = _staircase(chunks[chunks["kind"] == kind])
        parts.append(f"{volume(steps[-1][1]) if steps else 'no byte'} of {kind}")
    return f"Beneath, bytes received over time: {listed(parts)}."
