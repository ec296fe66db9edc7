"""The recorder hears everything in order, costs its caller little, and never ends an update."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection, Watcher
from otakit.errors import RecordingError, SettingsError
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import ConnAck, Connect, Publish
from otakit.record import growing, recorder
from otakit.record.pcapng import Reader, Recorder, read

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
CLIENT, SERVER = ("127.0.0.1", 50123), ("127.0.0.1", 1883)
PING = b"\xc0\x00"
PacketsOf = Callable[[Iterable[Entry]], list[CapturedPacket]]


def recording(path: Path, **options: Any) -> Recorder:
    return Recorder(path, key=b"k", **options)


def test_what_was_heard_is_read_in_order(file: Path) -> None:
    """Connection, packets and notes, each with its number and time."""
    with recording(file) as heard:
        watcher: Watcher = heard
        line = watcher.connection(CLIENT, SERVER)
        first = watcher.packet(line, UP, encode(Connect("c", user_name="t")), 5)
        second = watcher.packet(line, DOWN, encode(ConnAck()), 6)
        watcher.note("state", {"to": "IDLE"}, connection=line, about=second, at_ns=7)
    found = read(file)
    kinds = [OpenedConnection, OpenedConnection, CapturedPacket, CapturedPacket, Note]
    assert [type(entry) for entry in found.entries] == kinds
    assert (line, first, second) == (0, 1, 2)
    assert found.entries[4] == Note("state", 7, {"to": "IDLE"}, 0, 2)
    assert (found.cut, found.outcome) == (None, {})


def test_packets_without_a_time_carry_that_of_their_hearing(file: Path, packets_of: PacketsOf) -> None:
    """UTC, and never backwards."""
    before = time.time_ns()
    with recording(file) as heard:
        for _ in range(50):
            heard.packet(0, UP, PING)
    times = [packet.at_ns for packet in packets_of(read(file).entries)]
    assert times == sorted(times)
    assert abs(times[0] - before) < 5_000_000_000


def test_threads_may_speak_at_once(file: Path, packets_of: PacketsOf) -> None:
    """Each packet gets a number of its own, and the file has them in the order of their numbers and times."""
    with recording(file) as heard:
        threads = [threading.Thread(target=lambda: [heard.packet(0, UP, PING) for _ in range(500)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = packets_of(read(file).entries)
    assert [packet.number for packet in found] == list(range(1, 2001))
    assert [packet.at_ns for packet in found] == sorted(packet.at_ns for packet in found)


def test_flush_brings_everything_into_the_file(file: Path, packets_of: PacketsOf) -> None:
    """While the recording goes on."""
    with recording(file) as heard:
        reader = Reader(file)
        for count in (1, 5):
            for _ in range(count):
                heard.packet(0, UP, PING)
            heard.flush()
            assert len(packets_of(reader.read_new())) == count


def test_what_is_heard_appears_by_itself(file: Path) -> None:
    """A reader of a live recording need not ask for it."""
    with recording(file) as heard:
        reader = Reader(file)
        heard.packet(0, UP, PING)
        deadline = time.monotonic() + 10
        entries = reader.read_new()
        while len(entries) < 2 and time.monotonic() < deadline:
            entries += reader.read_new()
        assert len(entries) == 2


def test_a_connection_that_was_never_opened_has_unknown_ends(file: Path) -> None:
    """A watcher that comes late loses no packet."""
    with recording(file) as heard:
        heard.packet(9, DOWN, PING, 5)
    opened, packet = read(file).entries
    assert opened == OpenedConnection(9, ("0.0.0.0", 0), ("0.0.0.0", 0))
    assert isinstance(packet, CapturedPacket)
    assert packet.connection == 9


def test_a_recording_that_begins_later_repeats_the_greeting(file: Path, packets_of: PacketsOf) -> None:
    """MQTT 5 cannot be decoded without CONNECT; the mark says that it passed before."""
    with recording(file) as heard:
        line = heard.connection(CLIENT, SERVER)
        heard.repeat(line, UP, encode(Connect("c", user_name="token")))
        heard.repeat(line, DOWN, encode(ConnAck()))
        heard.packet(line, UP, PING)
    found = packets_of(read(file).entries)
    assert [packet.marks.get("repeated", False) for packet in found] == [True, True, False]
    assert [packet.number for packet in found] == [1, 2, 3]
    assert b"token" not in found[0].raw


def test_a_block_that_breaks_leaves_its_error_in_the_outcome(file: Path) -> None:
    """And a finished recording."""
    with pytest.raises(KeyError), recording(file):
        raise KeyError
    assert read(file).outcome == {"ended_by": "KeyError"}


def test_after_close_nothing_is_heard_and_nothing_fails(file: Path) -> None:
    """A late packet of a thread that ends must not hurt."""
    heard = recording(file)
    heard.close({"ok": True})
    size = file.stat().st_size
    heard.packet(heard.connection(CLIENT, SERVER), UP, PING)
    heard.note("state", {})
    heard.flush()
    heard.close({"ok": False})
    assert file.stat().st_size == size
    assert read(file).outcome == {"ok": True}


class _FullDisk:
    """A file that takes some bytes and then none."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self.room = file, room

    def write(self, data: memoryview) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken: int = self._file.write(data[: self.room])
        self.room -= taken
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_full_disk_ends_the_recording_with_one_warning(
    file: Path, caplog: pytest.LogCaptureFixture, packets_of: PacketsOf
) -> None:
    """What was written stays readable to its last whole block; the caller goes on."""
    heard = recording(file)
    heard.packet(0, UP, PING)
    heard.flush()
    heard._file = _FullDisk(heard._file, 1000)  # type: ignore[assignment]  # stands in for the file
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            heard.packet(0, DOWN, encode(Publish("v2/fw/response/1/chunk/0", bytes(700))))
            heard.flush()
        heard.close({})
    assert [record.message for record in caplog.records] == [heard.failure]
    assert "No space left on device. The update goes on unrecorded" in (heard.failure or "")
    found = read(file)
    assert len(packets_of(found.entries)) == 2
    assert found.cut is not None
    assert "the outcome" in found.cut


