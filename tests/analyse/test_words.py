"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.analyse.words import counted, duration, listed, share, times, volume


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (2.5e-5, "25 µs"), (0.0834, "83.4 ms"), (0.125, "125 ms"), (0.9996, "1 s"), (5.02, "5.02 s"),
        (59.96, "60 s"), (125, "2 min 5 s"), (120, "2 min"), (7_200, "2 h"), (7_260, "2 h 1 min"), (-0.3, "-300 ms"),
        (math.nan, "an unknown time"),
    ],
)  # fmt: skip
def test_duration_has_three_digits_and_a_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(-1e9, 1e9))
def test_duration_never_raises_and_never_says_sixty(seconds: float) -> None:
    text = duration(seconds)
    assert " 60 s" not in text.replace(text.split()[0], "", 1) or text == "60 s"
    assert "60 min" not in text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (1, "1 byte"), (1_023, "1,023 bytes"), (4_096, "4 KiB"), (1_572_864, "1.5 MiB")]
)
def test_volume_is_in_the_unit_that_suits(count: int, text: str) -> None:
    assert volume(count) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1, 2, "50 %"), (999, 1_000, "over 99 %"), (1, 1_000, "under 1 %"), (1, 1, "100 %"), (0, 0, "0 %")],
)
def test_share_is_never_all_of_what_is_not_whole(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text


def test_lists_and_counts_read_as_sentences() -> None:
    assert [listed([3]), listed([3, 7]), listed([3, 7, 9]), listed(list(range(9)))] == [
        "3",
        "3 and 7",
        "3, 7 and 9",
        "0, 1, 2, 3 and 5 more",
    ]
    assert (counted(1, "reply", "replies"), counted(2_000, "chunk"), times(2), times(3)) == (
        "1 reply",
        "2,000 chunks",
        "twice",
        "3 times",
    )
