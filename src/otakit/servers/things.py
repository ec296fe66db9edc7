"""What the verbs give back: a profile, a package, a device with its simulated hardware."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from otakit.client.credentials import ACCESS_TOKEN, Credentials
from otakit.client.disk import TwoSlotDevice
from otakit.errors import SettingsError
from otakit.protocol.messages import Kind
from otakit.servers.trust import device_tls

if TYPE_CHECKING:
    from otakit.servers.verbs import Server


@dataclass(frozen=True)
class Profile:
    """A device profile on a server."""

    name: str
    id: str


@dataclass(frozen=True)
class StoredPackage:
    """A package on a server; `size` in bytes, `checksum` as ThingsBoard prints it.

    Behind a `url`, size, checksum and algorithm are None where the operator did not give them.
    """

    kind: Kind
    title: str
    version: str
    size: int | None
    checksum: str | None
    algorithm: str | None
    id: str
    tag: str | None = None
    url: str | None = None


@dataclass(eq=False)
class Device:
    """A device on a server, and the simulated two-slot hardware behind it.

    Attributes:
        folder: what this device has on its disk: slots and downloads.
        hardware: the simulated device that installs and restarts.
        credentials: how it proves who it is; in no repr.
    """

    name: str
    id: str
    server: Server = field(repr=False)
    folder: Path
    hardware: TwoSlotDevice = field(repr=False)
    credentials: Credentials = field(repr=False)

    @property
    def token(self) -> str:
        """Its access token.

        Raises:
            SettingsError: it has credentials of another type.
        """
        if self.credentials.type != ACCESS_TOKEN or self.credentials.user_name is None:
            raise SettingsError(f"device {self.name!r} has no access token: it has {self.credentials.words}")
        return self.credentials.user_name

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How it speaks TLS, its certificate shown where it has one; None for plain TCP.

        Raises:
            SettingsError: a certificate without TLS or without its files.
        """
        return device_tls(self.name, self.credentials, self.server.tls is not None, self.server.ca_file)

    def running(self, kind: str | Kind = Kind.FIRMWARE) -> tuple[str, str] | None:
        """Title and version that run now; None when this device has none of this kind."""
        return self.hardware.running(kind_of(kind))

    def image(self, kind: str | Kind = Kind.FIRMWARE) -> Path | None:
        """The file of the image that runs now; None for what the device came with."""
        return self.hardware.image(kind_of(kind))

    def reset(self, version: str, kind: str | Kind = Kind.FIRMWARE, *, title: str | None = None) -> Self:
        """Puts the device back to `version`, as if it came from the factory with it."""
        chosen = kind_of(kind)
        now = self.hardware.running(chosen)
        self.hardware.reset(chosen, title or (now[0] if now else title_of(self.name)), version)
        return self


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


def title_of(name: str) -> str:
    """A device's first title: its name without the number at its end (``pump-7`` runs ``pump``)."""
    return re.sub(r"[-_ ]?\d+$", "", name) or name


def stored(found: dict[str, Any]) -> StoredPackage:
    """A package from ThingsBoard's JSON."""
    return StoredPackage(
        Kind[found["type"]],
        found["title"],
        found["version"],
        None if found.get("dataSize") is None else int(found["dataSize"]),
        found.get("checksum"),
        found.get("checksumAlgorithm"),
        found["id"]["id"],
        found.get("tag") or None,
        found.get("url") or None,
    )
