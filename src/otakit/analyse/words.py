"""Numbers as people read them: durations, sizes, shares, lists of chunks.

Pure; findings, axes and descriptions of pictures use the same words, so that they never differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def duration(seconds: float) -> str:
    """A time with three significant digits: ``83 ms``, ``5.02 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if math.isnan(seconds):
        return "an unknown time"
    sign, left = ("-" if seconds < 0 else ""), abs(seconds)
    if left < 0.000_999_5:
        return f"{sign}{left * 1e6:.0f} µs" if left else "0 s"
    if left < 0.999_5:
        return f"{sign}{_three(left * 1e3)} ms"
    if left < 99.95:
        return f"{sign}{_three(left)} s"
    whole = round(left)
    large, small, names = (whole // 60, whole % 60, ("min", "s")) if whole < 3_600 else _hours(whole)
    return f"{sign}{large:,} {names[0]}" + (f" {small} {names[1]}" if small else "")


def _hours(seconds: int) -> tuple[int, int, tuple[str, str]]:
    minutes = round(seconds / 60)
    return minutes // 60, minutes % 60, ("h", "min")


def _three(value: float) -> str:
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def volume(count: float) -> str:
    """A number of bytes in the unit that suits it: ``3,616 bytes``, ``4 KiB``, ``1.5 MiB``."""
    if count < 1024:
        return "1 byte" if count == 1 else f"{count:,.0f} bytes"
    unit = min(int(math.log(count, 1024)), len(_UNITS) - 1)
    return f"{_three(count / 1024**unit)} {_UNITS[unit]}"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 chunk``, ``96 chunks``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def share(part: float, whole: float) -> str:
    """``97 %``, and never 100 % of what is not whole."""
    if not whole:
        return "0 %"
    percent = 100 * part / whole
    shown = round(percent)
    if part < whole and shown == 100:
        return "over 99 %"
    return f"{shown} %" if shown or not part else "under 1 %"


def listed(names: Sequence[object], most: int = 4) -> str:
    """``3``, ``3 and 7``, ``3, 7 and 9``, ``3, 7, 9, 12 and 5 more``."""
    if len(names) > most:
        return f"{', '.join(str(name) for name in names[:most])} and {len(names) - most:,} more"
    *first, last = [str(name) for name in names] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def times(count: int) -> str:
    """``once``, ``twice``, ``3 times``."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
