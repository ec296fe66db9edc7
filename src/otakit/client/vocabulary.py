"""The words of the client: its settings, the events it hears, the actions it asks for, what comes out.

Dataclasses only; events and settings stand in files of their own. Actions are carried out by an edge
(the driver, or the simulated world) in the order given: a `Persist` always stands before the `Send` that
announces what it makes durable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from otakit.client.events import Acknowledged, JobEvent, Opened, Refused, Started, Status, Subscribed
from otakit.client.settings import Settings as Settings  # noqa: PLC0414 - part of the vocabulary, in a file of its own
from otakit.protocol.messages import Kind, Message
from otakit.protocol.package import Package

# actions: what an edge carries out


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
    """Restart the device; it comes up from the chosen slot and connects anew. The core disconnects first."""

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
class Report:
    """A status for the server; the core stamps it and sends it in its turn.

    Attributes:
        error: the reason, with FAILED.
        current: title and version that run now, beside UPDATED and FAILED.
    """

    kind: Kind
    status: Status
    error: str = ""
    current: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AskAttributes:
    """Ask the server again what is assigned; carried out by the core."""


@dataclass(frozen=True, slots=True)
class NewConnection:
    """Give this connection up and make another; carried out by the core."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pass:
    """Let jobs hear an event: one kind, or all; carried out by the core."""

    event: JobEvent
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """A note for the recording; see `otakit.captured.NOTES`."""

    name: str
    fields: Mapping[str, object]


Action = (
    Connect | Disconnect | Subscribe | Send | MakeRoom | Write | Check | Persist | Discard
    | Install | Restart | Confirm | RollBack | Report | AskAttributes | NewConnection | Pass | Tell
)  # fmt: skip


Event = (
    Started | Opened | Refused | Subscribed | Acknowledged | JobEvent
    | AskAttributes | NewConnection | Restart | Message
)  # fmt: skip
"""All that can be heard; the messages of the table are events as they are."""


# results


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
