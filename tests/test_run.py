"""One update from one call: settings, recording, progress, and what a reader is told."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import otakit
from otakit.client.vocabulary import Outcome, Progress
from otakit.errors import SettingsError, TransportError
from otakit.protocol.messages import Kind
from otakit.protocol.package import Package
from otakit.run import own_path, peer_at, recording_path, start_update, update
from otakit.run.handle import remarks
from otakit.run.history import server_statuses
from otakit.run.progress import Log, Notebook, Quiet, Terminal, display_for, line_of, size
from otakit.servers import Device, Twin

IMAGE = bytes(range(250)) * 80


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin() as server:
        yield server


@pytest.fixture
def device(twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Runs 1.0.0, is assigned 1.1.0 anew; recordings go into the test's own folder."""
    monkeypatch.chdir(tmp_path)
    found = twin.add_device("pump-7").reset("1.0.0")
    package = twin.upload("firmware", "pump", "1.1.0", IMAGE)
    twin.unassign("firmware", from_=found)
    twin.assign(package, to=found)
    return found


# ------------------------------------------------------------------------------------------ update


def test_update_brings_the_device_to_its_package_and_records_it(device: Device) -> None:
    """The running image is the one that was uploaded, the recording is whole."""
    session = update(device, show_progress=False)
    slot = device.image()
    assert slot is not None
    assert slot.read_bytes() == IMAGE
    assert session.outcome == {"firmware": "UPDATED", "software": "NO_PACKAGE"}
    assert session.cut is None
    assert session.path.parent == Path("recordings")


def test_server_s_own_statuses_stand_in_the_session(device: Device) -> None:
    """QUEUED and INITIATED come from the server's telemetry, the others from the wire."""
    statuses = update(device, show_progress=False).statuses
    assert list(statuses[statuses["writer"] == "server"]["status"]) == ["QUEUED", "INITIATED"]
    assert statuses[statuses["writer"] == "device"]["status"].iloc[0] == "DOWNLOADING"


