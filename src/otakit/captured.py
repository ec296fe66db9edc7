"""Captured packets and notes: what every way of recording gives, and every analysis reads.

Holds values only. Whoever sees packets (our client's tap, a proxy, a packet capture, the twin, a
simulated run) hands them to a `Watcher`; whoever reads a recording gets `Entry` values back, in the
order in which they happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from otakit.protocol.messages import Direction

Address = tuple[str, int]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class OpenedConnection:
    """One network connection of a device. A reader gives it again, with its key, just before its CONNECT.

    Attributes:
        number: counts from 0 in a recording.
        device_key: first 12 hex digits of an HMAC-SHA256 of the credentials; None before CONNECT was seen.
    """

    number: int
    client: Address
    server: Address
    device_key: str | None = None


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """One MQTT control packet with its side and instant.

    Attributes:
        number: counts from 1 over all connections of a recording.
        at_ns: UTC, nanoseconds since the epoch.
        raw: the bytes kept, secrets masked; fewer than `length` when image bytes were not kept.
        length: bytes of the packet as it was on the wire.
        marks: what the recording says beside it: ``payload_sha256`` (of the whole payload, when bytes of it were
            not kept), ``repeated`` (from before the recording), ``device_key`` (of a CONNECT).
    """

    number: int
    at_ns: int
    connection: int
    direction: Direction
    raw: bytes = field(repr=False)
    length: int
    marks: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """What only the recording side knows: a state change, a retry, an install step.

    Attributes:
        name: one of `NOTES`.
        about: number of the packet that it is about.
    """

    name: str
    at_ns: int
    fields: Mapping[str, object]
    connection: int | None = None
    about: int | None = None


Entry = OpenedConnection | CapturedPacket | Note

NOTES: dict[str, str] = {
    "update_began": "kind, title, version, from_title, from_version, size, chunk_bytes, attempt",
    "state": "kind, from, to, event: a transition of the client's machine",
    "retry": "kind, request_id, index, attempt, reason: a chunk is asked for again",
    "install": "kind, step: install, restart, confirm or roll_back, with ok and reason once it is done",
    "update_ended": "kind, outcome, reason",
    "server_status": "kind, status, ts_ms: what the server wrote into its telemetry (QUEUED, INITIATED)",
    "filter_refused": "filter, code: SUBACK did not grant this filter",
    "connection_lost": "reason: why this connection ended, as the client saw it",
    "fault": "name, fields of the plan: a fault the link or the twin carried out",
    "operator": "did: what the operator did on the server at this moment, where the recording side knows it",
}
"""Name of each note and its fields; a reader ignores names and fields that it does not know."""


class Watcher(Protocol):
    """Hears everything that a connection says, while it says it. Thread-safe; never raises."""

    def connection(self, client: Address, server: Address) -> int:
        """A connection opened; returns its number."""

    def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
        """A whole control packet passed; returns its number. `at_ns` None: now."""

    def note(
        self,
        name: str,
        fields: Mapping[str, object],
        *,
        connection: int | None = None,
        about: int | None = None,
        at_ns: int | None = None,
    ) -> None:
        """Something only the recording side knows."""
