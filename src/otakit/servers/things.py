"""What the verbs give back: a profile, a package, a device with its simulated hardware."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from otakit.client.disk import TwoSlotDevice
from otakit.errors import SettingsError
from otakit.protocol.messages import Kind

if TYPE_CHECKING:
    from otakit.servers.verbs import Server


@dataclass(frozen=True)
class Profile:
    """A device profile on a server."""

    name: str
    id: str


@dataclass(frozen=True)
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
        token: its access token; in no repr.
    """

    name: str
    id: str
    server: Server = field(repr=False)
    folder: Path
    hardware: TwoSlotDevice = field(repr=False)
    token: str = field(repr=False)

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
        int(found["dataSize"]),
        found["checksum"],
        found["checksumAlgorithm"],
        found["id"]["id"],
        found.get("tag") or None,
    )
