"""A simulated device with two slots for each kind: install into the one, restart, confirm or go back.

Its memory is its folder, so it survives a restart of the process. A trial that is not confirmed before the
next restart is given up, as boot loaders do it. Names of files come from the kind and the slot only, never
from a title.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from otakit.errors import ImageError
from otakit.protocol.messages import Kind
from otakit.protocol.package import Package

SLOTS = ("a", "b")


class TwoSlotDevice:
    """The hardware behind a simulated device.

    Args:
        folder: its disk; made when it is not there.
        running: title and version of what it comes with; written for a kind of which its disk says nothing.
    """

    def __init__(self, folder: Path | str, running: Mapping[Kind, tuple[str, str]] | None = None) -> None:
        self.folder = Path(folder)
        for kind, (title, version) in (running or {}).items():
            if not self._record(kind).exists():
                self.reset(kind, title, version)

    def running(self, kind: Kind) -> tuple[str, str] | None:
        """Title and version that run now, on trial or for good; None when nothing of this kind does."""
        state = self._state(kind)
        slot = state["slots"].get(state["boots"])
        return (str(slot["title"]), str(slot["version"])) if slot else None

    def on_trial(self, kind: Kind) -> bool:
        """Whether what runs was not confirmed yet."""
        return bool(self._state(kind)["trial"])

    def image(self, kind: Kind) -> Path | None:
        """The file of the image that runs; None for what came from the factory."""
        state = self._state(kind)
        path = self._slot(kind, state["boots"])
        return path if path.is_file() else None

    def reset(self, kind: Kind, title: str, version: str) -> None:
        """Back to the factory, with this title and version."""
        for slot in SLOTS:
            self._slot(kind, slot).unlink(missing_ok=True)
        slots = {"a": {"title": title, "version": version}}
        self._write(kind, {"boots": "a", "stays": "a", "trial": False, "slots": slots})

    def install(self, image: Path, package: Package) -> None:
        """Copies the image into the slot that does not run and chooses it for the next start.

        Raises:
            ImageError: the image is not there.
        """
        if not image.is_file():
            raise ImageError(f"{image}: no such file; there is nothing to install")
        kind, state = package.kind, self._state(package.kind)
        free = SLOTS[1] if state["boots"] == SLOTS[0] else SLOTS[0]
        target = self._slot(kind, free)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, target)
        _sync(target)
        slots = {**state["slots"], free: {"title": package.title, "version": package.version}}
        self._write(kind, {**state, "slots": slots, "next": free})

    def restart(self) -> None:
        """Starts from the chosen slots; what was on trial and not confirmed goes back."""
        for kind in Kind:
            state = self._state(kind)
            if (chosen := state.pop("next", None)) is not None:
                self._write(kind, {**state, "boots": chosen, "trial": chosen != state["stays"]})
            elif state["trial"]:
                self._write(kind, {**state, "boots": state["stays"], "trial": False})

    def confirm(self, package: Package) -> None:
        """What runs on trial stays."""
        state = self._state(package.kind)
        self._write(package.kind, {**state, "stays": state["boots"], "trial": False})

    def roll_back(self, package: Package) -> None:
        """Chooses what ran before for the next start."""
        state = self._state(package.kind)
        self._write(package.kind, {**state, "next": state["stays"]})

    def _slot(self, kind: Kind, slot: str) -> Path:
        return self.folder / kind.word / f"slot-{slot}.bin"

    def _record(self, kind: Kind) -> Path:
        return self.folder / kind.word / "slots.json"

    def _state(self, kind: Kind) -> dict[str, Any]:
        empty = {"boots": "a", "stays": "a", "trial": False, "slots": {}}
        try:
            found = json.loads(self._record(kind).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return empty
        except ValueError as error:
            raise ImageError(f"{self._record(kind)}: damaged ({error}); reset the device to start anew") from error
        return {**empty, **found} if isinstance(found, dict) else empty

    def _write(self, kind: Kind, state: Mapping[str, Any]) -> None:
        write_json(self._record(kind), state)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replaces a small file as a whole: after a power cut it is the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    _sync(beside)
    beside.replace(path)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
