"""The operator's verbs, safe to repeat.

Each returns what is there when it is the same, and names the difference when it is not. Refuses to know
the REST calls (`thingsboard`) and the protocol (`client`). `local` and `remote` say where the server
comes from.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from otakit.captured import Address
from otakit.client.disk import TwoSlotDevice
from otakit.errors import ServerRefused, SettingsError
from otakit.protocol.messages import Kind
from otakit.servers.image import checksum_of, differences, opened
from otakit.servers.things import Device, Profile, StoredPackage, kind_of, stored, title_of
from otakit.thingsboard import Entity, Operator

ASSIGNMENT_TRIES = 5
CONFLICT = 409


class Server:
    """The verbs; `Twin` and `ThingsBoard` differ only in how they come to a door.

    Attributes:
        label: one line: which server answers, which version, which link.
        mqtt: host and port for devices.
        tls: how devices speak TLS with it; None for plain TCP.
        url: base address of the REST door.
        operator: the REST calls themselves, for what has no verb.
        is_twin: whether it is the embedded twin.
        closed: whether it is over.
    """

    label: str
    mqtt: Address
    url: str
    operator: Operator
    tls: ssl.SSLContext | None = None
    is_twin = False

    def __init__(self) -> None:
        self.closed = False
        self._devices: dict[str, Device] = {}
        self._made: dict[str, str] = {}  # id to kind of entity, in the order of their making
        self._given: dict[tuple[str, Kind], Profile] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __repr__(self) -> str:
        """The label: no user, no secret."""
        return f"<{self.label}>"

    def add_profile(self, name: str) -> Profile:
        """The device profile of this name, made when there is none."""
        found = self.operator.profile_named(name)
        if found is None:
            found = self.operator.add_profile(name)
            self._made[found["id"]["id"]] = "deviceProfile"
        return Profile(found["name"], found["id"]["id"])

    def add_device(
        self,
        name: str,
        profile: Profile | str | None = None,
        *,
        firmware: tuple[str, str] | None = None,
        software: tuple[str, str] | None = None,
        folder: Path | str | None = None,
    ) -> Device:
        """The device of this name, made when there is none.

        Args:
            name: unique on the server.
            profile: its device profile; the tenant's default one without.
            firmware: title and version that it runs at first; its own name without a number, and ``1.0.0``, without.
            software: likewise; none without.
            folder: where its slots and downloads are kept; a temporary folder of this process without.

        Raises:
            SettingsError: it exists with another profile; the text names both.
        """
        wanted = None if profile is None else self._profile(profile)
        found = self.operator.device_named(name)
        if found is None:
            made_with = wanted or self._profile(None)
            body = {"name": name, "deviceProfileId": {"entityType": "DEVICE_PROFILE", "id": made_with.id}}
            found = self.operator.save_device(body)
            self._made[found["id"]["id"]] = "device"
        elif wanted is not None and (there := found["deviceProfileId"]["id"]) != wanted.id:
            raise SettingsError(
                f"device {name!r} is there already with profile {self.operator.profile(there)['name']!r}, "
                f"not {wanted.name!r}; take another name, or delete the device first"
            )
        known = self._devices.get(name)
        if known is None or known.id != found["id"]["id"] or (folder and Path(folder) != known.folder):
            known = self._devices[name] = self._device(name, found["id"]["id"], firmware, software, folder)
        return known

    def upload(
        self,
        kind: str | Kind,
        title: str,
        version: str,
        image: bytes | Path | str,
        *,
        algorithm: str = "SHA256",
        tag: str | None = None,
        profile: Profile | str | None = None,
    ) -> StoredPackage:
        """The package of this title and version with this image, stored when it is not there yet.

        Args:
            kind: ``firmware`` or ``software``.
            title: names the kind of device that it fits; with `version` unique on the server, over both kinds.
            version: as the device will report it.
            image: the bytes, or the path of a file, which is streamed.
            algorithm: one of ThingsBoard's seven checksum algorithms.
            tag: shown to people and devices, otherwise without meaning.
            profile: devices of this profile can receive it; the default profile without.

        Raises:
            ImageError: missing, empty, or larger than the server takes.
            SettingsError: there already, and different; the text names what differs.
        """
        chosen = kind_of(kind)
        with opened(image) as (file, name):
            expected, wanted = checksum_of(file, algorithm), self._profile(profile)
            found = self.operator.package_named(title, version)
            if found is None:
                found = self.operator.add_package(chosen, title, version, wanted.id, tag)
                self._made[found["id"]["id"]] = "otaPackage"
            elif different := differences(found, chosen, expected, algorithm, tag, wanted.id):
                raise SettingsError(
                    f"package {title!r} {version!r} is there already with {', '.join(different)}; "
                    "take another version, or delete the package first"
                )
            if not found.get("hasData"):
                found = self.operator.upload(found["id"]["id"], file, name, algorithm.upper())
        return stored(found)

    def assign(self, package: StoredPackage, *, to: Device | Profile) -> None:
        """Assigns a package to a device, or to all devices of a profile that have none of their own.

        The server tells nobody when the package is assigned already (`OtaPackageStateService`).

        Raises:
            ServerRefused: the package belongs to another profile, or has no image.
        """
        self._set(package.kind, {"entityType": "OTA_PACKAGE", "id": package.id}, to)
        if isinstance(to, Profile):
            self._given[to.id, package.kind] = to

    def unassign(self, kind: str | Kind, *, from_: Device | Profile) -> None:
        """Takes the assignment of a device or profile back; a device then has what its profile gives."""
        self._set(kind_of(kind), None, from_)
        self._given.pop((from_.id, kind_of(kind)), None)

    def attributes(self, device: Device) -> dict[str, object]:
        """The device's shared attributes."""
        return self.operator.attributes(device.id)

    def write_attributes(self, device: Device, values: Mapping[str, object]) -> None:
        """Writes shared attributes, as an operator might by hand."""
        self.operator.write_attributes(device.id, values)

    def telemetry(self, device: Device) -> dict[str, list[tuple[int, object]]]:
        """The device's telemetry by key, oldest first: pairs of milliseconds since the epoch and value."""
        return self.operator.history(device.id)

    def delete(self, what: Device | StoredPackage | Profile) -> None:
        """Deletes it on the server; what is gone already is no error."""
        names = {Device: "device", StoredPackage: "otaPackage", Profile: "deviceProfile"}
        self.operator.delete(names[type(what)], what.id)
        self._made.pop(what.id, None)
        if isinstance(what, Device):
            self._devices.pop(what.name, None)

    def clean_up(self) -> None:
        """Takes back what these verbs did: assignments to profiles, devices, packages, profiles."""
        for (_, kind), profile in list(self._given.items()):
            self.unassign(kind, from_=profile)
        order = ("device", "otaPackage", "deviceProfile")
        for entity_id, what in sorted(self._made.items(), key=lambda made: order.index(made[1])):
            self.operator.delete(what, entity_id)
            del self._made[entity_id]
        self._devices.clear()

    def close(self) -> None:
        """Ends the connections of the operator and removes temporary folders; safe to call twice."""
        self.closed = True
        self.operator.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        """The server itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _profile(self, profile: Profile | str | None) -> Profile:
        if isinstance(profile, Profile):
            return profile
        if isinstance(profile, str):
            return self.add_profile(profile)
        found = self.operator.default_profile()
        return Profile(found["name"], found["id"]["id"])

    def _device(
        self,
        name: str,
        device_id: str,
        firmware: tuple[str, str] | None,
        software: tuple[str, str] | None,
        folder: Path | str | None,
    ) -> Device:
        own = Path(folder) if folder is not None else self._temporary() / device_id
        own.mkdir(parents=True, exist_ok=True)
        running = {Kind.FIRMWARE: firmware or (title_of(name), "1.0.0"), Kind.SOFTWARE: software}
        hardware = TwoSlotDevice(own, {kind: pair for kind, pair in running.items() if pair is not None})
        return Device(name, device_id, self, own, hardware, self.operator.token_of(device_id))

    def _temporary(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="otakit-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def _set(self, kind: Kind, package: Entity | None, to: Device | Profile) -> None:
        read: Callable[[str], Entity] = self.operator.device
        save: Callable[[Entity], Entity] = self.operator.save_device
        if isinstance(to, Profile):
            read, save = self.operator.profile, self.operator.save_profile
        for left in range(ASSIGNMENT_TRIES, 0, -1):
            entity, name = read(to.id), f"{kind.word}Id"
            if (entity.get(name) or {}).get("id") == (package or {}).get("id"):
                return
            try:
                save({**entity, name: package})
            except ServerRefused as refused:
                if refused.status != CONFLICT or left == 1:  # someone else saved it in between: read it again
                    raise
            else:
                return