def test_a_device_that_is_current_is_told_how_to_start_over(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is fetched again."""
    update(device, show_progress=False)
    session = update(device)
    assert session.outcome == {"firmware": "ALREADY_CURRENT", "software": "NO_PACKAGE"}
    assert session.chunks.empty
    assert 'pump-7 already runs firmware pump 1.1.0: nothing to do. device.reset("1.0.0") starts over.' in (
        capsys.readouterr().out
    )


def test_settings_are_given_by_name(device: Device) -> None:
    """Chunk size and window are what was asked for."""
    chunks = update(device, chunk_bytes=10_000, window=1, show_progress=False).chunks
    assert list(chunks["received_bytes"]) == [10_000, 10_000]
    assert chunks["in_flight"].max() == 1


@pytest.mark.parametrize(
    ("changes", "said"), [({"windw": 3}, r"no setting windw.*window"), ({"window": 0}, "window=0")]
)
def test_a_setting_that_is_none_is_named(device: Device, changes: dict[str, Any], said: str) -> None:
    """Before anything is opened or written."""
    with pytest.raises(SettingsError, match=said):
        update(device, **changes)
    assert not Path("recordings").exists()


def test_a_link_in_front_of_the_server_does_what_it_says(device: Device) -> None:
    """No answer faster than its round trip, one answer withheld and asked for again, the fault noted."""
    session = update(device, link="20 ms, answer 3 withheld", chunk_deadline_s=1.0, show_progress=False)
    chunks = session.chunks
    assert chunks["latency_s"].min() >= 0.020
    assert 2 in list(chunks[chunks["outcome"] == "UNANSWERED"]["index"])
    assert list(chunks[chunks["index"] == 2]["attempt"])[:2] == [1, 2]


def test_the_link_of_a_twin_tells_the_recording_about_its_faults(tmp_path: Path) -> None:
    """As a link of the run itself does."""
    with Twin(link="answer 1 withheld") as server:
        device = server.add_device("pump-7")
        server.assign(server.upload("firmware", "pump", "1.1.0", IMAGE), to=device)
        session = update(device, record=tmp_path / "run.pcapng", chunk_deadline_s=0.2, show_progress=False)
        assert server.link.watcher is None
    assert "Withhold" in session.diagram().source


def test_a_server_that_is_not_there_is_an_error_and_a_whole_recording(tmp_path: Path) -> None:
    """The error reaches the caller from the background thread, and stands in the file."""
    peer = peer_at("127.0.0.1:1", "token", folder=tmp_path / "device")
    with pytest.raises(TransportError, match="refused the connection"):
        update(peer, record=tmp_path / "run.pcapng", show_progress=False)
    session = otakit.load(tmp_path / "run.pcapng")
    assert session.cut is None
    assert "refused the connection" in str(session.outcome)


@pytest.mark.parametrize("address", ["mqtt://{}:{}", "{}:{}"])
def test_a_device_behind_an_mqtt_address_alone_is_updated(device: Device, address: str) -> None:
    """Without a REST door there are no statuses of the server, and everything else."""
    peer = peer_at(address.format(*device.server.mqtt), device.token, folder="mine", name="pump")
    session = update(peer, show_progress=False)
    assert session.outcome == {"firmware": "UPDATED", "software": "NO_PACKAGE"}
    assert set(session.statuses["writer"]) == {"device"}


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """One line, before anything is connected."""
    with pytest.raises(SettingsError, match=r"certificates .*none\.pem"):
        peer_at("mqtts://127.0.0.1", "token", folder=tmp_path, ca_file=tmp_path / "none.pem")


def test_a_peer_shows_no_token(device: Device) -> None:
    """Neither does its handle."""
    peer = peer_at("127.0.0.1", "SECRET", folder="x")
    assert "SECRET" not in repr(peer)


# ------------------------------------------------------------------------------------ start_update


def test_the_session_grows_while_the_update_runs(device: Device) -> None:
    """Frames are there before the end."""
    handle = start_update(device, link="20 ms, 200 kbit/s")
    while handle.session.chunks.empty:
        assert handle.running
    before = len(handle.session.chunks)
    assert len(handle.wait().chunks) >= before
    assert not handle.running
    assert "firmware UPDATED" in repr(handle)


def test_waiting_for_a_while_returns_the_running_session(device: Device) -> None:
    """It still runs then."""
    handle = start_update(device, link="20 ms, 100 kbit/s")
    assert handle.wait(timeout_s=0.05) is handle.session
    assert handle.running
    handle.stop()


def test_the_same_update_started_twice_is_one(device: Device) -> None:
    """Two clients on one token would throw each other out for ever."""
    first = start_update(device, link="20 ms, 200 kbit/s")
    second = start_update(device, link="20 ms, 200 kbit/s")
    assert second is first
    with pytest.raises(SettingsError, match="under way with other settings"):
        start_update(device, link="none")
    assert first.wait().updates["connections"].iloc[0] == 2  # before and after the restart


def test_stop_ends_the_update_and_keeps_the_recording(device: Device) -> None:
    """It says FAILED, since it did not come to its end; the old image runs."""
    handle = start_update(device, link="20 ms, 100 kbit/s")
    while handle.session.chunks.empty:
        assert handle.running
    session = handle.stop()
    assert session.cut is None
    assert (session.outcome or {})["firmware"] == "FAILED"
    assert device.running() == ("pump", "1.0.0")


def test_an_interrupt_while_watching_stops_the_update(device: Device) -> None:
    """Ctrl-C is passed on, after the recording was closed."""

    class Interrupts(Quiet):
        def show(self, progress: Any) -> None:
            raise KeyboardInterrupt

    handle = start_update(device, link="20 ms, 50 kbit/s")
    with pytest.raises(KeyboardInterrupt):
        handle.watched(Interrupts())
    assert not handle.running
    assert handle.session.cut is None


def test_progress_comes_from_both_kinds_and_ends_in_their_outcomes(device: Device) -> None:
    """Bytes, chunks, state."""
    handle = start_update(device)
    handle.wait()
    now = handle.progress[Kind.FIRMWARE]
    assert (now.bytes_done, now.chunks_done, now.state) == (20_000, 5, "UPDATED")


def test_two_devices_are_updated_at_the_same_time(twin: Twin, device: Device) -> None:
    """Each with a handle of its own."""
    package = twin.upload("firmware", "pump", "1.1.0", IMAGE)
    other = twin.add_device("pump-8").reset("1.0.0")
    twin.assign(package, to=other)
    handles = [start_update(each, record=f"{each.name}.pcapng", link="10 ms") for each in (device, other)]
    assert [(handle.wait().outcome or {})["firmware"] for handle in handles] == ["UPDATED", "UPDATED"]


# -------------------------------------------------------------------------------------- what is said


def ended(outcome: str, kind: Kind = Kind.FIRMWARE, reason: str = "") -> Outcome:
    return Outcome(kind, outcome, reason, Package(kind, "pump", "1.1.0"), ("pump", "1.0.0"))


def test_what_a_reader_is_told_about_each_outcome() -> None:
    """Nothing about what went well, and about a kind that has no package beside one that has."""
    nothing = ended("NO_PACKAGE", Kind.SOFTWARE)
    assert remarks("d", []) == remarks("d", [ended("UPDATED"), nothing]) == []
    assert remarks("d", [ended("NO_PACKAGE"), nothing]) == [
        "Nothing is assigned to d: server.assign(package, to=device)."
    ]
    assert 'device.reset("1.0.0", "software")' in remarks("d", [ended("ALREADY_CURRENT", Kind.SOFTWARE)])[0]
    assert remarks("d", [ended("FAILED", reason="why"), nothing]) == ["d: firmware FAILED: why"]


NOW = Progress(Kind.FIRMWARE, "DOWNLOADING", "pump", "1.1.0", 307_200, 1_572_864, 75, 384, 1, 149_700.0, 8.4)


def test_a_line_of_progress_has_bytes_chunks_state_rate_and_time_left() -> None:
    """And the retries."""
    assert line_of(NOW) == "firmware: DOWNLOADING, 0.293/1.5 MiB, chunk 75/384, 146 KiB/s, 8 s left, 1 retry"


def test_a_log_writes_when_the_state_changes_and_not_for_every_chunk() -> None:
    """Nothing for a kind without a package."""
    stream = io.StringIO()
    log = Log(stream)
    idle = Progress(Kind.SOFTWARE, "IDLE", "", "", 0, 0, 0, 0, 0)
    for _ in range(3):
        log.show({Kind.FIRMWARE: NOW, Kind.SOFTWARE: idle})
    assert stream.getvalue().count("\n") == 1


def test_a_terminal_shows_bars(capsys: pytest.CaptureFixture[str]) -> None:
    """And lines above them."""
    terminal = Terminal()
    terminal.show({Kind.FIRMWARE: NOW})
    terminal.say("a line with [brackets]")
    terminal.end()
    said = capsys.readouterr().out
    assert "DOWNLOADING" in said
    assert "a line with [brackets]" in said


def test_a_notebook_redraws_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place, and only when something changed."""
    notebook = Notebook()
    shown: list[Any] = []
    monkeypatch.setattr(notebook._place, "show", lambda *bundle: shown.append(bundle))
    notebook.show({Kind.FIRMWARE: NOW})
    page = shown[0][0]["text/html"]
    assert "<progress value='307200' max='1572864' aria-label='firmware: share of its bytes'>" in page


def test_display_is_quiet_when_none_is_wanted_and_a_log_without_a_terminal() -> None:
    """As this test has none."""
    assert type(display_for(wanted=False)) is Quiet
    assert type(display_for(wanted=True)) is Log


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1024, "1 KiB"), (1_022_976, "999 KiB"), (3 << 19, "1.5 MiB")]
)
def test_sizes_read_well(count: int, text: str) -> None:
    """Three figures, no exponent."""
    assert size(count) == text


