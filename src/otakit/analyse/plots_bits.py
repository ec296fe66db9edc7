"""Two checksums of each algorithm, bit by bit: which of them differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from otakit.analyse import plots_style as style
from otakit.analyse.words import share

ROW_BITS = 64
GAP = 0.7  # rows between two algorithms
DIGIT_BITS = 4
MARKS = ((False, ".", 2.5, style.SOFT, "as before"), (True, "s", 6.0, style.BLUE, "changed"))
"""Whether a bit differs, its marker, size and colour, and what it is called."""


def changed_bits(checksums: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Each bit of each checksum as a square, filled where two images differ in it; sixty-four bits a row.

    Args:
        checksums: columns ``algorithm``, ``bits``, ``changed``, ``before`` and ``after`` (hexadecimal texts).
        ax: where to draw; a figure of its own without.
    """
    if checksums.empty:
        return style.nothing(style.panel(ax), "Nothing to show: no checksum")
    places, top = [], 0.0
    for bits in checksums["bits"]:
        places.append(top)
        top += -(-bits // ROW_BITS) + GAP
    ax = style.panel(ax, (9.0, 1.3 + 0.16 * top))
    _draw(ax, checksums, places)
    middles = [place + (-(-bits // ROW_BITS) - 1) / 2 for place, bits in zip(places, checksums["bits"], strict=True)]
    ax.set_yticks(middles, [f"{row['algorithm']}  {row['changed']} of {row['bits']}" for row in _records(checksums)])
    ax.set_xlim(-1, ROW_BITS)
    ax.set_ylim(top - GAP, -1)
    ax.set_xticks(range(0, ROW_BITS, 8))
    ax.grid(visible=False)
    ax.tick_params(axis="y", length=0)
    style.legend(ax, loc="upper left", bbox_to_anchor=(0.0, -0.11), ncols=2)
    finding = _finding(checksums)
    return style.finish(ax, finding, _alt(finding, checksums), x="Bit of the checksum (64 a row)")


def _draw(ax: Axes, checksums: pd.DataFrame, places: list[float]) -> None:
    cells: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for row, top in zip(_records(checksums), places, strict=True):
        for place, differs in enumerate(_bits(row["before"], row["after"])):
            cells[differs].append((place % ROW_BITS, top + place // ROW_BITS))
    for differs, marker, size, colour, name in MARKS:
        across, down = zip(*cells[differs], strict=True) if cells[differs] else ((), ())
        ax.plot(across, down, linestyle="none", marker=marker, markersize=size, color=colour, markeredgecolor="none",
                label=name)  # fmt: skip


def _records(checksums: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in checksums.to_dict("records")]


def _bits(before: str, after: str) -> Iterator[bool]:
    """Whether each bit differs, in the order in which the digits are printed."""
    for one, other in zip(before, after, strict=True):
        both = int(one, 16) ^ int(other, 16)
        yield from (bool(both >> place & 1) for place in reversed(range(DIGIT_BITS)))


def _finding(checksums: pd.DataFrame) -> str:
    unchanged = [str(name) for name in checksums.loc[checksums["changed"] == 0, "algorithm"]]
    if len(unchanged) == len(checksums):
        return "No checksum changed: the two images are the same"
    if unchanged:
        return f"{', '.join(unchanged)} did not notice; the others did"
    shares = sorted(changed / bits for changed, bits in zip(checksums["changed"], checksums["bits"], strict=True))
    between = f"between {share(shares[0], 1)} and {share(shares[-1], 1)} of their bits"
    return f"All {len(checksums)} checksums changed, {between}"


def _alt(finding: str, checksums: pd.DataFrame) -> str:
    rows = [f"{row['algorithm']} {row['changed']} of {row['bits']} bits" for row in _records(checksums)]
    return f"Checksums of two images, bit by bit. {finding}. {'; '.join(rows)}."
