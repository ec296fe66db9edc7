"""The user's key is made once, kept by its owner alone, and never by the tests in the user's home."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otakit.errors import RecordingError
from otakit.record import key
from otakit.record.key import recording_key


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of this test's own."""
    monkeypatch.setenv("OTAKIT_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


def test_the_key_is_made_once_and_stays(folder: Path) -> None:
    """Nothing else is left in the folder."""
    made = recording_key()
    assert len(made) == 32
    assert recording_key() == made
    assert [path.name for path in folder.iterdir()] == ["recording.key"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows guards the folder, not the file")
def test_only_its_owner_may_read_it(folder: Path) -> None:
    """Who has it can try tokens against a recording."""
    recording_key()
    assert (folder / "recording.key").stat().st_mode & 0o077 == 0


def test_many_at_once_get_the_same_key() -> None:
    """The first one made is the one all use."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: recording_key(), range(16)))) == 1


@pytest.mark.parametrize("links", [True, False])
def test_the_key_of_a_process_that_was_first_is_not_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """It appears between looking for it and making it."""
    first = "ab" * 32

    def meanwhile(_: int) -> str:
        (folder / "recording.key").write_text(first)
        return "cd" * 32

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(secrets, "token_hex", meanwhile)
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    assert recording_key().hex() == first


def test_without_links_the_key_is_made_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have none."""

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    assert recording_key() == recording_key()


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32])
def test_a_damaged_key_is_named(folder: Path, content: str) -> None:
    """With what happens when it is deleted."""
    folder.mkdir()
    (folder / "recording.key").write_text(content)
    with pytest.raises(RecordingError, match="delete the file"):
        recording_key()


def test_where_it_cannot_be_kept_one_of_this_process_serves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With one warning."""

    def refuse(_: Path) -> bytes:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(key, "_made", refuse)
    with caplog.at_level(logging.WARNING):
        assert recording_key() == recording_key()
    assert ["Read-only file system" in record.message for record in caplog.records] == [True]
