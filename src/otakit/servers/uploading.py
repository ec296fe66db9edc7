"""The verbs that add packages: with an image, or behind a URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otakit.errors import ChecksumMismatch, SettingsError
from otakit.protocol.messages import Kind
from otakit.servers.adding import Adding, differs
from otakit.servers.image import checksum_of, differences, opened
from otakit.servers.things import Profile, StoredPackage, kind_of, stored
from otakit.thingsboard import Entity


class Uploading(Adding):
    """A server, and packages on it."""

    def upload(
        self,
        kind: str | Kind,
        title: str,
        version: str,
        image: bytes | Path | str,
        *,
        algorithm: str = "SHA256",
        checksum: str | None = None,
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
            checksum: what the image must have; checked here and by the server.
            tag: shown to people and devices, otherwise without meaning.
            profile: devices of this profile can receive it; the default profile without.

        Raises:
            ImageError: missing, empty, larger than the server takes, or without the checksum given.
            SettingsError: there already, and different; the text names what differs.
        """
        chosen = kind_of(kind)
        with opened(image) as (file, name):
            real = checksum_of(file, algorithm)
            if checksum is not None and checksum.lower() != real:
                raise ChecksumMismatch(f"image {name}: its {algorithm} is {real}, not {checksum}; one of them is wrong")
            wanted = {"checksumAlgorithm": algorithm.upper(), "checksum": real}
            found = self._package(chosen, title, version, tag, profile, wanted, behind_url=False)
            if not found.get("hasData"):
                found = self.operator.upload(found["id"]["id"], file, name, algorithm.upper(), real)
        return stored(found)

    def upload_url(
        self,
        kind: str | Kind,
        title: str,
        version: str,
        url: str,
        *,
        algorithm: str | None = None,
        checksum: str | None = None,
        size: int | None = None,
        tag: str | None = None,
        profile: Profile | str | None = None,
    ) -> StoredPackage:
        """The package of this title and version whose image devices fetch from a URL themselves.

        Args:
            kind: ``firmware`` or ``software``.
            title: as in `upload`.
            version: likewise.
            url: at most 255 characters; the server never looks there.
            algorithm: of `checksum`.
            checksum: for devices to check; the server takes it as it is.
            size: bytes of the image, likewise.
            tag: as in `upload`.
            profile: likewise.

        Raises:
            SettingsError: no URL, a checksum without its algorithm, or there already and different.
        """
        if not url.strip():
            raise SettingsError("upload_url: the url is empty; give the address of the image")
        if (checksum is None) != (algorithm is None):
            raise SettingsError("upload_url: checksum and algorithm belong together; give both, or neither")
        known = {
            "url": url,
            "checksumAlgorithm": algorithm and algorithm.upper(),
            "checksum": checksum,
            "dataSize": size,
        }
        return stored(self._package(kind_of(kind), title, version, tag, profile, known, behind_url=True))

    def _package(
        self,
        kind: Kind,
        title: str,
        version: str,
        tag: str | None,
        profile: Profile | str | None,
        known: dict[str, Any],
        *,
        behind_url: bool,
    ) -> Entity:
        """The package as the server has it, made when there is none."""
        home = self._profile(profile)
        found = self.operator.package_named(title, version)
        if found is None:
            url = known if behind_url else None
            made = self.operator.add_package(kind, title, version, home.id, tag, url)
            return self._make("otaPackage", f"{title} {version}", made)
        wanted = {"type": kind.name, "tag": tag or None, "deviceProfileId": home.id, "url": None, **known}
        if different := differences(found, wanted):
            raise differs(f"package {title!r} {version!r}", different, "version")
        return found
