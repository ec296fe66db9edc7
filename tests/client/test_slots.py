"""The simulated two-slot device: its memory is its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from otakit.client.disk import TwoSlotDevice
from otakit.errors import ImageError
from otakit.protocol.messages import Kind
from otakit.protocol.package import Package

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE


def installed(folder: Path, package: Package, image: bytes = b"new") -> TwoSlotDevice:
    device = TwoSlotDevice(folder, {FW: ("pump", "1.0.0")})
    source = folder / "image"
    source.write_bytes(image)
    device.install(source, package)
    return device


def test_an_installed_image_runs_after_the_restart_only(tmp_path: Path, package: Package) -> None:
    """And on trial at first."""
    device = installed(tmp_path, package)
    assert device.running(FW) == ("pump", "1.0.0")
    device.restart()
    assert device.running(FW) == ("pump", "1.1.0")
    assert device.on_trial(FW)


def test_a_confirmed_image_stays_over_restarts_and_processes(tmp_path: Path, package: Package) -> None:
    """A new object on the same folder is the same device."""
    device = installed(tmp_path, package)
    device.restart()
    device.confirm(package)
    device.restart()
    again = TwoSlotDevice(tmp_path, {FW: ("pump", "1.0.0")})
    assert again.running(FW) == ("pump", "1.1.0")
    path = again.image(FW)
    assert path is not None
    assert path.read_bytes() == b"new"


def test_a_trial_nobody_confirmed_ends_with_the_next_restart(tmp_path: Path, package: Package) -> None:
    """As boot loaders do it."""
    device = installed(tmp_path, package)
    device.restart()
    device.restart()
    assert device.running(FW) == ("pump", "1.0.0")


def test_rolled_back_runs_the_old_image_after_the_restart(tmp_path: Path, package: Package) -> None:
    """Not before it."""
    device = installed(tmp_path, package)
    device.restart()
    device.roll_back(package)
    assert device.running(FW) == ("pump", "1.1.0")
    device.restart()
    assert device.running(FW) == ("pump", "1.0.0")
    assert not device.on_trial(FW)


def test_kinds_have_slots_of_their_own(tmp_path: Path, package: Package) -> None:
    """Nothing runs of a kind that was never there."""
    device = installed(tmp_path, package)
    assert device.running(SW) is None
    device.reset(SW, "app", "2")
    assert (device.running(SW), device.running(FW)) == (("app", "2"), ("pump", "1.0.0"))


def test_reset_is_the_factory_again(tmp_path: Path, package: Package) -> None:
    """Images go, title and version are what was asked for."""
    device = installed(tmp_path, package)
    device.restart()
    device.reset(FW, "pump", "0.9")
    assert device.running(FW) == ("pump", "0.9")
    assert device.image(FW) is None


def test_a_missing_image_cannot_be_installed(tmp_path: Path, package: Package) -> None:
    """The reason names the file."""
    device = TwoSlotDevice(tmp_path)
    with pytest.raises(ImageError, match="nothing to install"):
        device.install(tmp_path / "none", package)


def test_a_damaged_memory_is_named(tmp_path: Path) -> None:
    """With what to do about it."""
    device = TwoSlotDevice(tmp_path, {FW: ("pump", "1")})
    (tmp_path / "firmware" / "slots.json").write_text("{", encoding="utf-8")
    with pytest.raises(ImageError, match="reset the device"):
        device.running(FW)
