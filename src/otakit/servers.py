"""A server and its devices, ready to use: the same verbs for the embedded twin (`local.Twin`) and a real ThingsBoard.

Knows how the verbs are repeated safely: each returns what is there when it is the same, and names the
difference when it is not. Refuses to know the REST calls (`thingsboard`) and the protocol (`client`).
Notebooks, the command line and `run` call it.
"""

from __future__ import annotations

import atexit
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import urlsplit

from otakit.captured import Address
from otakit.client.disk import TwoSlotDevice
from otakit.errors import ImageError, ServerRefused, SettingsError
from otakit.protocol.checksums import checksum
from otakit.protocol.messages import Kind
from otakit.thingsboard import Entity, Operator

ASSIGNMENT_TRIES = 5
READ_BYTES = 1 << 20


@dataclass(frozen=True, eq=True)
class Profile:
    """A device profile on a server."""

    name: str
    id: str


@dataclass(frozen=True, eq=True)
class StoredPackage:
    """A package whose image the server holds; `size` in bytes, `checksum` as ThingsBoard prints it."""

    kind: Kind
    title: str
    version: str
    size: int
    checksum: str
    algorithm: str
    id: str
    tag: str | None = None


@dataclass(eq=False)
class Device:
    """A device on a server, and the simulated two-slot hardware behind it.

    Attributes:
        folder: what this device has on its disk: slots and downloads.
        hardware: the simulated device that installs and restarts.
    """

    name: str
    id: str
    server: Server
    folder: Path
    hardware: TwoSlotDevice
    token: str = field(repr=False)

    def running(self, kind: str | Kind = Kind.FIRMWARE) -> tuple[str, str] | None:
        """Title and version that run now; None when this device has none of this kind."""
        return self.hardware.running(kind_of(kind))

    def reset(self, version: str, kind: str | Kind = Kind.FIRMWARE, *, title: str | None = None) -> Self:
        """Puts the device back to `version`, as if it came from the factory with it."""
        chosen = kind_of(kind)
        now = self.hardware.running(chosen)
        self.hardware.reset(chosen, title or (now[0] if now else _title_of(self.name)), version)
        return self


class Server:
    """The verbs; `Twin` and `ThingsBoard` differ only in how they come to a door.

    Attributes:
        label: one line: which server answers, which version, which link.
        mqtt: host and port for devices.
        url: base address of the REST door.
        operator: the REST calls themselves, for what has no verb.
    """

    label: str
    mqtt: Address
    url: str
    operator: Operator

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}
        self._made: list[tuple[str, str]] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __repr__(self) -> str:
        """The label: no user, no secret."""
        return f"<{self.label}>"

    def add_profile(self, name: str) -> Profile:
        """The device profile of this name, made when there is none."""
        found = self.operator.profile_named(name)
        if found is None:
            found = self.operator.add_profile(name)
            self._made.append(("deviceProfile", found["id"]["id"]))
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
        wanted = self._profile(profile)
        found = self.operator.device_named(name)
        if found is None:
            body = {"name": name, "deviceProfileId": {"entityType": "DEVICE_PROFILE", "id": wanted.id}}
            found = self.operator.save_device(body)
            self._made.append(("device", found["id"]["id"]))
            self._devices.pop(name, None)
        elif (there := found["deviceProfileId"]["id"]) != wanted.id:
            raise SettingsError(
                f"device {name!r} is there already with profile {self.operator.profile(there)['name']!r}, "
                f"not {wanted.name!r}; take another name, or delete the device first"
            )
        known = self._devices.get(name)
        if known is None or known.id != found["id"]["id"]:
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
        chosen, wanted = kind_of(kind), self._profile(profile)
        with _opened(image) as (file, name):
            expected = _checksum_of(file, algorithm)
            found = self.operator.package_named(title, version)
            if found is None:
                found = self.operator.add_package(chosen, title, version, wanted.id, tag)
                self._made.append(("otaPackage", found["id"]["id"]))
            elif differences := _differences(found, chosen, expected, algorithm, tag, wanted.id):
                raise SettingsError(
                    f"package {title!r} {version!r} is there already with {', '.join(differences)}; "
                    "take another version, or delete the package first"
                )
            if not found.get("hasData"):
                found = self.operator.upload(found["id"]["id"], file, name, algorithm.upper())
        return _stored(found)

    def assign(self, package: StoredPackage, *, to: Device | Profile) -> None:
        """Assigns a package to a device, or to all devices of a profile that have none of their own.

        The server tells nobody when the package is assigned already (`OtaPackageStateService`).

        Raises:
            ServerRefused: the package belongs to another profile, or has no image.
        """
        self._set(package.kind, {"entityType": "OTA_PACKAGE", "id": package.id}, to)

    def unassign(self, kind: str | Kind, *, from_: Device | Profile) -> None:
        """Takes the assignment of a device or profile back; a device then has what its profile gives."""
        self._set(kind_of(kind), None, from_)

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
        if isinstance(what, Device):
            self._devices.pop(what.name, None)

    def clean_up(self) -> None:
        """Deletes all that these verbs made: devices, then packages, then profiles."""
        order = ("device", "otaPackage", "deviceProfile")
        for what, entity_id in sorted(self._made, key=lambda made: order.index(made[0])):
            self.operator.delete(what, entity_id)
        self._made.clear()
        self._devices.clear()

    def close(self) -> None:
        """Ends the connections of the operator and removes temporary folders."""
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
        running = {Kind.FIRMWARE: firmware or (_title_of(name), "1.0.0"), Kind.SOFTWARE: software}
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
            entity = read(to.id)
            try:
                save({**entity, f"{kind.word}Id": package})
            except ServerRefused as refused:
                if refused.status != 409 or left == 1:  # someone else saved it in between: read it again
                    raise
            else:
                return


