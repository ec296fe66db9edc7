"""A session written packet by packet, for the tests of what is drawn from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.protocol import messages as m
from otakit.protocol import mqtt
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind
from otakit.protocol.packets import Packet, Version

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
START_NS = 1_790_000_000_000_000_000
MS = 1_000_000


class Tape:
    """Captured packets as they would be recorded, with a clock that the test turns."""

    def __init__(self, version: Version = Version.MQTT_3_1_1) -> None:
        self.entries: list[Entry] = []
        self.now_ns = START_NS
        self.version = version
        self.connection = -1
        self._packets = 0

    def wait(self, ms: float) -> Tape:
        """Let time pass."""
        self.now_ns += int(ms * MS)
        return self

    def packet(self, direction: Direction, packet: Packet) -> Tape:
        """One packet passes, a millisecond after the one before."""
        self.wait(1)
        self._packets += 1
        raw = mqtt.encode(packet, self.version)
        self.entries.append(CapturedPacket(self._packets, self.now_ns, self.connection, direction, raw, len(raw)))
        return self

    def publish(self, direction: Direction, message: m.Message, qos: int = 0) -> Tape:
        """One message of ThingsBoard passes."""
        packet_id = self._packets + 1 if qos else None
        return self.packet(direction, p.Publish(message.topic, message.payload, qos, packet_id))

    def note(self, name: str, /, **fields: object) -> Tape:
        """Something only the recording side knows."""
        self.entries.append(Note(name, self.now_ns, fields, self.connection))
        return self

    def connect(self, device: str = "aaaaaaaaaaaa") -> Tape:
        """A connection, its CONNECT and CONNACK."""
        self.connection += 1
        self.entries.append(OpenedConnection(self.connection, ("127.0.0.1", 50_000), ("127.0.0.1", 1883), device))
        self.packet(UP, p.Connect("pump-7", self.version, user_name="secret-token"))
        return self.packet(DOWN, p.ConnAck())

    def chunk(self, index: int, size: int = 4096, request_id: int = 1, wait_ms: float = 40) -> Tape:
        """One chunk asked for and answered."""
        self.ask(index, size, request_id).wait(wait_ms)
        return self.answer(index, size, request_id)

    def ask(self, index: int, size: int = 4096, request_id: int = 1) -> Tape:
        """One chunk is asked for."""
        return self.publish(UP, m.ChunkRequest(Kind.FIRMWARE, request_id, index, size))

    def answer(self, index: int, size: int = 4096, request_id: int = 1) -> Tape:
        """One chunk comes."""
        return self.publish(DOWN, m.ChunkResponse(Kind.FIRMWARE, request_id, index, bytes(size)))

    def offer(self, size: int) -> Tape:
        """The device asks for its package and is told one."""
        package = {
            "fw_title": "pump",
            "fw_version": "1.1.0",
            "fw_size": size,
            "fw_checksum": "0" * 64,
            "fw_checksum_algorithm": "SHA256",
        }
        self.publish(UP, m.Telemetry({"current_fw_title": "pump", "current_fw_version": "1.0.0"}), qos=1)
        self.publish(UP, m.AttributesRequest(1, tuple(package)), qos=1).wait(40)
        return self.publish(DOWN, m.AttributesResponse(1, {"shared": package}))


@pytest.fixture(scope="session")
def tape() -> Callable[..., Tape]:
    """Makes a tape: ``tape()`` or ``tape(Version.MQTT_5)``."""
    return Tape