def test_a_fault_inside_ends_the_recording_and_not_the_caller(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The writer's thread must never die in silence."""
    heard = recording(file)
    heard.packet(0, UP, "no bytes")  # type: ignore[arg-type]  # a mistake of ours
    heard.flush()
    heard.packet(0, UP, PING)
    heard.close()
    assert "a fault in the recorder" in (heard.failure or "")
    assert len(caplog.records) == 1


def test_a_caller_waits_while_too_much_is_unwritten(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded however slow the disk is."""
    gate, at_gate = threading.Event(), threading.Event()

    def slow(out: Any, data: bytes) -> None:
        at_gate.set()
        gate.wait()
        out.write(data)

    monkeypatch.setattr(growing, "append", slow)
    heard = recording(file)
    chunk = encode(Publish("v2/fw/response/1/chunk/0", bytes(recorder.WRITE_BYTES)))
    passed: list[int] = []
    speaker = threading.Thread(target=lambda: passed.extend(heard.packet(0, DOWN, chunk) for _ in range(12)))
    speaker.start()
    at_gate.wait()
    speaker.join(0.3)
    assert speaker.is_alive()
    assert heard._held <= recorder.MOST_BYTES + len(chunk) + recorder.ITEM_BYTES
    gate.set()
    speaker.join()
    heard.close()
    assert passed == list(range(1, 13))
    assert len(read(file).entries) == 13


@pytest.mark.parametrize("place", ["", "no/such/folder/x.pcapng"])
def test_a_place_that_cannot_be_written_is_named_at_once(tmp_path: Path, place: str) -> None:
    """Before an update begins, with what to do."""
    with pytest.raises(RecordingError, match=r"add a name such as|make it first"):
        recording(tmp_path / place)


def test_two_recordings_into_one_file_are_refused(file: Path) -> None:
    """They would destroy each other; one after the other is fine."""
    with recording(file), pytest.raises(RecordingError, match="under way"):
        recording(file)
    recording(file).close()


def test_notes_that_are_too_long_are_refused_before_a_file_is_made(file: Path) -> None:
    """A comment has room for 65,535 bytes in pcapng."""
    with pytest.raises(SettingsError, match="60,000 bytes"):
        recording(file, notes={"site": "x" * 60_000})
    assert not file.exists()


def test_a_note_of_any_size_is_one_block(file: Path) -> None:
    """What Wireshark would refuse to read is left out, and said."""
    with recording(file) as heard:
        heard.note("state", {"text": "x" * 300_000})
        heard.note("state", {"odd": b"\xff", "nan": float("inf")})
    first, second = read(file).entries
    assert isinstance(first, Note)
    assert isinstance(second, Note)
    assert "too_long" in first.fields
    assert second.fields["odd"] == "b'\\xff'"
