"""Which package is in force for each device, step by step, and where the device was told."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.axes import Axes

from otakit.analyse import plots_style as style
from otakit.analyse.words import counted, listed

NOTHING = "nothing"
LOOKS = (
    (style.BLUE, ""),
    (style.ORANGE, "////"),
    (style.GREEN, "...."),
    (style.PURPLE, "xxxx"),
    (style.SKY, "\\\\\\\\"),
)
"""Colour and hatch of the versions, in the order of their coming; more begin anew, and each bears its name."""
HEIGHT = 0.5
LABEL_CHARACTERS = 14


def packages_in_force(steps: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """One row a device; in it a piece for each step, named by the version in force, with a mark where it was told.

    Args:
        steps: columns ``step``, ``device``, ``in_force`` (missing for none) and ``heard`` (``nothing`` or words).
        ax: where to draw; a figure of its own without.
    """
    if steps.empty:
        return style.nothing(style.panel(ax), "Nothing to show: no step was taken")
    names, devices = list(dict.fromkeys(steps["step"])), list(dict.fromkeys(steps["device"]))
    versions = list(dict.fromkeys(steps["in_force"].dropna()))
    ax = style.panel(ax, (9.0, 1.2 + 0.8 * len(devices)))
    for step, device, version, heard in steps[["step", "device", "in_force", "heard"]].itertuples(index=False):
        place = (names.index(step), devices.index(device))
        _draw(ax, place, None if pd.isna(version) else str(version), versions)
        _mark(ax, place, is_told=heard != NOTHING)
    ax.set_xticks([place + 0.5 for place in range(len(names))], [_wrapped(name) for name in names])
    ax.set_yticks(range(len(devices)), [style.drawable(device) for device in devices])
    ax.set_xlim(0, len(names))
    ax.set_ylim(len(devices) - 0.65, -0.6)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    finding = _finding(steps)
    return style.finish(ax, finding, _alt(finding, steps), x="What the operator did", y="Device")


def _draw(ax: Axes, place: tuple[int, int], version: str | None, versions: list[str]) -> None:
    step, row = place
    colour, hatch = (style.GROUND, "") if version is None else LOOKS[versions.index(version) % len(LOOKS)]
    ax.barh([row], [0.97], left=[step + 0.015], height=HEIGHT, color=colour, hatch=hatch, zorder=2,
            edgecolor=style.GRID if version is None else style.GROUND, linewidth=1)  # fmt: skip
    ax.text(
        step + 0.5, row, style.drawable(version or "none"), ha="center", va="center", fontsize=10, zorder=4,
        color=style.INK, bbox={"facecolor": style.GROUND, "edgecolor": "none", "pad": 2.0},
    )  # fmt: skip


def _mark(ax: Axes, place: tuple[int, int], *, is_told: bool) -> None:
    """Above its piece: whether the device heard of the step."""
    x, y = place[0] + 0.08, place[1] - 0.37
    ax.plot([x], [y], linestyle="none", marker="v" if is_told else "_", markersize=7, color=style.INK, zorder=5)
    ax.annotate(
        "told" if is_told else "told nothing", (x, y), xytext=(8, 0), textcoords="offset points", va="center",
        fontsize=8.5, color=style.INK if is_told else style.SOFT,
    )  # fmt: skip


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(style.drawable(name), LABEL_CHARACTERS)[:3])


def _finding(steps: pd.DataFrame) -> str:
    count = steps["step"].nunique()
    told = steps[steps["heard"] != NOTHING].groupby("device").size()
    parts = [f"{device} at {told.get(device, 0)}" for device in dict.fromkeys(steps["device"])]
    line = f"{listed(parts)} of {counted(count, 'step')}".replace(" at ", " was told at ", 1)
    silent = [step for step, rows in steps.groupby("step", sort=False) if (rows["heard"] == NOTHING).all()]
    return f"{line}; {listed(silent)} reached nobody" if silent else line


def _alt(finding: str, steps: pd.DataFrame) -> str:
    rows = [
        f"{step}: {device} has {'none' if pd.isna(version) else version}, heard {heard}"
        for step, device, version, heard in steps[["step", "device", "in_force", "heard"]].itertuples(index=False)
    ]
    return f"Package in force for each device, step by step. {finding}. {'; '.join(rows)}."
