"""What a process made and could not remove: another one names it, and removes it on request."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from otakit.errors import ServerRefused, TransportError
from otakit.servers import Server, ThingsBoard, Twin
from otakit.servers.made import Journal, Made
from otakit.twin.rest.login import PASSWORD, USER

DIES = """
import os, signal, sys
from otakit.servers import ThingsBoard
board = ThingsBoard(sys.argv[1], user=sys.argv[2], password=sys.argv[3])
profile = board.add_profile("P")
board.add_device("pump-7", profile)
package = board.upload("firmware", "pump", "1", b"image", profile=profile)
board.assign(package, to=profile)
board.assign(board.upload("firmware", "pump", "2", b"image"), to=board.add_profile("default"))
sys.stdout.write("made\\n")
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
"""


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    """A server for all of them."""
    with Twin() as server:
        yield server


@pytest.fixture
def board(twin: Twin) -> Iterator[Server]:
    """The server by its address, as another process sees it."""
    with ThingsBoard(twin.url, user=USER, password=PASSWORD) as server:
        yield server


def test_another_process_names_and_removes_what_a_killed_one_left(twin: Twin, board: Server) -> None:
    """In the right order, assignments included, and nothing that somebody else made."""
    board.add_device("mine")
    twin.add_device("theirs")
    subprocess.run([sys.executable, "-c", DIES, twin.url, USER, PASSWORD], stdout=subprocess.PIPE, check=False)
    assert board.leftovers() == ["device pump-7", "package pump 1", "package pump 2", "profile P"]
    board.clean_up(leftovers=True)
    assert board.leftovers() == []
    assert [each["name"] for each in board.operator.devices()] == ["theirs"]
    assert [each["name"] for each in board.operator.profiles()] == ["default"]
    assert board.operator.pages("/api/otaPackages") == []
    twin.clean_up()


def test_leftovers_stay_unless_they_are_asked_for(twin: Twin, board: Server) -> None:
    """Another process may be at work with them."""
    with ThingsBoard(twin.url, user=USER, password=PASSWORD) as other:
        other.add_device("theirs")
        board.clean_up()
        assert board.leftovers() == ["device theirs"]
        other.clean_up()
        assert board.leftovers() == []


def test_what_cannot_be_removed_is_named_with_its_reason(twin: Twin, board: Server) -> None:
    """The rest is removed; when the reason is gone, the next clean-up has it all."""
    profile = board.add_profile("P")
    board.add_device("pump-7")
    other = twin.add_device("theirs", twin.add_profile("P"))
    with pytest.raises(ServerRefused, match=r"clean_up left over: profile P \(.*referenced by the devices"):
        board.clean_up()
    assert board.operator.device_named("pump-7") is None
    twin.delete(other)
    board.clean_up()
    assert board.operator.profile_named(profile.name) is None


def test_broken_connection_names_what_is_still_there(
    twin: Twin, board: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.add_device("pump-7")
    with monkeypatch.context() as broken:
        broken.setattr(board.operator.http, "request", _breaks)
        with pytest.raises(TransportError, match="still there: device pump-7; call clean_up again"):
            board.clean_up()
    board.clean_up()
    assert board.operator.devices() == []


def _breaks(*_: object, **__: object) -> None:
    raise httpx.ConnectError("gone")


def test_journal_forgets_itself_when_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "made" / "tenant.jsonl"
    journal = Journal(path)
    journal.made(Made("device", "1", "pump-7"))
    journal.close()
    assert path.exists()
    assert Journal(path).left_over() == [Made("device", "1", "pump-7")]
    journal.gone("1")
    journal.close()
    assert not path.exists()


def test_journal_cut_in_its_last_line_is_read(tmp_path: Path) -> None:
    """As a killed process leaves it."""
    path = tmp_path / "tenant.jsonl"
    Journal(path).made(Made("device", "1", "pump-7"))
    with path.open("a") as file:
        file.write('{"made": ["dev')
    assert Journal(path).left_over() == [Made("device", "1", "pump-7")]


def test_twin_that_forgets_writes_no_journal(twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTAKIT_CONFIG_DIR", str(tmp_path))
    with Twin() as forgets:
        forgets.add_device("pump-7")
        assert forgets.leftovers() == []
    assert list(tmp_path.iterdir()) == []


def test_twin_that_keeps_its_data_names_leftovers_after_a_restart(tmp_path: Path) -> None:
    with Twin(data=tmp_path) as first:
        first.add_device("pump-7")
    with Twin(data=tmp_path) as second:
        assert second.leftovers() == ["device pump-7"]
        second.clean_up(leftovers=True)
        assert second.operator.devices() == []
