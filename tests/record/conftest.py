"""A small update as packets, for all that writes and reads recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.protocol.messages import AttributesResponse, ChunkRequest, ChunkResponse, Direction, Kind
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import ConnAck, Connect, Disconnect, Packet, PubAck, Publish, Version

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
START_NS = 1_700_000_000_123_456_789
CLIENT, SERVER = ("127.0.0.1", 50123), ("127.0.0.1", 1883)
IMAGE = bytes(range(256)) * 4

Said = tuple[Direction, Packet]


@pytest.fixture
def said() -> list[Said]:
    """The packets of a small update, firmware and software."""
    asked = ChunkRequest(Kind.FIRMWARE, 1, 0, 1024)
    told = AttributesResponse(1, {"shared": {"fw_title": "pump", "fw_size": 1024}})
    firmware = ChunkResponse(Kind.FIRMWARE, 1, 0, IMAGE)
    software = ChunkResponse(Kind.SOFTWARE, 2, 0, IMAGE[::-1])
    return [
        (UP, Connect("dev", user_name="A1_SECRET_TOKEN")),
        (DOWN, ConnAck()),
        (DOWN, Publish(told.topic, told.payload)),
        (UP, Publish(asked.topic, asked.payload, qos=1, packet_id=7)),
        (DOWN, PubAck(7)),
        (DOWN, Publish(firmware.topic, firmware.payload)),
        (DOWN, Publish(software.topic, software.payload)),
        (UP, Disconnect()),
    ]


@pytest.fixture
def entries(said: list[Said]) -> list[Entry]:
    """The same as captured packets of one connection, a note behind the chunk request."""
    out: list[Entry] = [OpenedConnection(0, CLIENT, SERVER)]
    for number, (direction, packet) in enumerate(said, 1):
        raw = encode(packet)
        out.append(CapturedPacket(number, START_NS + number * 1_000_001, 0, direction, raw, len(raw)))
    out.insert(5, Note("retry", START_NS + 4_500_000, {"index": 0, "reason": "late"}, 0, 4))
    return out


@pytest.fixture
def packets_of() -> Callable[[Iterable[Entry]], list[CapturedPacket]]:
    """Only the packets among entries."""
    return lambda entries: [entry for entry in entries if isinstance(entry, CapturedPacket)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a recording may go."""
    return tmp_path / "session.pcapng"


@pytest.fixture(params=[Version.MQTT_3_1, Version.MQTT_3_1_1, Version.MQTT_5], ids=lambda version: version.label)
def version(request: pytest.FixtureRequest) -> Version:
    """Each version of MQTT."""
    found: Version = request.param
    return found


@pytest.fixture
def tag_codes() -> Callable[[bytes], list[int]]:
    """The codes of upper-PDU tags, in their order."""

    def codes(head: bytes) -> list[int]:
        found, at = [], 0
        while at < len(head):
            code, length = int.from_bytes(head[at : at + 2], "big"), int.from_bytes(head[at + 2 : at + 4], "big")
            found.append(code)
            at += 4 + length
        return found

    return codes
