"""The words of the client: its settings, what it hears, what it asks for, what comes out.

Dataclasses only. Messages of `otakit.protocol.messages` are events as they are; the events here are what
no message says. Actions are carried out by an edge (the driver, or the simulated world) in the order
given: a `Persist` always stands before the `Send` that announces what it makes durable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from otakit.errors import SettingsError
from otakit.protocol.messages import Kind, Message
from otakit.protocol.package import MAX_IMAGE_BYTES, Package
from otakit.protocol.packets import Version

SECOND_NS = 1_000_000_000


def ns(seconds: float) -> int:
    """Seconds as whole nanoseconds, the only time inside."""
    return round(seconds * SECOND_NS)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the client behaves; every wait and every repetition has its bound here.

    Attributes:
        version: MQTT 3.1.1 or 5.
        kinds: what is updated; firmware and software at the same time by default.
        chunk_bytes: chunk size asked for; clamped to the server's ``maxPayloadSize``.
        window: most chunk requests unanswered at one time; the first of a request id always goes alone.
        chunk_qos: QoS of chunk requests and of the chunk filters; TCP delivers, the deadline repeats.
        chunk_deadline_s: a chunk unanswered for so long, counted from when it is its turn, is asked for again.
        chunk_retries: repetitions of one chunk before stronger means are taken.
        recoveries: how often stronger means (a new request id, a new connection) are taken without progress.
        request_deadline_s: for SUBACK, PUBACK and the answer to an attributes request.
        request_retries: repetitions of an attributes request on one connection.
        reask_delay_s: pause before attributes that announce a package in part are asked for again.
        check_limits: ask ``getSessionLimits`` once and obey it.
        limits_deadline_s: how long that answer may take; without it the update goes on.
        connect_deadline_s: for TCP, TLS and CONNACK together.
        reconnects: new connections in a row without progress, after one that worked.
        reconnect_delay_s: pause before the first of them; it doubles up to 8 s.
        keep_alive_s: MQTT keep alive; ThingsBoard does not read it, PINGREQ counts as activity.
        offer_wait_s: how long to listen for an assignment that is still on its way when there is nothing to do.
        timestamps: send the device's time with each status; without it the server's arrival time counts.
        install_deadline_s: for each of install, confirm and roll back.
        slowest_bytes_s: the slowest link that is still waited for; only the bound comes from it.
        updates: most updates of one kind in one run, should the assignment change again and again.
    """

    version: Version = Version.MQTT_3_1_1
    kinds: tuple[Kind, ...] = (Kind.FIRMWARE, Kind.SOFTWARE)
    chunk_bytes: int = 4096
    window: int = 8
    chunk_qos: int = 0
    chunk_deadline_s: float = 5.0
    chunk_retries: int = 4
    recoveries: int = 3
    request_deadline_s: float = 10.0
    request_retries: int = 2
    reask_delay_s: float = 1.0
    check_limits: bool = True
    limits_deadline_s: float = 3.0
    connect_deadline_s: float = 10.0
    reconnects: int = 5
    reconnect_delay_s: float = 0.5
    keep_alive_s: int = 60
    offer_wait_s: float = 1.0
    timestamps: bool = True
    install_deadline_s: float = 120.0
    slowest_bytes_s: float = 500.0
    updates: int = 8

    def __post_init__(self) -> None:
        """Refuses what cannot work, naming the setting.

        Raises:
            SettingsError: a value out of its range.
        """
        checks = {
            "version": self.version in (Version.MQTT_3_1_1, Version.MQTT_5),
            "kinds": bool(self.kinds) and len(set(self.kinds)) == len(self.kinds),
            "chunk_bytes": 1 <= self.chunk_bytes <= MAX_IMAGE_BYTES,
            "window": 1 <= self.window <= 10_000,
            "chunk_qos": self.chunk_qos in (0, 1),
            "keep_alive_s": 1 <= self.keep_alive_s <= 65_535,
        }
        checks |= {name: getattr(self, name) > 0 for name in POSITIVE}
        checks |= {name: getattr(self, name) >= 0 for name in NOT_NEGATIVE}
        for name, good in checks.items():
            if not good:
                raise SettingsError(f"setting {name}={getattr(self, name)!r} cannot be used; {LIMITS[name]}")

    @property
    def connection_s(self) -> float:
        """The longest that one attempt can take from CONNECT to a usable connection, its pause included."""
        asking = (self.request_retries + 1) * self.request_deadline_s
        return 8.0 + self.connect_deadline_s + 2 * self.request_deadline_s + self.limits_deadline_s + asking

    @property
    def reconnect_s(self) -> float:
        """The longest time without a usable connection before the client gives up."""
        return (self.reconnects + 1) * self.connection_s

    def download_s(self, image_bytes: int) -> float:
        """The longest a download may take: all repetitions in vain, plus the image at the slowest rate."""
        silence = (self.recoveries + 1) * (self.chunk_retries + 1) * self.chunk_deadline_s
        return silence + self.reconnect_s + image_bytes / self.slowest_bytes_s

    def bound_s(self, image_bytes: int) -> float:
        """The longest an update lasts, whatever the server does or leaves undone.

        Args:
            image_bytes: the announced size.

        Returns:
            Seconds from the offer to UPDATED or FAILED.
        """
        reports = 4 * (self.request_deadline_s + self.reconnect_s)  # DOWNLOADED, VERIFIED, UPDATING, the last one
        installing = 3 * self.install_deadline_s + 2 * (self.reconnect_s + self.chunk_deadline_s)  # two restarts
        return self.download_s(image_bytes) + reports + installing + self.reconnect_s


