"""One packet → its row: versions, cut payloads, aliases, nonsense."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from otakit.captured import CapturedPacket
from otakit.exchange.decoded import DecodedPacket, Decoder, clean
from otakit.protocol import mqtt
from otakit.protocol import packets as p
from otakit.protocol.messages import AttributesRequest, AttributesUpdate, Direction, Kind, Telemetry

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
Talk = Callable[..., Any]


def rows(*packets: tuple[Direction, p.Packet], version: p.Version = p.Version.MQTT_3_1_1) -> list[DecodedPacket]:
    decoder = Decoder()
    raws = [(way, mqtt.encode(packet, version)) for way, packet in packets]
    return [
        decoder.decode(CapturedPacket(number, 1, 0, way, raw, len(raw))) for number, (way, raw) in enumerate(raws, 1)
    ]


def test_publish_says_topic_flags_and_payload() -> None:
    (row,) = rows((UP, p.Publish("v2/sw/request/3/chunk/17", b"4096", 1, 9, dup=True)))
    assert (row.type, row.message, row.kind, row.request_id, row.index) == (
        "PUBLISH",
        "ChunkRequest",
        "software",
        3,
        17,
    )
    assert (row.topic, row.qos, row.packet_id, row.dup, row.retain) == ("v2/sw/request/3/chunk/17", 1, 9, True, False)
    assert (row.payload_bytes, row.payload_head, row.text) == (4, b"4096", "4096")
    assert row.payload_sha256 == hashlib.sha256(b"4096").hexdigest()


def test_chunk_keeps_its_head_and_no_text() -> None:
    (row,) = rows((DOWN, p.Publish("v2/fw/response/1/chunk/0", b"a" * 5_000)))
    assert (row.payload_bytes, row.payload_head, row.text, row.says) == (5_000, b"a" * 32, None, None)


def test_version_of_the_connection_comes_from_its_connect() -> None:
    """The same bytes mean another payload in MQTT 5, where properties stand before it."""
    five = p.Version.MQTT_5
    connect, publish = rows((UP, p.Connect(version=five)), (UP, p.Publish("t", b"x")), version=five)
    assert (publish.payload_bytes, publish.text) == (1, "x")
    assert isinstance(connect.says, p.Connect)


def test_credentials_do_not_stay() -> None:
    """Recordings mask them; a live tap may not have."""
    (row,) = rows((UP, p.Connect("c", user_name="secret", password=b"secret")))
    assert isinstance(row.says, p.Connect)
    assert (row.says.user_name, row.says.password) == (None, None)


def test_topic_alias_stands_for_its_topic() -> None:
    five = p.Version.MQTT_5
    alias = (("topic_alias", 4),)
    found = rows(
        (UP, p.Connect(version=five)),
        (UP, p.Publish("v2/fw/request/1/chunk/0", b"10", properties=alias)),
        (UP, p.Publish("", b"10", properties=alias)),
        version=five,
    )
    assert [row.message for row in found[1:]] == ["ChunkRequest", "ChunkRequest"]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (p.ConnAck(5), "0x05"),
        (p.SubAck(1, (0x80, 1)), "0x80,0x01"),
        (p.PubAck(1), None),
        (p.Disconnect(), None),
    ],
)
def test_reason_stands_where_a_packet_carries_one(packet: p.Packet, reason: str | None) -> None:
    """PUBACK and DISCONNECT carry none before MQTT 5."""
    (row,) = rows((DOWN, packet))
    assert row.reason == reason


def test_mqtt_5_acknowledges_with_a_code() -> None:
    five = p.Version.MQTT_5
    assert rows((UP, p.Connect(version=five)), (DOWN, p.PubAck(1, 0x99)), version=five)[1].reason == "0x99"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "RESERVED"),
        (b"\x00\x00", "RESERVED"),
        (b"\x30\x05\x00\x09ab", "PUBLISH"),
        (b"\x36\x04\x00\x01a\x00", "PUBLISH"),
        (b"\x30\x04\x00\x02\xff\xfe", "PUBLISH"),
        (b"\x30\x80\x80\x80\x80\x01", "PUBLISH"),
        (b"\x30\x09\x00\x01ab", "PUBLISH"),
        (b"\x90\x02\x00", "SUBACK"),
        (b"\x10\x00", "CONNECT"),
    ],
)
def test_malformed_packet_says_its_type_and_nothing_more(raw: bytes, kind: str) -> None:
    row = Decoder().decode(CapturedPacket(1, 1, 0, UP, raw, len(raw)))
    assert (row.type, row.message, row.topic, row.qos, row.packet_id) == (kind, None, None, None, None)
    assert (row.payload_bytes, row.length) == (0, len(raw))


def test_cut_payload_counts_its_bytes_on_the_wire_and_keeps_its_mark() -> None:
    raw = mqtt.encode(p.Publish("v2/fw/response/1/chunk/0", b"a" * 5_000))
    cut = CapturedPacket(1, 1, 0, DOWN, raw[:60], len(raw), {"payload_sha256": "ab" * 32})
    row = Decoder().decode(cut)
    assert (row.payload_bytes, row.payload_sha256, row.index) == (5_000, "ab" * 32, 0)


def test_cut_payload_without_a_mark_has_no_hash() -> None:
    """A capture with a snap length: better nothing than the hash of a part."""
    raw = mqtt.encode(p.Publish("v2/fw/response/1/chunk/0", b"a" * 5_000))
    assert Decoder().decode(CapturedPacket(1, 1, 0, DOWN, raw[:60], len(raw))).payload_sha256 is None


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (AttributesRequest(1, ("fw_title", "fw_version")), "firmware"),
        (AttributesRequest(1, ("fw_title", "sw_title")), None),
        (AttributesUpdate({"sw_title": "a"}), "software"),
        (AttributesUpdate({"deleted": ["fw_tag", "fw_url"]}), "firmware"),
        (AttributesUpdate({"colour": "blue"}), None),
        (Telemetry({"current_sw_version": "1"}), "software"),
        (Telemetry({"temperature": 20}), None),
    ],
)
def test_kind_comes_from_the_keys(message: Any, kind: str | None) -> None:
    way = DOWN if isinstance(message, AttributesUpdate) else UP
    assert rows((way, p.Publish(message.topic, message.payload)))[0].kind == kind


def test_size_in_quotes_still_shows_which_chunk_was_meant() -> None:
    """ThingsBoard drops the connection for it; the row must let people see why."""
    (row,) = rows((UP, p.Publish("v2/fw/request/1/chunk/3", b'"4096"')))
    assert (row.message, row.request_id, row.index, row.text) == ("OtherPublish", 1, 3, '"4096"')


def test_text_is_bounded_and_never_half_a_character() -> None:
    (row,) = rows((UP, p.Publish("x", "泵".encode() * 2_000)))
    assert row.text == "泵" * 1_000


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (5, "5"), ("\ud800", "?"), ({"a": "泵"}, '{"a": "泵"}')])
def test_values_of_strangers_become_text_that_any_file_takes(value: object, text: str) -> None:
    assert clean(value) == text


def test_kinds_have_their_words() -> None:
    assert [kind.word for kind in Kind] == ["firmware", "software"]
