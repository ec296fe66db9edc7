"""Firmware beside software: the picture of both, with their request ids."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from otakit import example
from otakit.analyse import plots


@pytest.fixture(scope="module")
def chunks() -> pd.DataFrame:
    """Of one device: firmware under id 1, software under id 2, on one connection."""
    return example().chunks.assign(connection=0)


def texts(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_each_request_has_its_bar_and_its_id(chunks: pd.DataFrame) -> None:
    axes: Any = plots.chunk_lanes(chunks)
    assert texts(axes) == [
        f"id {number}, chunk {index}" for number, index in zip(chunks["request_id"], chunks["index"], strict=True)
    ]
    assert len(axes.patches) == len(chunks)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["firmware", "software"]


def test_title_names_the_ids_of_each_kind(chunks: pd.DataFrame) -> None:
    axes: Any = plots.chunk_lanes(chunks)
    expected = "Firmware under request id 1, software under request id 2, on 1 connection"
    assert axes.get_title(loc="left") == expected
    assert expected in plots.alt_text(axes)
    assert plots.png(axes.figure, sharpness=0.3).startswith(b"\x89PNG")


def test_title_says_that_one_id_was_used_for_both(chunks: pd.DataFrame) -> None:
    axes = plots.chunk_lanes(chunks.assign(request_id=7))
    assert axes.get_title(loc="left") == "Request id 7 was used for firmware and for software, on 1 connection"


def test_new_connection_is_marked(chunks: pd.DataFrame) -> None:
    """Where its first chunk is asked for."""
    later = chunks.assign(update=0, connection=[0] * 4 + [1] * (len(chunks) - 4))
    assert texts(plots.chunk_lanes(later)).count("reconnect") == 1


def test_long_download_shows_its_beginning(chunks: pd.DataFrame) -> None:
    many = pd.concat([chunks[chunks["kind"] == "firmware"]] * 20, ignore_index=True)
    assert len(plots.chunk_lanes(many).patches) == 24


def test_request_without_an_answer_lasts_to_the_end(chunks: pd.DataFrame) -> None:
    (lost,) = (row for row, outcome in enumerate(chunks["outcome"]) if outcome == "UNANSWERED")
    bar: Any = plots.chunk_lanes(chunks).patches[lost]
    assert bar.get_x() + bar.get_width() == pytest.approx(chunks["answered_s"].max())


def test_no_chunk_is_said() -> None:
    assert plots.alt_text(plots.chunk_lanes(example().chunks.iloc[:0])) == "Nothing to show: no chunk was asked for."
