"""Puts a lab file into a twin: what is there and the same stays, what is missing is made, what differs is named.

Touches files: images and certificates that the lab names. Assignments are set anew where they differ, so
that the file says what holds at each start. Refuses to know how the file is written (`lab`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from otakit.errors import ServerRefused
from otakit.protocol.checksums import checksum
from otakit.twin.lab import Lab, LabDevice, LabPackage, LabProfile
from otakit.twin.lab_reading import LabError
from otakit.twin.rest.images import FileImage
from otakit.twin.rules.certificates import PEM
from otakit.twin.rules.credentials import ACCESS_TOKEN, MQTT_BASIC, X509, basic_value, formatted
from otakit.twin.rules.entities import Credentials, Device, OtaPackage, Profile, package_id
from otakit.twin.rules.provisioning import provision_secret

if TYPE_CHECKING:
    from otakit.twin.authority import KeyPair
    from otakit.twin.server import TwinServer

PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Furnished:
    """A device of the lab, ready to connect.

    Attributes:
        token: its access token, where that is what it shows.
        basic: client id and user name, where it shows these.
        files: its certificate and key, where the twin's authority made them.
    """

    name: str
    kind: str
    token: str | None = field(default=None, repr=False)
    basic: Mapping[str, str] | None = field(default=None, repr=False)
    files: KeyPair | None = None


def furnish(server: TwinServer, lab: Lab, folder: Path) -> list[Furnished]:
    """Makes what the lab declares.

    Args:
        server: its doors may still be closed.
        lab: what is wanted.
        folder: where the files lie that it names.

    Raises:
        LabError: a file is missing, or something is there already and differs.
    """
    return _Furnishing(server, lab, folder).carry_out()


class _Furnishing:
    def __init__(self, server: TwinServer, lab: Lab, folder: Path) -> None:
        self._server, self._lab, self._folder = server, lab, folder
        self._model, self._store = server.model, server.model.store
        self._problems: list[str] = []

    def carry_out(self) -> list[Furnished]:
        for profile in self._lab.profiles:
            self._profile(profile)
        for package in self._lab.packages:
            self._tried(package.line, f'package "{package.title}"', lambda each=package: self._package(each))
        self._check()
        ready = [self._device(device) for device in self._lab.devices]
        self._check()
        for profile in self._lab.profiles:
            self._assign(profile)
        for device in self._lab.devices:
            self._assign(device)
        self._check()
        self._server.keep()
        return ready

    def _check(self) -> None:
        if self._problems:
            raise LabError(self._problems)

    def _wrong(self, line: int, owner: str, text: str) -> None:
        self._problems.append(f"{self._lab.file}:{line}: {owner}: {text}")

    def _differs(self, line: int, owner: str, pairs: Mapping[str, tuple[object, object]]) -> None:
        """Names what is there and is not what is wanted."""
        for field_name, (there, wanted) in pairs.items():
            if there != wanted:
                text = f"it is kept with {there!r}, and here is {wanted!r}; change this file, or delete what is kept"
                self._wrong(line, f"{owner}: {field_name}", text)

    def _tried(self, line: int, owner: str, action: object) -> None:
        assert callable(action)
        try:
            action()
        except OSError as error:
            self._wrong(line, owner, f"{error.filename}: {error.strerror}; paths begin where the lab file lies")
        except (ServerRefused, ValueError) as error:
            self._wrong(line, owner, str(error))

    def _profile(self, wanted: LabProfile) -> None:
        found, owner = self._store.profile_named(wanted.name), f'profile "{wanted.name}"'
        if found is None:
            draft = Profile(wanted.name, transport=wanted.transport, extra=_provisioning(wanted))
            self._tried(wanted.line, owner, lambda: self._model.save_profile(draft, self._server.now()))
            return
        pairs: dict[str, tuple[object, object]] = {"transport": (found.transport, wanted.transport)}
        if wanted.provision is not None:
            there = (found.extra.get("provisionType"), found.extra.get("provisionDeviceKey"), provision_secret(found))
            pairs["provision"] = (there[0], wanted.provision[0])
            if there[1:] != wanted.provision[1:]:
                self._wrong(wanted.line, f"{owner}: provision_key", "it is kept with another key or secret")
        self._differs(wanted.line, owner, pairs)

    def _package(self, wanted: LabPackage) -> None:
        profile = self._store.profile_named(wanted.profile)
        found = self._package_named(wanted.name)
        if profile is None:
            return  # that is named already
        if found is None:
            draft = OtaPackage(
                wanted.title,
                wanted.version,
                wanted.kind,
                profile.id,
                tag=wanted.tag,
                url=wanted.url,
                uses_url=wanted.url is not None,
                algorithm=wanted.algorithm if wanted.checksum else None,
                checksum=wanted.checksum,
            )
            image = None if wanted.url is not None else self._image(wanted)
            package = self._model.save_package(draft, self._server.now())
            if image is not None:
                self._fill(package, *image, wanted.algorithm, Path(wanted.file or "image.bin").name)
            return
        pairs: dict[str, tuple[object, object]] = {
            "kind": (found.kind.word, wanted.kind.word),
            "profile": (self._store.profiles[found.profile_id or profile.id].name, wanted.profile),
            "tag": (found.tag, wanted.tag),
            "url": (found.url, wanted.url),
        }
        if wanted.url is None:
            pairs["algorithm"] = (found.algorithm, wanted.algorithm)
            if found.algorithm == wanted.algorithm:
                pairs["checksum"] = (found.checksum, self._checksum(wanted))
        elif wanted.checksum is not None:
            pairs["checksum"] = (found.checksum, wanted.checksum)
        self._differs(wanted.line, f'package "{wanted.title}"', pairs)

    def _checksum(self, wanted: LabPackage) -> str:
        running = checksum(wanted.algorithm)
        for piece in self._pieces(wanted):
            running.update(piece)
        return running.hexdigest()

    def _image(self, wanted: LabPackage) -> tuple[Path, str]:
        """The image as a file of the twin's own, and its checksum."""
        path, running = self._server.door.folder / self._model.chance.new_id(), checksum(wanted.algorithm)
        try:
            with path.open("wb") as file:
                for piece in self._pieces(wanted):
                    file.write(piece)
                    running.update(piece)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path, running.hexdigest()

    def _pieces(self, wanted: LabPackage) -> Iterator[bytes]:
        if wanted.file is not None:
            with (self._folder / wanted.file).open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
            return
        source, left = random.Random(wanted.name), wanted.size or 0  # noqa: S311 - always the same bytes
        while left:
            piece = source.randbytes(min(left, PIECE_BYTES))
            left -= len(piece)
            yield piece

    def _fill(self, package: OtaPackage, path: Path, has: str, algorithm: str, file_name: str) -> None:
        image = FileImage(path)
        try:
            self._model.fill_package(package.id, image, algorithm=algorithm, checksum=has, file_name=file_name)
        except ServerRefused:
            image.remove()
            self._model.delete_package(package.id)
            raise
        self._server.door.images[package.id] = image

    def _device(self, wanted: LabDevice) -> Furnished:
        owner, files = f'device "{wanted.name}"', None
        try:
            draft, files = self._credentials(wanted)
        except OSError as error:
            self._wrong(wanted.line, owner, f"certificate: {error.filename}: {error.strerror}")
            return Furnished(wanted.name, X509)
        except ValueError as error:
            self._wrong(wanted.line, owner, f"certificate: {error}")
            return Furnished(wanted.name, X509)
        found, profile = self._store.device_named(wanted.name), self._store.profile_named(wanted.profile)
        assert profile is not None
        if found is None:
            new = Device(wanted.name, profile.id, label=wanted.label)
            self._tried(wanted.line, owner, lambda: self._model.save_device(new, self._server.now(), credentials=draft))
        else:
            there = self._store.profiles[found.profile_id or profile.id].name
            self._differs(wanted.line, owner, {"profile": (there, wanted.profile)})
            kept = self._store.credentials[found.id]
            if draft is not None and _shown(kept) != _shown(formatted(draft)):
                self._wrong(
                    wanted.line, owner, "it is kept with other credentials; change this file, or delete what is kept"
                )
        return self._furnished(wanted, files)

    def _furnished(self, wanted: LabDevice, files: KeyPair | None) -> Furnished:
        device = self._store.device_named(wanted.name)
        if device is None:
            return Furnished(wanted.name, ACCESS_TOKEN)
        kept = self._store.credentials[device.id]
        token = kept.credentials_id if kept.type == ACCESS_TOKEN else None
        return Furnished(wanted.name, kept.type, token, wanted.mqtt, files)

    def _credentials(self, wanted: LabDevice) -> tuple[Credentials | None, KeyPair | None]:
        if wanted.token is not None:
            return Credentials("", wanted.token), None
        if wanted.mqtt is not None:
            value = basic_value(*(wanted.mqtt.get(name) for name in ("client_id", "user_name", "password")))
            return Credentials("", "", type=MQTT_BASIC, value=value), None
        if wanted.certificate is True:
            if self._server.authority is None:
                raise ValueError("true asks the twin's authority for one; start it with --tls, or name a PEM file")
            files = self._server.authority.device_files(wanted.name)
            return _of_certificate(files.certificate), files
        if wanted.certificate:
            return _of_certificate(self._folder / str(wanted.certificate)), None
        return None, None

    def _assign(self, target: LabProfile | LabDevice) -> None:
        named = dict(target.packages)
        if isinstance(target, LabDevice):
            given = [each for each in self._lab.packages if target.name in each.assign_to]
            named |= {each.kind: each.name for each in given}
        for kind, name in named.items():
            package = self._package_named(name)
            there: Device | Profile | None
            if isinstance(target, LabDevice):
                there = self._store.device_named(target.name)
            else:
                there = self._store.profile_named(target.name)
            if package is None or there is None or package_id(there, kind) == package.id:
                continue
            self._tried(
                target.line,
                f'"{target.name}": {kind.word}',
                lambda to=there, of=kind, which=package.id: self._model.assign(to, of, which, self._server.now()),
            )

    def _package_named(self, name: str) -> OtaPackage | None:
        return next((each for each in self._store.packages.values() if f"{each.title} {each.version}" == name), None)


def _of_certificate(path: Path) -> Credentials:
    found = PEM.search(path.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise ValueError(f"{path} holds no PEM certificate")
    return Credentials("", "", type=X509, value=found[0])


def _shown(credentials: Credentials) -> tuple[object, ...]:
    return credentials.type, credentials.credentials_id, credentials.value


def _provisioning(wanted: LabProfile) -> dict[str, object]:
    if wanted.provision is None:
        return {}
    kind, key, secret = wanted.provision
    return {
        "provisionType": kind,
        "provisionDeviceKey": key,
        "profileData": {
            "configuration": {"type": "DEFAULT"},
            "transportConfiguration": {"type": wanted.transport},
            "provisionConfiguration": {"type": kind, "provisionDeviceSecret": secret},
        },
    }