class ThingsBoard(Server):
    """A ThingsBoard that runs elsewhere.

    Args:
        url: its HTTP address, such as ``http://192.168.1.20:8080``.
        mqtt: ``host:port`` for devices; the same host and port 1883 without.
        user: tenant administrator; ``OTAKIT_USER`` without.
        password: its password; ``OTAKIT_PASSWORD`` without, else a prompt.
    """

    def __init__(self, url: str, mqtt: str | None = None, user: str | None = None, password: str | None = None) -> None:
        super().__init__()
        self.url = url.rstrip("/")
        host, _, port = (mqtt or "").rpartition(":")
        self.mqtt = (host or mqtt or urlsplit(self.url).hostname or "localhost", int(port) if port.isdigit() else 1883)
        self.label = f"ThingsBoard at {self.url}, MQTT at {self.mqtt[0]}:{self.mqtt[1]}"
        self.operator = Operator(self.url, user or os.environ.get("OTAKIT_USER", ""), _password(password))


def _password(given: str | None) -> str:
    found = given or os.environ.get("OTAKIT_PASSWORD")
    if found is not None:
        return found
    from getpass import getpass  # noqa: PLC0415 - only a person needs it

    return getpass("ThingsBoard password: ")


def kind_of(kind: str | Kind) -> Kind:
    """The kind by its word or prefix.

    Raises:
        SettingsError: neither firmware nor software.
    """
    if isinstance(kind, Kind):
        return kind
    for each in Kind:
        if kind in (each.word, each.value):
            return each
    raise SettingsError(f"kind {kind!r}: expected 'firmware' or 'software'")


def _title_of(name: str) -> str:
    """A device's first title: its name without the number at its end (``pump-7`` runs ``pump``)."""
    return re.sub(r"[-_ ]?\d+$", "", name) or name


@contextmanager
def _opened(image: bytes | Path | str) -> Iterator[tuple[BinaryIO, str]]:
    if isinstance(image, bytes):
        if not image:
            raise ImageError("image: no bytes; an update needs at least one")
        yield io.BytesIO(image), "image.bin"
        return
    path = Path(image)
    try:
        if path.stat().st_size == 0:
            raise ImageError(f"image {path}: the file is empty")
        with path.open("rb") as file:
            yield file, path.name
    except OSError as error:
        raise ImageError(f"image {path}: cannot be read ({error.strerror}); give the path of a file") from error


def _checksum_of(file: BinaryIO, algorithm: str) -> str:
    running = checksum(algorithm)
    while piece := file.read(READ_BYTES):
        running.update(piece)
    file.seek(0)
    return running.hexdigest()


def _differences(
    found: Entity, kind: Kind, expected: str, algorithm: str, tag: str | None, profile_id: str
) -> list[str]:
    pairs: dict[str, tuple[Any, Any]] = {
        "type": (found["type"], kind.name),
        "tag": (found.get("tag") or None, tag or None),
        "another profile": ((found.get("deviceProfileId") or {}).get("id"), profile_id),
    }
    if found.get("hasData"):
        pairs["checksum algorithm"] = (found.get("checksumAlgorithm"), algorithm.upper())
        pairs["checksum"] = (found.get("checksum"), expected)
    return [f"{what} {there!r} instead of {wanted!r}" for what, (there, wanted) in pairs.items() if there != wanted]


def _stored(found: Entity) -> StoredPackage:
    return StoredPackage(
        Kind[found["type"]],
        found["title"],
        found["version"],
        int(found["dataSize"]),
        found["checksum"],
        found["checksumAlgorithm"],
        found["id"]["id"],
        found.get("tag") or None,
    )


_shared: list[Server] = []


def server() -> Server:
    """The server that this process talks to: a real ThingsBoard when ``OTAKIT_SERVER`` names one, else one twin.

    ``OTAKIT_MQTT`` (host:port), ``OTAKIT_USER`` and ``OTAKIT_PASSWORD`` complete it.
    """
    if not _shared:
        url = os.environ.get("OTAKIT_SERVER")
        _shared.append(ThingsBoard(url, os.environ.get("OTAKIT_MQTT")) if url else _twin())
        atexit.register(_shared[0].close)
    return _shared[0]


def _twin() -> Server:
    from otakit.local import Twin  # noqa: PLC0415 - fastapi takes half a second to import

    return Twin()
