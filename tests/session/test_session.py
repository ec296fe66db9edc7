"""A session: frames, plots, files of a recording; whole, cut, growing or none at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import otakit
from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.columns import COLUMNS
from otakit.errors import RecordingError, SettingsError, UnknownFormat
from otakit.record.pcapng import Recorder
from otakit.session import Session, load

Talk = Callable[..., Any]


def record(recorder: Recorder, entries: list[Entry]) -> None:
    """What a tap does: hands over what it sees, while it sees it."""
    for entry in entries:
        match entry:
            case OpenedConnection():
                recorder.connection(entry.client, entry.server)
            case CapturedPacket():
                recorder.packet(entry.connection, entry.direction, entry.raw, entry.at_ns)
            case Note():
                recorder.note(entry.name, entry.fields, connection=entry.connection, at_ns=entry.at_ns)
    recorder.flush()


@pytest.fixture
def recorded(tmp_path: Path, talk: Talk) -> Path:
    path = tmp_path / "run.pcapng"
    with Recorder(path, key=b"k") as recorder:
        record(recorder, talk().connect().update().entries)
        recorder.close({"firmware": "UPDATED"})
    return path


def test_session_of_a_whole_recording_has_its_frames_and_outcome(recorded: Path) -> None:
    session = load(recorded)
    assert (session.outcome, session.cut) == ({"firmware": "UPDATED"}, None)
    assert [len(getattr(session, name)) > 0 for name in COLUMNS] == [True] * 5
    assert session.updates["outcome"].tolist() == ["UPDATED"]


def test_session_grows_with_its_recording(tmp_path: Path, talk: Talk) -> None:
    """Asked again, it reads only what is new."""
    entries = talk().connect().update().entries
    recorder = Recorder(tmp_path / "live.pcapng", key=b"k")
    try:
        record(recorder, entries[:12])
        session = Session(recorder.path)
        before = session.packets
        assert session.cut == "still growing"
        record(recorder, entries[12:])
        assert len(session.packets) > len(before)
        assert session.outcome == {"firmware": "UPDATED"}
    finally:
        recorder.close({"firmware": "UPDATED"})
    assert session.cut is None


def test_cut_recording_gives_what_is_whole_and_says_what_is_missing(recorded: Path) -> None:
    whole = load(recorded)
    recorded.with_name("cut.pcapng").write_bytes(recorded.read_bytes()[: recorded.stat().st_size // 2])
    session = load(recorded.with_name("cut.pcapng"))
    assert session.cut is not None
    assert session.cut.startswith("cut at byte")
    pd.testing.assert_series_equal(session.packets["length"], whole.packets["length"][: len(session.packets)])
    assert session.outcome == {"firmware": "STILL_RUNNING"}


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, RecordingError), (b"", RecordingError), (b"hello, world, this is text", UnknownFormat)],
)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, content: bytes | None, error: type[Exception]) -> None:
    path = tmp_path / "not.pcapng"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=r"not\.pcapng"):
        load(path)


def test_session_without_a_file_shows_itself_without_a_traceback(tmp_path: Path) -> None:
    session = Session(tmp_path / "none.pcapng")
    assert "none.pcapng" in repr(session)
    assert "none.pcapng" in session._repr_html_()


@pytest.mark.parametrize("keep", ["head", "none"])
def test_session_is_the_same_without_the_image_bytes(recorded: Path, tmp_path: Path, talk: Talk, keep: Any) -> None:
    """What the recording left out, frames do not miss; only heads are shorter when none was to be kept."""
    with Recorder(tmp_path / "kept.pcapng", keep=keep, key=b"k") as recorder:
        record(recorder, talk().connect().update().entries)
        recorder.close({"firmware": "UPDATED"})
    one, two = load(recorded), load(recorder.path)
    assert recorder.path.stat().st_size < recorded.stat().st_size
    for name in COLUMNS:
        left_out = ["payload_head"] if keep == "none" and name == "packets" else []
        pd.testing.assert_frame_equal(
            getattr(one, name).drop(columns=left_out), getattr(two, name).drop(columns=left_out)
        )


def test_session_shows_a_row_for_each_update(recorded: Path) -> None:
    session = load(recorded)
    page = session._repr_html_()
    assert "<td>pump 1.0.0</td><td>pump 1.1.0</td><td>UPDATED</td>" in page
    assert repr(session).startswith("<Session run.pcapng: 28 packets, ")


def test_what_a_device_wrote_is_text_in_the_page(tmp_path: Path, talk: Talk) -> None:
    with Recorder(tmp_path / "x.pcapng", key=b"k") as recorder:
        record(recorder, talk().connect().runs().offered(title="<script>").entries)
    page = load(tmp_path / "x.pcapng")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_export_writes_every_frame(recorded: Path, tmp_path: Path, ending: Any) -> None:
    written = load(recorded).export(tmp_path / "out", ending)
    assert [path.name for path in written] == [f"{name}.{ending}" for name in COLUMNS]


def test_export_in_another_format_is_refused(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected 'parquet' or 'csv', got 'xlsx'"):
        load(recorded).export(tmp_path, "xlsx")  # type: ignore[arg-type]  # what a user may type


def test_plots_are_saved_as_pictures(recorded: Path, tmp_path: Path) -> None:
    written = load(recorded).save_plots(tmp_path / "out")
    assert [path.name for path in written] == ["chunk-latency.png", "status-timeline.png", "packets.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


@pytest.mark.needs("engine")
def test_session_draws_its_diagram(recorded: Path) -> None:
    diagram = load(recorded).diagram()
    assert "ChunkRequest" in diagram.source
    assert diagram.svg.lstrip().startswith("<")


def test_example_comes_with_the_package() -> None:
    session = otakit.example()
    assert session.outcome == {"firmware": "UPDATED", "software": "UPDATED"}
    assert session.updates["retries"].tolist() == [0, 1]
    lengths = session.chunks.groupby("update")["received_bytes"].sum()
    assert lengths.tolist() == session.updates["package_bytes"].tolist()


def test_unknown_example_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(SettingsError, match="there is no sample 'lesson'; there are: two-updates"):
        otakit.example("lesson")


# ------------------------------------------------------------------------------------------ promises


def test_session_follows_the_articles_diagrams() -> None:
    """By their names; the sample has a whole update of the firmware and one of the software."""
    session = otakit.example()
    assert session.follows("whole-update")
    assert session.follows("update-software")
    assert repr(session.follows("whole-update")).startswith("follows whole-update: ")


def test_session_follows_a_file_a_text_or_a_diagram(tmp_path: Path) -> None:
    """Whatever holds the promise."""
    session = otakit.example()
    source = "TBDev -> TBSrv : Connect: once\n"
    (tmp_path / "mine.puml").write_text(source, encoding="utf-8")
    verdicts = [session.follows(what) for what in (source, tmp_path / "mine.puml", str(tmp_path / "mine.puml"))]
    assert [verdict.promised for verdict in verdicts] == [None, None, None]
    assert {verdict.seen.row for verdict in verdicts if verdict.seen} == {"Connect"}
    assert "nothing more: the diagram ends here" in str(verdicts[0])


def test_a_recording_that_was_cut_says_so_beside_its_verdict(tmp_path: Path) -> None:
    """What is missing at its end is no fault of the device's."""
    path = tmp_path / "cut.pcapng"
    whole = otakit.example().path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    verdict = otakit.load(path).follows("report-firmware-status")
    assert not verdict
    assert "so far it follows; the recording is cut at byte" in str(verdict)
