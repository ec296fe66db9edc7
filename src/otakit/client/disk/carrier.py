"""Carries the machine's actions out on disk and installer; what became of them comes back as events.

Decides nothing. Whatever the disk or a user's installer raises becomes a `StepFailed` with its reason: an
update ends in FAILED, never in a traceback.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from otakit.client.disk.image import ImageFile
from otakit.client.disk.slots import TwoSlotDevice, write_json
from otakit.client.events import Confirmed, ImageChecked, Installed, RolledBack, RoomMade, StepFailed
from otakit.client.vocabulary import (
    Action,
    Check,
    Confirm,
    Discard,
    Install,
    MakeRoom,
    Persist,
    Restart,
    RollBack,
    Write,
)
from otakit.errors import ImageError
from otakit.protocol.messages import Kind
from otakit.protocol.package import Package

DiskEvent = RoomMade | ImageChecked | Installed | Confirmed | RolledBack | StepFailed
DiskAction = MakeRoom | Write | Check | Persist | Discard | Install | Restart | Confirm | RollBack


class Installer(Protocol):
    """What a user gives to install an image: three steps, each of which may raise to say that it failed."""

    def install(self, image: Path, package: Package) -> None:
        """Puts the image where it will run from at the next start."""

    def confirm(self, package: Package) -> None:
        """Checks that the new image is well; it stays when this returns."""

    def roll_back(self, package: Package) -> None:
        """Brings the old image back."""


class DiskCarrier:
    """The disk side of one device.

    Args:
        folder: where images and records are kept; nothing is written outside of it.
        device: the simulated hardware.
        installer: the user's own, heard before the hardware; None for the hardware alone.
    """

    def __init__(self, folder: Path, device: TwoSlotDevice, installer: Installer | None = None) -> None:
        self._folder = folder
        self._device = device
        self._installer = installer
        self._images: dict[Kind, ImageFile] = {}
        self._doing: dict[type[Action], tuple[str, Callable[..., DiskEvent | None]]] = {
            MakeRoom: ("room", self._make_room),
            Write: ("write", self._write),
            Check: ("check", self._check),
            Persist: ("persist", self._persist),
            Discard: ("discard", self._discard),
            Install: ("install", self._install),
            Restart: ("restart", self._restart),
            Confirm: ("confirm", self._confirm),
            RollBack: ("roll_back", self._roll_back),
        }

    def carries(self, action: Action) -> bool:
        """Whether an action is the disk's business."""
        return type(action) in self._doing

    def carry(self, action: DiskAction) -> DiskEvent | None:
        """Carries an action out.

        Returns:
            What the machine shall hear of it; None when nothing.
        """
        step, do = self._doing[type(action)]
        try:
            return do(action)
        except Exception as error:  # noqa: BLE001 - an installer may raise anything; it becomes the reason of FAILED
            kind = (
                action.package.kind
                if isinstance(action, MakeRoom | Check | Install | Confirm | RollBack)
                else action.kind
            )
            return StepFailed(kind, step, _said(error))

    def write(self, action: Write) -> StepFailed | None:
        """The short way for what comes ten thousand times a second."""
        try:
            self._images[action.kind].write(action.offset, action.data)
        except (OSError, KeyError, ImageError, ValueError) as error:
            return StepFailed(action.kind, "write", _said(error))
        return None

    def close(self) -> None:
        """Closes the files; they stay."""
        for image in self._images.values():
            image.close()

    def _path(self, kind: Kind) -> Path:
        return self._folder / "download" / f"{kind.word}.image"

    def _make_room(self, action: MakeRoom) -> DiskEvent:
        package, kind = action.package, action.package.kind
        self._forget(kind)
        self._images[kind] = ImageFile(self._path(kind), package.size or 0, package.algorithm or "")
        return RoomMade(kind)

    def _forget(self, kind: Kind) -> None:
        if (image := self._images.pop(kind, None)) is not None:
            image.close()

    def _write(self, action: Write) -> DiskEvent | None:
        return self.write(action)

    def _check(self, action: Check) -> DiskEvent:
        kind = action.package.kind
        return ImageChecked(kind, self._images[kind].hexdigest())

    def _persist(self, action: Persist) -> None:
        if action.fact == "downloaded":
            self._images[action.kind].sync()
        record = {"fact": action.fact, **action.fields}
        write_json(self._folder / "download" / f"{action.kind.word}.json", record)

    def _discard(self, action: Discard) -> None:
        self._forget(action.kind)
        self._path(action.kind).unlink(missing_ok=True)

    def _install(self, action: Install) -> DiskEvent:
        package, path = action.package, self._path(action.package.kind)
        if self._installer is not None:
            self._installer.install(path, package)
        self._device.install(path, package)
        return Installed(package.kind)

    def _restart(self, _action: Restart) -> None:
        self._device.restart()

    def _confirm(self, action: Confirm) -> DiskEvent:
        if self._installer is not None:
            self._installer.confirm(action.package)
        self._device.confirm(action.package)
        return Confirmed(action.package.kind)

    def _roll_back(self, action: RollBack) -> DiskEvent:
        if self._installer is not None:
            self._installer.roll_back(action.package)
        self._device.roll_back(action.package)
        return RolledBack(action.package.kind)


def _said(error: Exception) -> str:
    """One line of what an exception says."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:297]}..."
