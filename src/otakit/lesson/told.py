"""Several devices that listen while an operator assigns: who is told of what, one row for each step and device.

Knows which package is in force for a device, and by which message it hears of a change; that it hears *nothing*
is known when an attribute written afterwards has arrived. Refuses to know how it is drawn (`analyse.plots`).
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from otakit.errors import ResponseTimeout, SettingsError
from otakit.lesson.talk import Talk, talk
from otakit.protocol.messages import ATTRIBUTES_TOPIC
from otakit.servers import Device, Profile, Server, StoredPackage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WITHIN_S = 30.0
"""ThingsBoard tells one device after the other, 100 a minute."""
MARK = "lesson_step"
COLUMNS = ("step", "device", "in_force", "heard")
Bodies = list[Any]


class Told:
    """Devices of one profile, each connected and subscribed to attribute updates.

    Args:
        server: that has them.
        profile: theirs.
        **devices: by the names that they shall have here.

    Example:
        >>> told = Told(server, profile, D1=first, D2=second)
        >>> told.begin(profile=f1)
        >>> server.assign(f2, to=first)
        >>> told.after("F2 to D1")
    """

    def __init__(self, server: Server, profile: Profile, **devices: Device) -> None:
        self._server, self._profile, self._devices = server, profile, devices
        self._lines: dict[str, Talk] = {}
        for name, device in devices.items():
            self._lines[name] = talk(device)
            self._lines[name].connect()
            self._lines[name].subscribe(ATTRIBUTES_TOPIC)
        self._in_force = {name: self._effective(device) for name, device in devices.items()}
        self._heard: dict[str, Bodies] = {name: [] for name in devices}
        self._steps: dict[str, list[tuple[str, str, str | None, str]]] = {}
        self._marks = 0

    def __repr__(self) -> str:
        """What is in force for whom."""
        states = [f"{name} {version or 'none'}" for name, version in self._in_force.items()]
        return f"<in force: {', '.join(states)}; {len(self._steps)} steps>"

    @property
    def steps(self) -> pd.DataFrame:
        """Columns ``step``, ``device``, ``in_force`` (a version; missing for none) and ``heard``, in words."""
        return pd.DataFrame([row for rows in self._steps.values() for row in rows], columns=list(COLUMNS))

    def begin(self, *, profile: StoredPackage | None = None, **own: StoredPackage | None) -> None:
        """Brings all to a state to start from, and waits until every device has heard of it; no step of its own.

        Args:
            profile: the firmware that the profile gives; none without.
            **own: the firmware that a device has for itself; none without.
        """
        if unknown := set(own) - set(self._devices):
            raise SettingsError(
                f"there is no device {', '.join(sorted(unknown))}; there are {', '.join(self._devices)}"
            )
        for name in self._devices:
            self.move(name, self._profile)
        targets: list[tuple[Device | Profile, StoredPackage | None]] = [(self._profile, profile)]
        targets += [(device, own.get(name)) for name, device in self._devices.items()]
        for target, package in targets:
            if package is None:
                self._server.unassign("firmware", from_=target)
            else:
                self._server.assign(package, to=target)
        self._listen()

    def after(self, step: str) -> pd.DataFrame:
        """What each device has heard since the last step, and what is in force now.

        Args:
            step: what the operator did; a step of the same name is replaced.

        Raises:
            ResponseTimeout: a device whose package changed was not told.
        """
        self._listen()
        self._steps[step] = [(step, name, self._in_force[name], words_of(self._heard[name])) for name in self._devices]
        return pd.DataFrame(self._steps[step], columns=list(COLUMNS)).drop(columns="step")

    def heard(self, name: str) -> Bodies:
        """What a device was told in the last step: each message, as a JSON value."""
        return list(self._heard[name])

    def move(self, name: str, to: Profile) -> None:
        """Gives a device another profile; it has no package of its own then, since packages belong to a profile."""
        found = self._server.operator.device(self._devices[name].id)
        if found["deviceProfileId"]["id"] != to.id:
            there = {"entityType": "DEVICE_PROFILE", "id": to.id}
            self._server.operator.save_device({**found, "deviceProfileId": there, "firmwareId": None})

    def plot_steps(self) -> Axes:
        """One row a device: what was in force after each step, and where it was told."""
        plots = importlib.import_module("otakit.analyse.plots")  # matplotlib takes half a second
        axes: Axes = plots.packages_in_force(self.steps)
        return axes

    def close(self) -> None:
        """Ends the connections; a second call does nothing."""
        for line in self._lines.values():
            line.close()

    def _effective(self, device: Device) -> str | None:
        """The version in force: the device's own, else its profile's."""
        found = self._server.operator.device(device.id)
        chosen = found.get("firmwareId")
        if not chosen:
            chosen = self._server.operator.profile(found["deviceProfileId"]["id"]).get("firmwareId")
        return str(self._server.operator.package(chosen["id"])["version"]) if chosen else None

    def _listen(self) -> None:
        now = {name: self._effective(device) for name, device in self._devices.items()}
        for name, version in now.items():
            is_other = version != self._in_force[name]
            self._heard[name] = self._until(name, partial(tells, version)) if is_other else []
        self._marks += 1
        for name, device in self._devices.items():
            self._server.write_attributes(device, {MARK: self._marks})
            heard = self._until(name, lambda heard: any(body.get(MARK) == self._marks for body in heard))
            self._heard[name] += [body for body in heard if MARK not in body]
        self._in_force = now

    def _until(self, name: str, is_so: Callable[[Bodies], bool]) -> Bodies:
        line, ends = self._lines[name], time.monotonic() + WITHIN_S
        heard: Bodies = []
        while not is_so(heard):
            left_s = ends - time.monotonic()
            if left_s <= 0 or not line.is_connected:
                why = f"in {WITHIN_S:g} s" if line.is_connected else "before its connection ended"
                raise ResponseTimeout(f"{name}: was not told {why}; it heard {words_of(heard)}")
            heard += [body for body in line.listen(1, within_s=left_s).bodies if isinstance(body, dict)]
        return heard


def tells(version: str | None, heard: Bodies) -> bool:
    """Whether messages tell of this version, unused keys deleted; with None that nothing is assigned any more."""
    deleted = [key for body in heard for key in body.get("deleted", ())]
    if version is None:
        return "fw_title" in deleted
    return bool(deleted) and any(body.get("fw_version") == version for body in heard)


def words_of(heard: Bodies) -> str:
    """Messages in words: versions, deletions, or nothing."""
    said = []
    for body in heard:
        if "fw_version" in body:
            said.append(str(body["fw_version"]))
        elif "fw_title" in body.get("deleted", ()):
            said.append("all deleted")
        elif "deleted" in body:
            said.append("unused deleted")
    return ", ".join(said) or "nothing"
