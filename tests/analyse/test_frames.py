"""Frames: exactly as declared, growing, the same from every way of keeping image bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otakit.analyse import frames
from otakit.analyse.frames import Frames
from otakit.captured import Entry
from otakit.columns import COLUMNS
from otakit.errors import SettingsError

Stories = dict[str, list[Entry]]
Talk = Callable[..., Any]
NAMES = ("healthy", "acknowledged", "withheld", "late", "empty", "superseded", "both", "reconnect", "foreign")


def same(one: Frames, two: Frames, leaving: tuple[str, ...] = ()) -> None:
    """Raise where two readings differ in any frame."""
    for name in COLUMNS:
        pd.testing.assert_frame_equal(
            one.frame(name).drop(columns=list(leaving), errors="ignore"),
            two.frame(name).drop(columns=list(leaving), errors="ignore"),
        )


@pytest.mark.parametrize("name", COLUMNS)
def test_frame_without_rows_has_every_column_with_its_dtype(name: str) -> None:
    """Nothing recorded is a frame like any other."""
    frames.check(frames.empty(name), name)
    frames.check(Frames().frame(name), name)
    assert len(Frames().frame(name)) == 0


@pytest.mark.parametrize("story", NAMES)
@pytest.mark.parametrize("name", COLUMNS)
def test_frame_is_as_declared(stories: Stories, story: str, name: str) -> None:
    """Names, order and dtypes come from the declaration."""
    frames.check(Frames(stories[story]).frame(name), name)


@pytest.mark.parametrize("story", NAMES)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_frames_fed_in_slices_are_the_frames_of_the_whole(stories: Stories, story: str, data: st.DataObject) -> None:
    """Looking at a live recording at any time changes nothing of what it becomes."""
    entries = stories[story]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(entries)), max_size=5)))
    live = Frames()
    for start, end in zip([0, *cuts], [*cuts, len(entries)], strict=True):
        live.feed(entries[start:end])
        live.all()
    same(live, Frames(entries))


@pytest.mark.parametrize("story", NAMES)
@pytest.mark.parametrize("keep", [32, 0])
def test_frames_of_a_recording_without_image_bytes_are_the_same(
    stories: Stories, kept: Callable[[list[Entry], int], list[Entry]], story: str, keep: int
) -> None:
    """Only the head of a chunk can be missing, and only when none of its bytes was to be kept."""
    same(Frames(kept(stories[story], keep)), Frames(stories[story]), () if keep else ("payload_head",))


def test_frame_is_built_once_until_something_comes(talk: Talk) -> None:
    """Asking twice costs nothing; the old object does not change under its reader."""
    conversation = talk().connect()
    live = Frames(conversation.entries)
    before = live.packets
    assert live.packets is before
    live.feed(talk().connect().entries)
    assert len(live.packets) == 2 * len(before) == 8


def test_clock_starts_with_the_first_packet(talk: Talk) -> None:
    """Seconds count from the first packet, whatever the date; wall keeps the date."""
    packets = Frames(talk().connect().entries).packets
    assert list(packets["at_s"].round(3)) == [0.0, 0.01, 0.02, 0.03]
    assert str(packets["wall"].iloc[0]) == "2026-09-21 14:13:20.010000+00:00"


def test_key_that_comes_later_stands_in_all_rows_of_its_connection(talk: Talk) -> None:
    """A recording may learn the device only from its CONNECT."""
    first, connect, *rest = talk(key=None).connect().entries
    live = Frames([first, connect])
    assert live.packets["device"].isna().all()
    key = talk(key="beef").connect().entries[0]
    live.feed([key, *rest])
    assert set(live.packets["device"]) == {"beef"}


def test_check_names_the_column_of_the_wrong_dtype() -> None:
    """Who reads the error knows where to look."""
    frame = frames.empty("chunks").astype({"offset": "float64"})
    with pytest.raises(SettingsError, match=r"chunks: the column 'offset' should be int64, it is float64"):
        frames.check(frame, "chunks")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda frame: frame.drop(columns="index"), "'index' is missing"),
        (lambda frame: frame.assign(extra=1), "'extra' is not declared"),
        (
            lambda frame: frame[["update", "exchange", *frame.columns[2:]]],
            "column 0 should be 'exchange', it is 'update'",
        ),
    ],
)
def test_check_names_the_column_out_of_place(change: Callable[[pd.DataFrame], pd.DataFrame], text: str) -> None:
    """Missing, undeclared, out of order."""
    with pytest.raises(SettingsError, match=text):
        frames.check(change(frames.empty("chunks")), "chunks")


def test_unknown_frame_is_refused_with_the_names_there_are() -> None:
    """A mistyped name is a mistake with an answer."""
    with pytest.raises(SettingsError, match="there is no frame 'chunk'; there are packets, exchanges"):
        Frames().frame("chunk")


@pytest.mark.parametrize("name", COLUMNS)
def test_parquet_gives_back_the_frame_and_says_what_each_column_means(
    stories: Stories, tmp_path: Path, name: str
) -> None:
    """Unit and sentence travel with the file."""
    frame = Frames(stories["withheld"]).frame(name)
    (path,) = frames.write_parquet({name: frame}, tmp_path / "deep" / "er")
    table = pq.read_table(path)
    for column in COLUMNS[name]:
        assert table.schema.field(column.name).metadata[b"sentence"].decode() == column.sentence
        assert table.schema.field(column.name).metadata[b"unit"].decode() == column.unit
    back = pd.read_parquet(path)
    frames.check(back, name)
    for column in COLUMNS[name]:
        assert list(back[column.name].dropna()) == list(frame[column.name].dropna())


def test_csv_holds_bytes_in_hexadecimal_and_any_language(talk: Talk, tmp_path: Path) -> None:
    """A spreadsheet opens it; Chinese titles survive."""
    entries = talk().connect().runs(title="水泵").offered(title="水泵").status("DOWNLOADING").entries
    frames.write_csv(Frames(entries).all(), tmp_path)
    assert "水泵" in (tmp_path / "updates.csv").read_text(encoding="utf-8")
    packets = pd.read_csv(tmp_path / "packets.csv")
    assert bytes.fromhex(packets["payload_head"].dropna().iloc[0]).startswith(b"{")


def test_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    """No traceback of the operating system."""
    (tmp_path / "taken").write_text("x")
    with pytest.raises(SettingsError, match="cannot be written into"):
        frames.write_parquet({"chunks": frames.empty("chunks")}, tmp_path / "taken")


def test_number_too_large_for_its_column_is_the_largest_there_is(talk: Talk) -> None:
    """An index of eighteen digits times a size is beyond 64 bit; the row still says what was asked."""
    chunks = Frames(talk().connect().ask(10**17, size=2**31).entries).chunks
    assert chunks["index"].tolist() == [10**17]
    assert chunks["offset"].tolist() == [2**63 - 1]


def test_instant_outside_the_calendar_is_missing(talk: Talk) -> None:
    """A device with a broken clock does not break the table."""
    conversation = talk().connect()
    conversation.at_ns = 2**63
    packets = Frames(conversation.ask(0).entries).packets
    assert pd.isna(packets["wall"].iloc[-1])
