"""When an assignment takes effect: QUEUED, the dispatcher's turn, INITIATED, the attributes.

Knows `DefaultOtaPackageStateService` and the pace of `DefaultTbCoreConsumerService`: what a saved
device or profile sets off, in which order, at which time. Refuses to know who saved it and why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from otakit.protocol.messages import Kind
from otakit.protocol.package import KEYS, attribute_keys
from otakit.twin.rules.entities import Device, OtaPackage, Profile, package_id
from otakit.twin.rules.store import Store
from otakit.twin.rules.telemetry import MILLISECOND, Attribute
from otakit.twin.rules.timers import Timers
from otakit.twin.rules.values import Value
from otakit.twin.settings import TwinSettings, nanoseconds

Tell = Callable[[str, dict[str, object]], None]
"""Takes a device's id and the body of an attribute update."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One device is to be told of one package; `at_ms` is the time of the assignment."""

    device_id: str
    kind: Kind
    package_id: str
    at_ms: int


class Assignment:
    """Carries assignments from the operator's save to the device's attributes."""

    def __init__(self, store: Store, settings: TwinSettings, timers: Timers, tell: Tell) -> None:
        self._store, self._settings, self._timers, self._tell = store, settings, timers, tell
        self._queue: deque[Notice] = deque()
        self._free_at = 0
        self._waiting = False

    def effective(self, device: Device) -> dict[Kind, str | None]:
        """The packages that count for a device now."""
        return {kind: self._store.effective(device, kind) for kind in Kind}

    def device_saved(self, device: Device, before: dict[Kind, str | None], now: int) -> None:
        """A device was created or saved; `before` is what counted until then."""
        for kind in Kind:
            wanted = self._store.effective(device, kind)
            if wanted is not None and wanted != before.get(kind):
                self._send(device.id, kind, wanted, now)
            elif wanted is None and before.get(kind) is not None:
                self._remove(device.id, kind)

    def profile_saved(self, profile: Profile, before: Profile, now: int) -> None:
        """A profile was saved: its devices without an own package follow it, all with one time."""
        for kind in Kind:
            wanted = package_id(profile, kind)
            if wanted == package_id(before, kind):
                continue
            if kind is Kind.SOFTWARE and self._settings.is_before(3, 4, 2):
                wanted = profile.firmware_id  # mistaken for the software until then; no dispatcher takes it for that
            for device in list(self._store.devices.values()):
                if device.profile_id != profile.id or package_id(device, kind) is not None:
                    continue
                if wanted is None:
                    self._remove(device.id, kind)
                else:
                    self._send(device.id, kind, wanted, now)

    def _send(self, device_id: str, kind: Kind, identifier: str, now: int) -> None:
        package, at_ms = self._store.packages[identifier], now // MILLISECOND
        values: dict[str, Value] = {"title": package.title, "version": package.version}
        if package.tag:
            values["tag"] = package.tag
        values["ts"] = at_ms
        rows = {f"target_{package.kind.value}_{key}": value for key, value in values.items()}
        rows[f"{package.kind.value}_state"] = "QUEUED"
        self._store.memories[device_id].telemetry.write(at_ms, rows)
        self._queue.append(Notice(device_id, kind, identifier, at_ms))
        self._turn_later(now + nanoseconds(self._settings.dispatch_latency_s))

    def _remove(self, device_id: str, kind: Kind) -> None:
        self.delete_shared(device_id, attribute_keys(kind, KEYS))

    def _turn_later(self, earliest: int) -> None:
        if not self._waiting:
            self._waiting = True
            self._timers.at(max(earliest, self._free_at), self._turn)

    def _turn(self, now: int) -> None:
        """Tells the next device whose package still counts; the others are dropped and cost no time."""
        self._waiting = False
        while self._queue:
            if self._dispatch(self._queue.popleft(), now):
                self._free_at = now + nanoseconds(self._settings.dispatch_spacing_s)
                break
        if self._queue:
            self._turn_later(now)

    def _dispatch(self, notice: Notice, now: int) -> bool:
        device, package = self._store.devices.get(notice.device_id), self._store.packages.get(notice.package_id)
        if device is None or package is None or self._store.effective(device, notice.kind) != notice.package_id:
            return False
        at_ms = now // MILLISECOND
        if at_ms != notice.at_ms or not self._store.chance.coin():  # in one millisecond either may be the last
            self._store.memories[device.id].telemetry.write(at_ms, {f"{notice.kind.value}_state": "INITIATED"})
        self._announce(device.id, package, notice.at_ms, now)
        return True

    def _announce(self, device_id: str, package: OtaPackage, at_ms: int, now: int) -> None:
        """Two writes, each with its own push, in either order; none where nothing is stale."""
        values = package.announced().attributes()
        if package.url and self._settings.is_before(4, 2, 1, 1):
            if not package.algorithm:
                return  # a null dereference until 4.2.1: INITIATED is the last that is heard of it
            values.pop(f"{package.kind.value}_checksum_algorithm", None)
        stale = [key for key in attribute_keys(package.kind) if key not in values]
        late = self._store.chance.coin() if stale else False

        def finish(_now: int) -> None:
            if device_id in self._store.memories:
                self.write_shared(device_id, values, at_ms)
                if late:
                    self.delete_shared(device_id, stale)

        if stale and not late:
            self.delete_shared(device_id, stale)
        gap = nanoseconds(self._settings.attribute_save_s)
        if not gap:
            finish(now)
            return
        for number, (key, value) in enumerate(values.items()):
            self._timers.at(now + number * gap, partial(self._store_one, device_id, key, value, at_ms))
        self._timers.at(now + len(values) * gap, finish)

    def _store_one(self, device_id: str, key: str, value: object, at_ms: int, _now: int) -> None:
        """One key of several, stored on its own: who asks now sees old and new side by side (`doSave`)."""
        if (memory := self._store.memories.get(device_id)) is not None:
            memory.shared[key] = Attribute(value, at_ms)  # type: ignore[arg-type]  # as in write_shared

    def write_shared(self, device_id: str, values: dict[str, object], at_ms: int) -> None:
        """Stores shared attributes and tells the device just those."""
        shared = self._store.memories[device_id].shared
        for key, value in values.items():
            shared[key] = Attribute(value, at_ms)  # type: ignore[arg-type]  # callers give stored values
        self._tell(device_id, values)

    def delete_shared(self, device_id: str, keys: Iterable[str]) -> None:
        """Deletes shared attributes and names them to the device, also those that did not exist."""
        named = self._store.chance.shuffled(list(keys))
        for key in named:
            self._store.memories[device_id].shared.pop(key, None)
        self._tell(device_id, {"deleted": named})
