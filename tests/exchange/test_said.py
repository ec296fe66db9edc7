"""One line for people about one packet."""

from __future__ import annotations

from typing import Any

import pytest

from otakit.captured import CapturedPacket
from otakit.exchange import said, size
from otakit.exchange.decoded import Decoder
from otakit.protocol import mqtt
from otakit.protocol import packets as p
from otakit.protocol.messages import AttributesRequest, ChunkRequest, ChunkResponse, Direction, Kind, Telemetry

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE


def line(way: Direction, packet: p.Packet) -> str:
    raw = mqtt.encode(packet)
    return said(Decoder().decode(CapturedPacket(1, 1, 0, way, raw, len(raw))))


@pytest.mark.parametrize(
    ("way", "packet", "text"),
    [
        (UP, p.Connect("c1", user_name="secret"), "MQTT 3.1.1, client id 'c1', keep alive 60 s"),
        (DOWN, p.ConnAck(), "accepted"),
        (UP, p.Subscribe(1, (("v2/fw/response/+/chunk/+", 1),)), "v2/fw/response/+/chunk/+ at QoS 1"),
        (DOWN, p.SubAck(1, (0x80, 1)), "refused 0x80, QoS 1"),
        (DOWN, p.PubAck(7), "acknowledges packet 7"),
        (UP, p.Disconnect(), "disconnects"),
    ],
)
def test_packet_says_what_matters_of_it(way: Direction, packet: p.Packet, text: str) -> None:
    assert line(way, packet) == text


@pytest.mark.parametrize(
    ("way", "message", "text"),
    [
        (UP, AttributesRequest(3, ("fw_title", "fw_version")), "request 3: fw_title, fw_version"),
        (UP, AttributesRequest(3, ()), "request 3: all attributes"),
        (UP, ChunkRequest(Kind.FIRMWARE, 1, 20, 4_096), "chunk 20 of request 1: 4,096 bytes"),
        (UP, ChunkRequest(Kind.FIRMWARE, 1, 20, None), "chunk 20 of request 1: the size remembered"),
        (DOWN, ChunkResponse(Kind.SOFTWARE, 1, 0, b"x"), "chunk 0 of request 1: 1 byte"),
        (UP, Telemetry({"fw_state": "FAILED"}), '{"fw_state":"FAILED"}'),
    ],
)
def test_message_says_what_it_asks_or_brings(way: Direction, message: Any, text: str) -> None:
    assert line(way, p.Publish(message.topic, message.payload)) == text


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 0x85, 0x86, 0x9F])
def test_refused_connection_says_why(code: int) -> None:
    text = line(DOWN, p.ConnAck(code))
    assert text.startswith("refused: ")
    assert len(text) > len("refused: 0x85 ")


def test_long_text_is_cut() -> None:
    assert line(UP, p.Publish("x", b"a" * 500)) == "a" * 119 + "…"


def test_malformed_packet_says_so() -> None:
    assert said(Decoder().decode(CapturedPacket(1, 1, 0, UP, b"\x30\x01x", 3))) == "malformed PUBLISH, 3 bytes"


def test_sizes_carry_their_unit() -> None:
    assert (size(1), size(4_096)) == ("1 byte", "4,096 bytes")