POSITIVE = (
    "chunk_deadline_s", "request_deadline_s", "limits_deadline_s", "connect_deadline_s", "install_deadline_s",
    "slowest_bytes_s", "updates",
)  # fmt: skip
NOT_NEGATIVE = (
    "chunk_retries", "recoveries", "request_retries", "reask_delay_s", "reconnects", "reconnect_delay_s",
    "offer_wait_s",
)  # fmt: skip
LIMITS = {
    "version": "MQTT 3.1.1 and 5 are spoken",
    "kinds": "give FIRMWARE, SOFTWARE or both, each once",
    "chunk_bytes": f"a chunk has 1 to {MAX_IMAGE_BYTES} bytes",
    "window": "1 to 10000 requests may be in flight",
    "chunk_qos": "chunks are asked for at QoS 0 or 1",
    "keep_alive_s": "MQTT has 1 to 65535 seconds",
    **dict.fromkeys(POSITIVE, "it must be above 0"),
    **dict.fromkeys(NOT_NEGATIVE, "it must not be below 0"),
}


class Status(Enum):
    """What the device tells the server as ``fw_state`` or ``sw_state`` (`OtaPackageUpdateStatus`)."""

    DOWNLOADING = "DOWNLOADING"
    DOWNLOADED = "DOWNLOADED"
    VERIFIED = "VERIFIED"
    UPDATING = "UPDATING"
    UPDATED = "UPDATED"
    FAILED = "FAILED"


# ── events: what the connection tells ────────────────────────────────────────────────────────────


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


# ── events: what a job hears from the connection above it ────────────────────────────────────────


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


# ── events: what the disk and the installer tell ─────────────────────────────────────────────────


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
    """A step on the disk or of the installer failed: ``room``, ``write``, ``check``, ``install``, …"""

    kind: Kind
    step: str
    reason: str


Event = (
    Started | Opened | Refused | ConnectionLost | Subscribed | Acknowledged | DeadlinePassed | StopAsked
    | PackageOffered | NothingOffered | OfferUnusable | Resumed | ChunkRefused | Reported | GaveUp
    | RoomMade | ImageChecked | Installed | Confirmed | RolledBack | StepFailed | Message
)  # fmt: skip


# ── actions: what an edge carries out ────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection with a fresh MQTT session and send CONNECT."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the connection; with `orderly`, after DISCONNECT."""

    reason: str
    orderly: bool = True


@dataclass(frozen=True, slots=True)
class Subscribe:
    """One SUBSCRIBE with these filters and their QoS."""

    filters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """One PUBLISH; `token` comes back in `Acknowledged`."""

    message: Message
    qos: int
    token: int


@dataclass(frozen=True, slots=True)
class MakeRoom:
    """Check the room on the disk and begin an empty image file."""

    package: Package


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes of the image; written and fed to the checksum before the next action."""

    kind: Kind
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Check:
    """Compute the checksum over the whole image."""

    package: Package


@dataclass(frozen=True, slots=True)
class Persist:
    """Make durable what is true now, before it is announced."""

    kind: Kind
    fact: str
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Discard:
    """The image file is of no more use."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Install:
    """Put the image into the slot that does not run."""

    package: Package


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart the device: its connection ends without a word to the server, it comes up from the chosen slot."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Confirm:
    """Let the new image stay, if it is well."""

    package: Package


@dataclass(frozen=True, slots=True)
class RollBack:
    """Choose the old image again."""

    package: Package


@dataclass(frozen=True, slots=True)
class Tell:
    """A note for the recording; see `otakit.captured.NOTES`."""

    name: str
    fields: Mapping[str, object]


Action = (
    Connect | Disconnect | Subscribe | Send | MakeRoom | Write | Check | Persist | Discard
    | Install | Restart | Confirm | RollBack | Tell
)  # fmt: skip


# ── results ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an update ended.

    Attributes:
        outcome: UPDATED, FAILED, SUPERSEDED, UNASSIGNED, ALREADY_CURRENT or NO_PACKAGE.
        reason: why, in one sentence a person can act on; empty for UPDATED.
        from_: title and version that ran before.
    """

    kind: Kind
    outcome: str
    reason: str = ""
    package: Package | None = None
    from_: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an update stands.

    Attributes:
        state: the machine's own state, such as DOWNLOADING.
        rate_bytes_s: bytes a second since the download began; 0 before the first chunk.
        left_s: seconds left at that rate; None while it cannot be said.
    """

    kind: Kind
    state: str
    title: str
    version: str
    bytes_done: int
    bytes_total: int
    chunks_done: int
    chunks_total: int
    retries: int
    rate_bytes_s: float = 0.0
    left_s: float | None = None
