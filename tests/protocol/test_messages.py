"""The message table: every message as topic and payload and back, and nothing the wire brings hurts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.protocol import messages as m
from otakit.protocol import packets as p
from otakit.protocol.messages import (
    ROWS,
    TABLE,
    Direction,
    Kind,
    Message,
    NotJson,
    compact,
    message_of,
    parse_json,
    row_of,
    row_of_topic,
)
from otakit.protocol.packets import Packet, PacketType

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
ids = st.integers(0, 2**31 - 1)
kinds = st.sampled_from(Kind)
names = st.lists(st.text("abcfw_", min_size=1), max_size=3).map(tuple)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abts"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
objects = st.dictionaries(st.text("abts"), json_values, max_size=3)


def said(direction: Direction, built: st.SearchStrategy[Message]) -> st.SearchStrategy[tuple[Direction, Message]]:
    return st.tuples(st.just(direction), built)


MESSAGES = st.one_of(
    said(UP, st.builds(m.AttributesRequest, ids, names, names)),
    said(DOWN, st.builds(m.AttributesResponse, ids, json_values)),
    said(DOWN, st.builds(m.AttributesUpdate, json_values)),
    said(UP, st.builds(m.AttributesPublish, json_values)),
    said(UP, st.builds(m.Telemetry, objects.filter(lambda body: "ts" not in body), st.none() | ids)),
    said(UP, st.builds(m.ChunkRequest, kinds, ids, ids, st.none() | ids)),
    said(DOWN, st.builds(m.ChunkResponse, kinds, ids, ids, st.binary(max_size=20))),
    said(DOWN, st.builds(m.OtaError, st.sampled_from(["NOT_FOUND", "FAILURE", ""]), kinds)),
    *(said(way, st.builds(call, ids, json_values)) for way in (UP, DOWN) for call in (m.RpcRequest, m.RpcResponse)),
)


@given(MESSAGES)
def test_every_message_comes_back_from_its_topic_and_payload(pair: tuple[Direction, Message]) -> None:
    """What client and twin write, both read; the row's name is the label of its arrow."""
    direction, message = pair
    assert message_of(message.topic, message.payload, direction) == message
    row = row_of(p.Publish(message.topic, message.payload), direction)
    assert row.name == message.row
    assert direction in row.directions


@given(st.sampled_from([UP, DOWN]), st.binary(max_size=60), st.text(max_size=40) | st.sampled_from([
    "v2/fw/request/1/chunk/0", "v2/sw/response/1/chunk/0", "v2/fw/error", "v1/devices/me/attributes",
    "v1/devices/me/attributes/request/1", "v1/devices/me/attributes/response/1", "v1/devices/me/telemetry",
    "v1/devices/me/rpc/request/1", "v1/devices/me/rpc/response/1",
]))  # fmt: skip
def test_whatever_the_wire_brings_is_some_message(direction: Direction, payload: bytes, topic: str) -> None:
    """Nothing raises; the table has its row."""
    message = message_of(topic, payload, direction)
    assert message.row in TABLE
    assert row_of_topic(topic, direction).name in TABLE


@pytest.mark.parametrize(("topic", "payload", "direction"), [
    ("v2/fw/request/1/chunk/0", b'"4096"', UP),
    ("v2/fw/request/1/chunk/0", b" 10", UP),
    ("v2/fw/request/1/chunk/0", b"99999999999", UP),
    ("v2/fw/request/1/chunk/0", "١٢".encode(), UP),
    ("v2/fw/request/1/chunk/0", b"10", DOWN),
    ("v2/fw/response/1/chunk/0", b"x", UP),
    ("v2/fw/response/-1/chunk/0", b"x", DOWN),
    ("v2/fw/response/1/chunk/" + "9" * 19, b"x", DOWN),
    ("x/v2/fw/response/1/chunk/0", b"x", DOWN),
    ("v2/fw/error", b"NOT_FOUND", UP),
    ("v1/devices/me/telemetry", b"[1]", UP),
    ("v1/devices/me/telemetry", b"{}", DOWN),
    ("v1/devices/me/attributes/request/1", b"[]", UP),
    ("v1/devices/me/attributes/request/1", b"{}", DOWN),
    ("v1/devices/me/attributes/response/1", b"{}", UP),
    ("v1/devices/me/attributes/response/x", b"{}", DOWN),
])  # fmt: skip
def test_what_only_looks_like_a_message_is_another_publish(topic: str, payload: bytes, direction: Direction) -> None:
    """Topic and payload are kept as they are."""
    assert message_of(topic, payload, direction) == m.OtherPublish(topic, payload)


@pytest.mark.parametrize("payload", [
    b"", b"pump", b"{", b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"\xff\xfe", b"[" * 100_000, b"1" * 5_000,
    b"[" * 65 + b"]" * 65, b'{"a":' * 500 + b"1" + b"}" * 500,
    b"\xef\xbb\xbf{}", "{}".encode("utf-16"),
])  # fmt: skip
def test_what_is_no_json_is_said_to_be_none(payload: bytes) -> None:
    """NaN and Infinity, deep nesting and numbers of thousands of digits included; its beginning is kept."""
    found = parse_json(payload)
    assert isinstance(found, NotJson)
    assert len(found.text) <= 80


