"""A disk and a two-slot device in memory, for runs in virtual time.

Does what `client.disk` does, without a file. A step can be told to fail. Pure; used by `world`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
from otakit.protocol.checksums import checksum_of
from otakit.protocol.messages import Kind

MemoryEvent = RoomMade | ImageChecked | Installed | Confirmed | RolledBack | StepFailed


@dataclass
class MemoryDevice:
    """The device's memory.

    Attributes:
        running: title and version that run, for each kind.
        fails: reasons of the steps that fail: ``room``, ``write``, ``install``, ``confirm``, ``roll_back``.
        slots: the image that runs, for each kind that was updated.
        records: what was made durable, in order.
        restarts: how often it restarted.
    """

    running: dict[Kind, tuple[str, str]] = field(default_factory=dict)
    fails: Mapping[str, str] = field(default_factory=dict)
    slots: dict[Kind, bytes] = field(default_factory=dict)
    records: list[Persist] = field(default_factory=list)
    restarts: int = 0
    _images: dict[Kind, bytearray] = field(default_factory=dict)
    _staged: dict[Kind, tuple[tuple[str, str], bytes]] = field(default_factory=dict)
    _stays: dict[Kind, tuple[tuple[str, str], bytes]] = field(default_factory=dict)

    def carry(self, action: Action) -> MemoryEvent | None:
        """Carries an action out; gives what the machine shall hear of it."""
        step = STEPS.get(type(action))
        if step is None:
            return None
        kind = action.package.kind if isinstance(action, MakeRoom | Check | Install | Confirm | RollBack) else None
        kind = action.kind if isinstance(action, Write | Discard | Persist | Restart) else kind
        if kind is not None and (reason := self.fails.get(step)) is not None:
            return StepFailed(kind, step, reason)
        return self._do(action)

    def _do(self, action: Action) -> MemoryEvent | None:
        match action:
            case MakeRoom(package=package):
                self._images[package.kind] = bytearray(package.size or 0)
                return RoomMade(package.kind)
            case Write(kind=kind, offset=offset, data=data):
                self._images[kind][offset : offset + len(data)] = data
            case Check(package=package):
                digest = checksum_of(package.algorithm or "", bytes(self._images[package.kind]))
                return ImageChecked(package.kind, digest)
            case Discard(kind=kind):
                self._images.pop(kind, None)
            case Persist():
                self.records.append(action)
            case _:
                return self._install(action)
        return None

    def _install(self, action: Action) -> MemoryEvent | None:
        match action:
            case Restart():
                self._restart()
            case Install(package=package):
                kind = package.kind
                self._stays[kind] = (self.running.get(kind, ("", "")), self.slots.get(kind, b""))
                self._staged[kind] = ((package.title, package.version), bytes(self._images[kind]))
                return Installed(kind)
            case Confirm(package=package):
                del self._stays[package.kind]
                return Confirmed(package.kind)
            case RollBack(package=package):
                self._staged.pop(package.kind, None)
                return RolledBack(package.kind)
        return None

    def _restart(self) -> None:
        """Starts what was chosen; a trial that nobody confirmed before goes back, as boot loaders do it."""
        self.restarts += 1
        for kind, stays in self._stays.items():
            self.running[kind], self.slots[kind] = self._staged.pop(kind, stays)


STEPS: dict[type[Action], str] = {
    MakeRoom: "room",
    Write: "write",
    Check: "check",
    Discard: "discard",
    Persist: "persist",
    Restart: "restart",
    Install: "install",
    Confirm: "confirm",
    RollBack: "roll_back",
}
