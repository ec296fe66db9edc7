"""Figures of time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.analyse import timing
from otakit.analyse.timing import Stay


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_are_those_of_numpy(values: list[float]) -> None:
    """Who computes them again from the frame gets the same number."""
    assert timing.percentiles(values) == pytest.approx(np.percentile(values, [50, 95, 99]))


def test_percentiles_leave_out_what_is_missing() -> None:
    assert timing.percentiles([1.0, math.nan, 3.0], (0.5,)) == (2.0,)
    assert all(math.isnan(value) for value in timing.percentiles([]))


def test_each_status_holds_until_the_next() -> None:
    found = timing.stays([(3.0, "VERIFIED"), (1.0, "DOWNLOADING")], 5.0)
    assert found == [Stay("DOWNLOADING", 1.0, 3.0), Stay("VERIFIED", 3.0, 5.0, lasts=False)]
    assert timing.stays([], 5.0) == []


def test_time_in_status_adds_up_over_returns() -> None:
    reports = [(0.0, "DOWNLOADING"), (1.0, "FAILED"), (2.0, "DOWNLOADING"), (5.0, "UPDATED")]
    assert timing.time_in_status(reports, 5.0) == {"DOWNLOADING": 4.0, "FAILED": 1.0, "UPDATED": 0.0}


def test_in_flight_counts_up_and_down() -> None:
    spans = [(0.0, 2.0), (1.0, math.nan), (1.0, 1.5)]
    assert timing.in_flight(spans, 3.0) == [(0.0, 1), (1.0, 3), (1.5, 2), (2.0, 1), (3.0, 0)]


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9))))
def test_in_flight_ends_with_none(spans: list[tuple[float, float]]) -> None:
    """Whatever was asked was answered or given up at the end."""
    steps = timing.in_flight([(min(span), max(span)) for span in spans], 9.0)
    assert not steps or steps[-1][1] == 0


def test_bytes_are_cumulated_in_the_order_of_arrival() -> None:
    assert timing.cumulated([(2.0, 10), (1.0, 5), (math.nan, 7)]) == [(1.0, 5), (2.0, 15)]