# ------------------------------------------------------------------------------------ files, history


def test_a_recording_s_name_comes_from_the_device_and_never_leaves_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the device is called; an old file is never taken."""
    monkeypatch.chdir(tmp_path)
    for name in ("pump-7", "../../etc/passwd", "", "泵 7", "a" * 300, ".."):
        path = recording_path(name)
        assert path.parent == Path("recordings")
        path.touch()
    first, second = (recording_path("x") for _ in range(2))
    first.touch()
    assert recording_path("x") != first or first == second


def test_the_folder_of_a_recording_is_made(tmp_path: Path) -> None:
    """The caller names a file, not a folder to be made first."""
    assert own_path(tmp_path / "a" / "b" / "run.pcapng").parent.is_dir()


def test_only_the_server_s_words_since_the_last_ending_count() -> None:
    """An earlier update's QUEUED is not this one's."""
    history = {
        "fw_state": [
            (1, "QUEUED"),
            (2, "INITIATED"),
            (5, "UPDATED"),
            (7, "QUEUED"),
            (9, "DOWNLOADING"),
            (12, "UPDATED"),
        ],
        "sw_state": [(3, "QUEUED")],
    }
    assert list(server_statuses(history, since_ms=8)) == [(Kind.FIRMWARE, "QUEUED", 7), (Kind.SOFTWARE, "QUEUED", 3)]


def test_background_threads_are_gone_when_an_update_is_over(device: Device) -> None:
    """Link, recorder and client end with it."""
    before = set(threading.enumerate())
    update(device, link="1 ms", show_progress=False)
    names = {thread.name for thread in set(threading.enumerate()) - before}
    assert not names & {"otakit-link", "otakit-recorder", "otakit-update"}
