"""A recording of entries that are there already is the same bytes everywhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from otakit.captured import CapturedPacket, Entry, OpenedConnection
from otakit.errors import RecordingError
from otakit.record.pcapng import Recorder, entries_to_bytes, entries_to_file, read


def test_the_same_entries_give_the_same_bytes(entries: list[Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever's machine it is; committed recordings rest on it, so a change of this digest is a change of format."""
    monkeypatch.setenv("OTAKIT_CONFIG_DIR", "/nowhere")
    digest = hashlib.sha256(b"".join(entries_to_bytes(entries))).hexdigest()
    assert digest == "9e732dfc6025d0d689c0f3fb363898ad069ffd2a1f7886c9281df1b2b7b61ec8"


def test_live_and_later_are_the_same_recording(entries: list[Entry], tmp_path: Path) -> None:
    """One shape, whoever writes it."""
    with Recorder(tmp_path / "live.pcapng", key=b"k") as heard:
        for entry in entries:
            if isinstance(entry, OpenedConnection):
                heard.connection(entry.client, entry.server)
            elif isinstance(entry, CapturedPacket):
                heard.packet(entry.connection, entry.direction, entry.raw, entry.at_ns)
            else:
                heard.note(entry.name, entry.fields, connection=0, about=entry.about, at_ns=entry.at_ns)
    later = entries_to_file(entries, tmp_path / "later.pcapng", key=b"k")
    assert read(tmp_path / "live.pcapng").entries == read(later).entries


def test_keys_that_entries_carry_are_kept(entries: list[Entry], file: Path) -> None:
    """A recording made from others must not make devices anew from masked credentials."""
    entries[0] = OpenedConnection(0, ("10.0.0.1", 1), ("10.0.0.2", 2), "0123456789ab")
    found = read(entries_to_file(entries, file)).entries[1]
    assert isinstance(found, OpenedConnection)
    assert found.device_key == "0123456789ab"


def test_a_place_that_cannot_be_written_is_named(entries: list[Entry], tmp_path: Path) -> None:
    """As for a live recording."""
    with pytest.raises(RecordingError, match="make it first"):
        entries_to_file(entries, tmp_path / "none" / "x.pcapng")