def test_json_that_is_wide_or_nests_a_little_is_json() -> None:
    """Only depth is refused, and only beyond what any server sends."""
    assert parse_json(b"[" * 64 + b"]" * 64) != NotJson("[" * 64 + "]" * 16)
    assert parse_json(b"[" + b"[]," * 500 + b"[]]") == [[]] * 501


def test_json_is_written_without_blanks_in_utf_8() -> None:
    """ThingsBoard does not trim keys; half of a surrogate pair must not end a session."""
    assert compact({"fw_title": "水泵", "n": [1, 2]}) == '{"fw_title":"水泵","n":[1,2]}'.encode()
    assert json.loads(compact("\ud800")) == "?"


def test_keys_are_joined_by_commas_without_blanks() -> None:
    """ThingsBoard looks for a key with a leading blank otherwise."""
    asked = m.AttributesRequest(3, ("fw_title", "fw_version"), ("a",))
    assert asked.payload == b'{"sharedKeys":"fw_title,fw_version","clientKeys":"a"}'
    assert m.AttributesRequest(3, ("fw_title",)).payload == b'{"sharedKeys":"fw_title"}'


def test_the_chunk_size_is_bare_digits() -> None:
    """Quotes around them drop the connection; empty repeats the last size."""
    assert m.ChunkRequest(Kind.SOFTWARE, 1, 2, 4096).payload == b"4096"
    assert m.ChunkRequest(Kind.SOFTWARE, 1, 2, None).payload == b""
    assert m.ChunkRequest(Kind.SOFTWARE, 1, 2, 4096).topic == "v2/sw/request/1/chunk/2"


def test_telemetry_with_a_value_named_values_is_not_taken_apart() -> None:
    """Only `ts` and `values` together are the long form."""
    assert message_of(m.TELEMETRY_TOPIC, b'{"values":{"a":1}}', UP) == m.Telemetry({"values": {"a": 1}})


def test_telemetry_in_an_array_of_one_is_what_it_holds() -> None:
    """As tb-mqtt-client sends each of its statuses; several at once stay outside the protocol."""
    assert message_of(m.TELEMETRY_TOPIC, b'[{"fw_state":"UPDATED"}]', UP) == m.Telemetry({"fw_state": "UPDATED"})
    assert message_of(m.TELEMETRY_TOPIC, b'[{"ts":5,"values":{"a":1}}]', UP) == m.Telemetry({"a": 1}, 5)
    for several in (b"[]", b"[1]", b'[{"a":1},{"a":2}]'):
        assert isinstance(message_of(m.TELEMETRY_TOPIC, several, UP), m.OtherPublish)


def test_the_filters_are_those_that_thingsboard_grants() -> None:
    """By string equality (`MqttTransportHandler.processSubscribe`)."""
    assert [m.chunk_filter(kind) for kind in Kind] == ["v2/fw/response/+/chunk/+", "v2/sw/response/+/chunk/+"]
    assert [m.error_filter(kind) for kind in Kind] == ["v2/fw/error", "v2/sw/error"]
    assert m.ATTRIBUTES_RESPONSE_FILTER == "v1/devices/me/attributes/response/+"


def test_image_bytes_and_payloads_stay_out_of_every_repr() -> None:
    """A log line must not hold a megabyte."""
    assert "hidden" not in repr(m.ChunkResponse(Kind.FIRMWARE, 1, 2, b"hidden")) + repr(m.OtherPublish("t", b"hidden"))


def test_row_names_are_unique_and_answers_are_rows() -> None:
    """Diagrams, frames and the table of the article rest on the names."""
    assert len(TABLE) == len(ROWS)
    assert all(answer in TABLE for row in ROWS for answer in row.answers)
    assert {row.packet for row in ROWS if row.packet} == set(PacketType)


@pytest.mark.parametrize(("packet", "name"), [
    (p.Connect(), "Connect"), (p.ConnAck(), "ConnAck"), (p.PubAck(1), "PubAck"), (p.PubRec(1), "PubRec"),
    (p.PubRel(1), "PubRel"), (p.PubComp(1), "PubComp"), (p.Subscribe(1, ()), "Subscribe"),
    (p.SubAck(1, ()), "SubAck"), (p.Unsubscribe(1, ()), "Unsubscribe"), (p.UnsubAck(1), "UnsubAck"),
    (p.PingReq(), "PingReq"), (p.PingResp(), "PingResp"), (p.Disconnect(), "Disconnect"), (p.Auth(), "Auth"),
    (p.Publish("x"), "OtherPublish"),
])  # fmt: skip
def test_each_packet_type_has_its_row(packet: Packet, name: str) -> None:
    """Named as MQTT names it."""
    assert row_of(packet, UP).name == name


def test_software_errors_may_arrive_under_both_topics() -> None:
    """ThingsBoard publishes them under the firmware's; the word does not tell the kind."""
    assert message_of("v2/fw/error", b"NOT_FOUND", DOWN) == m.OtaError("NOT_FOUND")
    assert message_of("v2/sw/error", b"NOT_FOUND", DOWN) == m.OtaError("NOT_FOUND", Kind.SOFTWARE)


def test_a_kind_has_a_word() -> None:
    """For people."""
    assert [kind.word for kind in Kind] == ["firmware", "software"]
