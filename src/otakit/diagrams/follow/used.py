"""What the names of a loop's passes stood for: each pass has something else.

Whole numbers of one name are kept as ranges, so that twenty thousand chunks are one range and a state stays
small. Called by `walk`.
"""

from __future__ import annotations

from bisect import bisect_right


def with_used(used: tuple[object, ...], values: tuple[object, ...]) -> tuple[object, ...] | None:
    """What is used when a pass takes these values; None where another pass has had them."""
    if len(values) == 1 and isinstance(values[0], int):
        return _in_ranges(used, values[0])  # type: ignore[arg-type]  # one name: always ranges
    return None if values in used else (*used, values)


def _in_ranges(used: tuple[tuple[int, int], ...], number: int) -> tuple[object, ...] | None:
    at = bisect_right(used, (number, 1 << 62))
    before, after = used[:at], used[at:]
    low = high = number
    if before and before[-1][1] >= number:
        return None
    if before and before[-1][1] == number - 1:
        low, before = before[-1][0], before[:-1]
    if after and after[0][0] == number + 1:
        high, after = after[0][1], after[1:]
    return (*before, (low, high), *after)
