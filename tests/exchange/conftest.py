"""Conversations for the tests: packets encoded by `protocol.mqtt`, with the instants we choose.

`talk` gives a builder: each verb says one packet, ten milliseconds after the one before, and its
`entries` are what a recording would give.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.protocol import mqtt
from otakit.protocol import packets as p
from otakit.protocol.messages import (
    AttributesRequest,
    AttributesResponse,
    AttributesUpdate,
    ChunkRequest,
    ChunkResponse,
    Direction,
    Kind,
    Message,
    OtaError,
    Telemetry,
)
from otakit.protocol.packets import Packet, Version

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
START_NS = 1_790_000_000_000_000_000
STEP_NS = 10_000_000
CHUNK = 4_096


class Talk:
    """One device's conversations, one entry after another."""

    def __init__(
        self, *, key: str | None = "0123456789ab", version: Version = Version.MQTT_3_1_1, qos: int = 0
    ) -> None:
        self.entries: list[Entry] = []
        self.key, self.version, self.qos = key, version, qos
        self.at_ns, self.number, self.connection, self.packet_id = START_NS, 0, -1, 0

    def wait(self, seconds: float) -> Talk:
        """Let time pass."""
        self.at_ns += round(seconds * 1e9)
        return self

    def raw(self, direction: Direction, raw: bytes, **marks: object) -> Talk:
        """Any bytes as one packet."""
        self.number, self.at_ns = self.number + 1, self.at_ns + STEP_NS
        self.entries.append(CapturedPacket(self.number, self.at_ns, self.connection, direction, raw, len(raw), marks))
        return self

    def packet(self, direction: Direction, packet: Packet, **marks: object) -> Talk:
        """One packet."""
        return self.raw(direction, mqtt.encode(packet, self.version), **marks)

    def up(self, message: Message, qos: int | None = None) -> Talk:
        """The device publishes; at QoS 1 the server acknowledges."""
        qos = self.qos if qos is None else qos
        if not qos:
            return self.packet(UP, p.Publish(message.topic, message.payload))
        self.packet_id += 1
        return self.packet(UP, p.Publish(message.topic, message.payload, 1, self.packet_id)).packet(
            DOWN, p.PubAck(self.packet_id)
        )

    def down(self, message: Message) -> Talk:
        """The server publishes at QoS 0."""
        return self.packet(DOWN, p.Publish(message.topic, message.payload))

    def note(self, name: str, **fields: object) -> Talk:
        """Something only the client knows."""
        self.entries.append(Note(name, self.at_ns, fields, self.connection))
        return self

    def connect(self, host: str = "10.0.0.7") -> Talk:
        """A connection, accepted, with the chunk filter granted."""
        self.connection += 1
        self.entries.append(
            OpenedConnection(self.connection, (host, 50_000 + self.connection), ("10.0.0.1", 1883), self.key)
        )
        self.packet(UP, p.Connect("pump-7", self.version, user_name="****")).packet(DOWN, p.ConnAck())
        self.packet_id += 1
        filters = (("v1/devices/me/attributes", 1), ("v2/fw/response/+/chunk/+", 0))
        return self.packet(UP, p.Subscribe(self.packet_id, filters)).packet(DOWN, p.SubAck(self.packet_id, (1, 0)))

    def runs(self, version: str = "1.0.0", title: str = "pump", kind: Kind = Kind.FIRMWARE) -> Talk:
        """The device says what runs on it."""
        key = kind.value
        return self.up(Telemetry({f"current_{key}_title": title, f"current_{key}_version": version}), 1)

    def offered(
        self, version: str = "1.1.0", size: int = 20_000, title: str = "pump", kind: Kind = Kind.FIRMWARE
    ) -> Talk:
        """The server tells of an assignment."""
        key = kind.value
        body = {f"{key}_title": title, f"{key}_version": version, f"{key}_size": size}
        return self.down(AttributesUpdate(body)).down(AttributesUpdate({"deleted": [f"{key}_tag", f"{key}_url"]}))

    def asks_what_is_assigned(self, shared: Mapping[str, object], request_id: int = 1) -> Talk:
        """Attribute request and its answer."""
        self.up(AttributesRequest(request_id, ("fw_title", "fw_version", "fw_size")), 1)
        return self.down(AttributesResponse(request_id, {"shared": shared} if shared else {}))

    def ask(self, index: int, request_id: int = 1, size: int | None = CHUNK, kind: Kind = Kind.FIRMWARE) -> Talk:
        """The device asks for a chunk."""
        return self.up(ChunkRequest(kind, request_id, index, size))

    def chunk(self, index: int, request_id: int = 1, size: int = CHUNK, kind: Kind = Kind.FIRMWARE) -> Talk:
        """The server sends a chunk."""
        return self.down(ChunkResponse(kind, request_id, index, bytes(range(256)) * (size // 256) + bytes(size % 256)))

    def fetch(self, *indices: int, request_id: int = 1, image: int = 20_000, kind: Kind = Kind.FIRMWARE) -> Talk:
        """Chunks one after another, the last one short."""
        for index in indices:
            size = min(CHUNK, image - index * CHUNK)
            self.ask(index, request_id, kind=kind).chunk(index, request_id, size, kind)
        return self

    def status(self, status: str, kind: Kind = Kind.FIRMWARE, **beside: str) -> Talk:
        """The device reports a status, with its time."""
        values = {f"{kind.value}_state": status, **beside}
        return self.up(Telemetry(values, self.at_ns // 1_000_000), 1)

    def error(self, word: str) -> Talk:
        """The server's error word."""
        return self.down(OtaError(word))

    def update(
        self, version: str = "1.1.0", image: int = 20_000, kind: Kind = Kind.FIRMWARE, request_id: int = 1
    ) -> Talk:
        """A whole healthy update, connection excluded."""
        self.runs(kind=kind).offered(version, image, kind=kind).status("DOWNLOADING", kind)
        self.fetch(*range(-(-image // CHUNK)), request_id=request_id, image=image, kind=kind)
        for status in ("DOWNLOADED", "VERIFIED", "UPDATING"):
            self.status(status, kind)
        key = kind.value
        return self.status("UPDATED", kind, **{f"current_{key}_title": "pump", f"current_{key}_version": version})


def cut(entries: list[Entry], keep: int) -> list[Entry]:
    """The same entries as a recording that kept `keep` bytes of each chunk."""
    return [_cut(entry, keep) if isinstance(entry, CapturedPacket) else entry for entry in entries]


def _cut(entry: CapturedPacket, keep: int) -> CapturedPacket:
    packet = mqtt.decode(entry.raw)
    if not isinstance(packet, p.Publish) or not packet.topic.startswith("v2/fw/response"):
        return entry
    head = len(entry.raw) - len(packet.payload)
    if len(packet.payload) <= keep:
        return entry
    digest = hashlib.sha256(packet.payload).hexdigest()
    return replace(entry, raw=entry.raw[: head + keep], marks={**entry.marks, "payload_sha256": digest})


@pytest.fixture
def talk() -> Callable[..., Talk]:
    """The builder of conversations."""
    return Talk


@pytest.fixture
def kept() -> Callable[[list[Entry], int], list[Entry]]:
    """Cuts chunks as a recording with keep=head or keep=none does."""
    return cut


@pytest.fixture
def stories(talk: Callable[..., Any]) -> dict[str, list[Entry]]:
    """Whole recordings by name: healthy, withheld, late, empty, superseded, both kinds, reconnect, foreign."""
    found: dict[str, Any] = {"healthy": talk().connect().update()}
    found["acknowledged"] = talk(qos=1).connect().update()
    found["withheld"] = (
        talk()
        .connect()
        .runs()
        .offered()
        .status("DOWNLOADING")
        .fetch(0, 1)
        .ask(2)
        .fetch(3, 4)
        .wait(5)
        .fetch(2)
        .status("DOWNLOADED")
    )
    found["late"] = (
        talk()
        .connect()
        .runs()
        .offered()
        .fetch(0, 1)
        .ask(2)
        .wait(5)
        .ask(2)
        .chunk(2)
        .chunk(2)
        .fetch(3, 4)
        .status("UPDATED")
    )
    found["empty"] = (
        talk()
        .connect()
        .runs()
        .offered()
        .fetch(0, 1)
        .ask(2)
        .chunk(2, size=0)
        .fetch(2, 3, 4, request_id=2)
        .status("UPDATED")
    )
    found["superseded"] = (
        talk().connect().runs().offered().fetch(0, 1).offered("1.2.0", 8_192).fetch(0, 1, request_id=2)
    )
    found["both"] = (
        talk()
        .connect()
        .runs()
        .runs("0.9", kind=Kind.SOFTWARE)
        .offered()
        .offered("1.0", 8_192, "app", Kind.SOFTWARE)
        .ask(0)
        .ask(0, 2, kind=Kind.SOFTWARE)
        .chunk(0)
        .ask(1)
        .chunk(0, 2, kind=Kind.SOFTWARE)
        .chunk(1)
        .fetch(1, request_id=2, image=8_192, kind=Kind.SOFTWARE)
        .status("FAILED", Kind.SOFTWARE, sw_error="no room")
        .fetch(2, 3, 4)
        .status("UPDATED")
    )
    found["reconnect"] = (
        talk()
        .connect()
        .runs()
        .offered()
        .fetch(0, 1)
        .ask(2)
        .wait(30)
        .connect()
        .runs()
        .fetch(2, 3, 4, request_id=1)
        .status("UPDATED")
    )
    found["foreign"] = talk(key=None).connect().fetch(0, 1, 2)
    return {name: story.entries for name, story in found.items()}
