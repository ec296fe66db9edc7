"""Figures of time: percentiles, time in each status, requests in flight, bytes over time.

Plain numbers in, plain numbers out, in seconds and bytes; knows neither frames nor pictures. Frames and
plots ask it, so that the number in a title is the number in the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

QUANTILES = (0.50, 0.95, 0.99)


def percentiles(values: Iterable[float], quantiles: Sequence[float] = QUANTILES) -> tuple[float, ...]:
    """The quantiles of `values`, interpolated between neighbours (numpy's and pandas' default); NaN of nothing."""
    known = sorted(value for value in values if not math.isnan(value))
    if not known:
        return tuple(math.nan for _ in quantiles)
    return tuple(_quantile(known, quantile) for quantile in quantiles)


def _quantile(ordered: Sequence[float], quantile: float) -> float:
    position = quantile * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


@dataclass(frozen=True, slots=True)
class Stay:
    """One status and how long it held.

    Attributes:
        lasts: False when nothing followed: it held until the end of what is known.
    """

    status: str
    from_s: float
    until_s: float
    lasts: bool = True

    @property
    def seconds(self) -> float:
        """How long it held."""
        return self.until_s - self.from_s


def stays(reports: Iterable[tuple[float, str]], until_s: float) -> list[Stay]:
    """Statuses with their instants → how long each held.

    Args:
        reports: seconds and status, in any order.
        until_s: end of what is known; the last status holds until then.
    """
    ordered = sorted(reports, key=lambda report: report[0])
    ends = [at for at, _ in ordered[1:]]
    found = [Stay(status, at, end) for (at, status), end in zip(ordered, ends, strict=False)]
    return [*found, *(Stay(status, at, max(at, until_s), lasts=False) for at, status in ordered[-1:])]


def time_in_status(reports: Iterable[tuple[float, str]], until_s: float) -> dict[str, float]:
    """Seconds in each status, in the order in which they first came."""
    total: dict[str, float] = {}
    for stay in stays(reports, until_s):
        total[stay.status] = total.get(stay.status, 0.0) + stay.seconds
    return total


def in_flight(spans: Iterable[tuple[float, float]], until_s: float) -> list[tuple[float, int]]:
    """Requests unanswered over time, as steps: instant and the number from then on.

    Args:
        spans: when each was asked and when answered (NaN: never).
        until_s: end of what is known.
    """
    changes: dict[float, int] = {}
    for asked, answered in spans:
        end = until_s if math.isnan(answered) else answered
        changes[asked] = changes.get(asked, 0) + 1
        changes[end] = changes.get(end, 0) - 1
    steps, now = [], 0
    for at in sorted(changes):
        now += changes[at]
        steps.append((at, now))
    return steps


def cumulated(arrivals: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    """Instant and bytes of each arrival → instant and bytes until then."""
    total, steps = 0, []
    for at, count in sorted((at, count) for at, count in arrivals if not math.isnan(at)):
        total += count
        steps.append((at, total))
    return steps
