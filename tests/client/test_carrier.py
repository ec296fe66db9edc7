"""Actions carried out on disk and installer; whatever they raise becomes an event."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otakit.client.disk import DiskCarrier, TwoSlotDevice
from otakit.client.events import Confirmed, ImageChecked, Installed, RolledBack, RoomMade, StepFailed
from otakit.client.vocabulary import (
    Check,
    Confirm,
    Discard,
    Install,
    MakeRoom,
    Persist,
    Restart,
    RollBack,
    Send,
    Write,
)
from otakit.protocol.messages import ChunkRequest, Kind
from otakit.protocol.package import Package

FW = Kind.FIRMWARE


@pytest.fixture
def carrier(tmp_path: Path) -> Callable[..., DiskCarrier]:
    device = TwoSlotDevice(tmp_path / "device", {FW: ("pump", "1.0.0")})
    return lambda installer=None: DiskCarrier(tmp_path, device, installer)


class Raising:
    """An installer that raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def install(self, _image: Path, _package: Package) -> None:
        raise self.error

    def confirm(self, _package: Package) -> None:
        raise self.error

    def roll_back(self, _package: Package) -> None:
        raise self.error


def test_the_whole_way_from_room_to_confirm(carrier: Any, package: Package, image: bytes, tmp_path: Path) -> None:
    """Each action gives the event that the machine waits for."""
    disk = carrier()
    assert disk.carry(MakeRoom(package)) == RoomMade(FW)
    assert disk.carry(Write(FW, 0, image)) is None
    assert disk.carry(Persist(FW, "downloaded", {"size": len(image)})) is None
    assert disk.carry(Check(package)) == ImageChecked(FW, package.checksum or "")
    assert disk.carry(Install(package)) == Installed(FW)
    assert disk.carry(Restart(FW)) is None
    assert disk.carry(Confirm(package)) == Confirmed(FW)
    assert disk.carry(RollBack(package)) == RolledBack(FW)
    disk.carry(Discard(FW))
    assert not list(tmp_path.rglob("*.image"))


def test_what_is_made_durable_can_be_read_back(carrier: Any, tmp_path: Path) -> None:
    """Replaced as a whole, one file for each kind."""
    disk = carrier()
    disk.carry(Persist(FW, "begun", {"fw_title": "固件"}))
    disk.carry(Persist(FW, "verified"))
    record = json.loads((tmp_path / "download" / "firmware.json").read_text(encoding="utf-8"))
    assert record == {"fact": "verified"}


@pytest.mark.parametrize("error", [RuntimeError("worn out"), ValueError("worn out"), OSError("worn out")])
def test_whatever_an_installer_raises_becomes_the_reason(carrier: Any, package: Package, error: Exception) -> None:
    """Of the step that it was in."""
    disk = carrier(Raising(error))
    assert disk.carry(Confirm(package)) == StepFailed(FW, "confirm", "worn out")


def test_an_error_without_a_word_is_named_by_its_type(carrier: Any, package: Package) -> None:
    """An empty reason helps nobody."""
    disk = carrier(Raising(KeyError()))
    assert disk.carry(Confirm(package)) == StepFailed(FW, "confirm", "KeyError")


def test_a_long_error_of_many_lines_becomes_one_line(carrier: Any, package: Package) -> None:
    """It goes into telemetry."""
    failed = carrier(Raising(RuntimeError("line\n" * 500))).carry(RollBack(package))
    assert isinstance(failed, StepFailed)
    assert len(failed.reason) <= 300
    assert "\n" not in failed.reason


def test_a_write_without_a_file_is_a_failed_step(carrier: Any) -> None:
    """Never a traceback."""
    failed = carrier().carry(Write(FW, 0, b"x"))
    assert isinstance(failed, StepFailed)
    assert failed.step == "write"


def test_a_folder_that_cannot_be_made_is_a_failed_room(package: Package, tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "taken").write_text("")
    disk = DiskCarrier(tmp_path / "taken", TwoSlotDevice(tmp_path / "device"))
    failed = disk.carry(MakeRoom(package))
    assert isinstance(failed, StepFailed)
    assert failed.step == "room"


def test_a_hostile_title_names_no_file(tmp_path: Path, image: bytes, package: Package) -> None:
    """Names come from the kind alone."""
    hostile = Package(FW, "../../x", "../1", package.size, package.checksum, package.algorithm)
    folder = tmp_path / "a" / "b"
    device = TwoSlotDevice(folder, {FW: ("pump", "1")})
    disk = DiskCarrier(folder, device)
    for action in (
        MakeRoom(hostile),
        Write(FW, 0, image),
        Persist(FW, "begun", hostile.attributes()),
        Install(hostile),
    ):
        event = disk.carry(action)
        assert not isinstance(event, StepFailed), event
    disk.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents] == []


def test_only_the_disks_own_actions_are_carried(carrier: Any) -> None:
    """A packet is none of its business."""
    assert not carrier().carries(Send(ChunkRequest(FW, 1, 0, 10), 0, 1))
