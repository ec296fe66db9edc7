"""AVG, MIN, MAX, SUM and COUNT over intervals of a history (`AbstractChunkedAggregationTimeseriesDao`).

Pure. Knows what ThingsBoard's SQL makes of values of mixed types; refuses to know where they are kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from otakit.twin.rules.values import Value

AGGREGATES = ("MIN", "MAX", "AVG", "SUM", "COUNT", "NONE")
MAX_INTERVALS = 700
"""`DATABASE_TS_MAX_INTERVALS`; intervals below a second count as one."""
Row = tuple[int, Value]


def intervals_of(start_ms: int, end_ms: int, interval_ms: int) -> int:
    """How many intervals the server counts; Java's division, which cuts towards zero."""
    step, span = max(interval_ms, 1000), end_ms - start_ms
    return span // step if span >= 0 else -(-span // step)


def aggregated(rows: Iterable[Row], name: str, start_ms: int, end_ms: int, interval_ms: int) -> list[Row]:
    """One row for each interval that holds a value, stamped in its middle, oldest first.

    Args:
        rows: the history from `start_ms` (inclusive) to `end_ms` (exclusive), in any order.
        name: one of `AGGREGATES` other than NONE.
        start_ms: where the first interval begins.
        end_ms: where the last one is cut.
        interval_ms: how long each is, 1 or more.
    """
    end_ms = max(start_ms + 1, end_ms)
    shares: dict[int, list[Value]] = {}
    for ts_ms, value in rows:
        shares.setdefault((ts_ms - start_ms) // interval_ms, []).append(value)
    found = []
    for number in sorted(shares):
        begin = start_ms + number * interval_ms
        end = min(begin + interval_ms, end_ms)
        result = _one(shares[number], name)
        if result is not None:
            found.append((begin + (end - begin) // 2, result))
    return found


def _one(values: list[Value], name: str) -> Value | None:
    longs = [each for each in values if isinstance(each, int) and not isinstance(each, bool)]
    doubles = [each for each in values if isinstance(each, float)]
    if name == "COUNT":
        return _count(values, len(longs) + len(doubles))
    if name == "AVG":  # texts alone give 0.0: their rows are there, and nothing in them counts
        return (sum(longs) + sum(doubles)) / (len(longs) + len(doubles)) if longs or doubles else 0.0
    if name == "SUM":
        return sum(doubles) + float(sum(longs)) if doubles else sum(longs)
    return _extreme(values, longs, doubles, largest=name == "MAX")


def _count(values: list[Value], numbers: int) -> int:
    """Of several types only the first counts: truth values, texts, objects, numbers."""
    kinds = (bool, str, dict | list)
    counts = [sum(isinstance(each, kind) for each in values) for kind in kinds]
    return next((count for count in counts if count), numbers)


def _extreme(values: list[Value], longs: list[int], doubles: list[float], *, largest: bool) -> Value | None:
    best = max if largest else min
    if longs and doubles:
        return float(best(best(longs), best(doubles)))
    if longs or doubles:
        return best(longs) if longs else best(doubles)
    texts = [each for each in values if isinstance(each, str)]
    return best(texts) if texts else None
