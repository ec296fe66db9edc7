"""What an operator creates: profiles, devices, credentials, packages.

Values only. `extra` holds the members of the operator's JSON that no rule reads, to be given back as
they came. Bytes of an image are behind `Image`: the rules never hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from otakit.errors import ImageError
from otakit.protocol.messages import Kind
from otakit.protocol.package import Package


class Image(Protocol):
    """The stored bytes of a package."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`, fewer at the end."""


@dataclass(frozen=True, slots=True)
class BytesImage:
    """An image in memory, for runs in virtual time."""

    content: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.content)

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`, fewer at the end."""
        return self.content[offset : offset + size]


@dataclass(frozen=True, slots=True)
class LostImage:
    """An image that was stored once and is not there any more; `reason` says where it was and what to do."""

    reason: str

    @property
    def size(self) -> int:
        """Nothing to weigh."""
        raise ImageError(self.reason)

    def read(self, offset: int, size: int) -> bytes:  # noqa: ARG002 - as `Image` has it
        """Nothing to read."""
        raise ImageError(self.reason)


def _no_extra() -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class Profile:
    """A device profile. `id` is empty until it is saved; `version` None overwrites without a conflict."""

    name: str
    id: str = ""
    created_ms: int = 0
    version: int | None = None
    is_default: bool = False
    firmware_id: str | None = None
    software_id: str | None = None
    transport: str = "DEFAULT"
    extra: Mapping[str, object] = field(default_factory=_no_extra)


@dataclass(frozen=True, slots=True)
class Device:
    """A device. Its own package, where set, goes before its profile's."""

    name: str
    profile_id: str | None = None
    id: str = ""
    created_ms: int = 0
    version: int | None = None
    firmware_id: str | None = None
    software_id: str | None = None
    label: str | None = None
    profile_name: str | None = None
    extra: Mapping[str, object] = field(default_factory=_no_extra)


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a device proves who it is; `credentials_id` is the access token."""

    device_id: str
    credentials_id: str = field(repr=False)
    id: str = ""
    created_ms: int = 0
    version: int = 1
    type: str = "ACCESS_TOKEN"
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OtaPackage:
    """ThingsBoard's description of an image, and where its bytes are."""

    title: str
    version: str
    kind: Kind
    profile_id: str | None = None
    id: str = ""
    created_ms: int = 0
    tag: str | None = None
    url: str | None = None
    uses_url: bool = False
    file_name: str | None = None
    content_type: str | None = None
    algorithm: str | None = None
    checksum: str | None = None
    size: int | None = None
    image: Image | None = field(default=None, repr=False)
    extra: Mapping[str, object] = field(default_factory=_no_extra)

    @property
    def has_data(self) -> bool:
        """Whether a device could get it: stored bytes, or a URL."""
        return bool(self.url) or not (self.image is None or isinstance(self.image, LostImage))

    def announced(self) -> Package:
        """As the shared attributes describe it."""
        return Package(
            self.kind,
            self.title,
            self.version,
            self.size,
            self.checksum or None,
            self.algorithm,
            self.url or None,
            self.tag or None,
        )


Target = TypeVar("Target", Device, Profile)


def package_id(target: Device | Profile, kind: Kind) -> str | None:
    """The package set on a device or a profile itself."""
    return target.firmware_id if kind is Kind.FIRMWARE else target.software_id


def with_package(target: Target, kind: Kind, identifier: str | None) -> Target:
    """The same device or profile with this package set on itself, or with none."""
    if kind is Kind.FIRMWARE:
        return replace(target, firmware_id=identifier)
    return replace(target, software_id=identifier)
