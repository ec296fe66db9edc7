"""What the client hears: from its connection, from the disk and the installer, and between its own parts.

Dataclasses only. Messages of `otakit.protocol.messages` are events as they are; the events here are what
no message says. `vocabulary` holds the other half, what is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from otakit.protocol.messages import ChunkResponse, Kind
from otakit.protocol.package import Package


class Status(Enum):
    """What the device tells the server as ``fw_state`` or ``sw_state`` (`OtaPackageUpdateStatus`)."""

    DOWNLOADING = "DOWNLOADING"
    DOWNLOADED = "DOWNLOADED"
    VERIFIED = "VERIFIED"
    UPDATING = "UPDATING"
    UPDATED = "UPDATED"
    FAILED = "FAILED"


# events: what the connection tells


@dataclass(frozen=True, slots=True)
class Started:
    """The client begins."""


@dataclass(frozen=True, slots=True)
class Opened:
    """CONNACK accepted us."""


@dataclass(frozen=True, slots=True)
class Refused:
    """CONNACK refused us, or no connection can ever be made this way; trying again is of no use."""

    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection ended, or could not be made."""

    reason: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """SUBACK: one code for each filter, in the order of the SUBSCRIBE; refused from 0x80."""

    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """PUBACK of a `Send`; `code` is MQTT 5's reason code, a failure from 0x80."""

    token: int
    code: int = 0


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The moment came that something waited for."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Someone wants the client to end now."""


# events: what a job hears from the connection above it


@dataclass(frozen=True, slots=True)
class PackageOffered:
    """The server's attributes announce this package."""

    package: Package


@dataclass(frozen=True, slots=True)
class NothingOffered:
    """The server's attributes announce no package of this kind."""


@dataclass(frozen=True, slots=True)
class OfferUnusable:
    """The attributes make no sense; `incomplete`: asking again may help."""

    reason: str
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Resumed:
    """The connection can be used, and the offers on it are known."""


@dataclass(frozen=True, slots=True)
class ChunkRefused:
    """An error word that only this job can have caused."""

    word: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A status left the device; acknowledged, or its deadline passed."""

    status: Status


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No connection can be had any more."""

    reason: str


# events: what the disk and the installer tell


@dataclass(frozen=True, slots=True)
class RoomMade:
    """There is room for the image, and an empty file for it."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class ImageChecked:
    """The checksum over the whole image, as ThingsBoard prints it."""

    kind: Kind
    checksum: str


@dataclass(frozen=True, slots=True)
class Installed:
    """The image is in the slot that does not run."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The new image runs and may stay."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The old image will run at the next start."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step on the disk or of the installer failed: ``room``, ``write``, ``check``, ``install`` and so on."""

    kind: Kind
    step: str
    reason: str


JobEvent = (
    PackageOffered | NothingOffered | OfferUnusable | Resumed | ChunkRefused | Reported | GaveUp
    | ConnectionLost | DeadlinePassed | StopAsked
    | RoomMade | ImageChecked | Installed | Confirmed | RolledBack | StepFailed | ChunkResponse
)  # fmt: skip
