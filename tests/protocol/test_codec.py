"""Every MQTT packet as bytes and back, in each version, in any slices; arbitrary bytes never hurt."""

from __future__ import annotations

import contextlib
from typing import TypeVar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otakit.errors import LocalProtocolError, RemoteProtocolError
from otakit.protocol import packets as p
from otakit.protocol.mqtt import Framer, decode, decode_head, encode, header_length, packet_type, publish_layout
from otakit.protocol.packets import Packet, PacketType, Version
from otakit.protocol.properties import KINDS, Properties

T = TypeVar("T")
V3, V4, V5 = Version
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
binaries = st.binary(max_size=40)
ids, codes = st.integers(1, 65535), st.integers(0, 255)
VALUES = {
    "u8": codes,
    "u16": st.integers(0, 65535),
    "u32": st.integers(0, 2**32 - 1),
    "varint": st.integers(0, 268_435_455),
    "text": texts,
    "binary": binaries,
    "pair": st.tuples(texts, texts),
}


pairs = st.sampled_from(list(KINDS.values())).flatmap(lambda kind: st.tuples(st.just(kind[0]), VALUES[kind[1]]))
once = st.lists(pairs, max_size=4, unique_by=lambda pair: pair[0])
again = st.lists(st.tuples(st.just("user_property"), VALUES["pair"]), max_size=2)
property_lists: st.SearchStrategy[Properties] = st.builds(lambda one, two: (*one, *two), once, again)
NONE: st.SearchStrategy[Properties] = st.just(())


def many(one: st.SearchStrategy[T], least: int = 0) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(one, min_size=least, max_size=3).map(tuple)


def packets(version: Version) -> st.SearchStrategy[Packet]:
    """Any packet that the version can carry."""
    five = version is V5
    listed, code = (property_lists, codes) if five else (NONE, st.just(0))
    options = st.sampled_from([0, 1, 2, 0x2D if five else 2])
    answers = (p.PubAck, p.PubRec, p.PubRel, p.PubComp)
    return st.one_of(
        _connects(version, listed),
        st.builds(p.ConnAck, codes, st.booleans(), listed),
        st.builds(p.Publish, texts, binaries, st.just(0), st.none(), st.booleans(), st.booleans(), listed),
        st.builds(p.Publish, texts, binaries, st.sampled_from([1, 2]), ids, st.booleans(), st.booleans(), listed),
        *(st.builds(answer, ids, code, listed) for answer in answers),
        st.builds(p.Subscribe, ids, many(st.tuples(texts, options), 1), listed),
        st.builds(p.SubAck, ids, many(codes), listed),
        st.builds(p.Unsubscribe, ids, many(texts, 1), listed),
        st.builds(p.UnsubAck, ids, many(codes) if five else st.just(()), listed),
        st.sampled_from([p.PingReq(), p.PingResp()]),
        st.builds(p.Disconnect, code, listed),
        st.builds(p.Auth, code, listed),
    )


def _connects(version: Version, listed: st.SearchStrategy[Properties]) -> st.SearchStrategy[p.Connect]:
    wills = st.none() | st.builds(p.Will, texts, binaries, st.integers(0, 2), st.booleans(), listed)
    head = (texts, st.just(version), st.booleans(), st.integers(0, 65535))
    named = st.builds(p.Connect, *head, texts, st.none() | binaries, wills, listed)
    nameless = st.none() | binaries if version is V5 else st.none()
    return named | st.builds(p.Connect, *head, st.none(), nameless, wills, listed)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Version, list[Packet]]:
    version = draw(st.sampled_from(Version))
    return version, draw(st.lists(packets(version), max_size=5))


@given(streams(), st.lists(st.integers(1, 50)))
def test_packets_come_back_from_any_slices(stream: tuple[Version, list[Packet]], sizes: list[int]) -> None:
    """Encoded, cut anywhere, framed and decoded: the same packets, and not a byte is held back."""
    version, said = stream
    raw = b"".join(encode(packet, version) for packet in said)
    framer, heard, at = Framer(), [], 0
    for size in [*sizes, len(raw)]:
        heard += framer.feed(raw[at : at + size])
        at += size
    assert [decode(one, version) for one in heard] == said
    assert framer.pending == 0


@given(st.binary(max_size=60), st.sampled_from(Version))
def test_arbitrary_bytes_are_a_packet_or_the_peers_fault(raw: bytes, version: Version) -> None:
    """Whatever the wire brings, only `RemoteProtocolError` is raised."""
    for read in (decode, decode_head):
        with contextlib.suppress(RemoteProtocolError):
            read(raw, version)
    with contextlib.suppress(RemoteProtocolError):
        Framer().feed(raw)


@given(st.sampled_from(PacketType), st.integers(0, 15), st.binary(max_size=60), st.sampled_from(Version))
def test_a_sound_header_before_arbitrary_bytes_is_a_packet_or_the_peers_fault(
    kind: PacketType, flags: int, body: bytes, version: Version
) -> None:
    """Deeper into each packet than chance alone would come."""
    raw = bytes((kind << 4 | flags, len(body))) + body
    try:
        packet = decode(raw, version)
    except RemoteProtocolError as error:
        assume(error.reason_code)
        return
    assert packet.type is kind


@given(streams(), st.data())
def test_a_packet_with_one_changed_byte_is_a_packet_or_the_peers_fault(
    stream: tuple[Version, list[Packet]], data: st.DataObject
) -> None:
    """Near misses find what noise does not."""
    version, said = stream
    for packet in said:
        raw = bytearray(encode(packet, version))
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(codes)
        with contextlib.suppress(RemoteProtocolError):
            decode(bytes(raw), version)


@given(st.sampled_from(Version), st.data())
def test_the_head_of_a_publish_is_read_without_its_payload(version: Version, data: st.DataObject) -> None:
    """A recording may have kept the beginning only."""
    payload = data.draw(st.binary(max_size=400))
    packet = p.Publish(data.draw(texts), payload, 1, 7, properties=data.draw(property_lists) if version is V5 else ())
    raw = encode(packet, version)
    topic, at = publish_layout(raw, version)
    assert (topic.decode(), raw[at:]) == (packet.topic, payload)
    kept = data.draw(st.integers(0, len(payload)))
    head = decode_head(raw[: at + kept], version)
    assert isinstance(head, p.Publish)
    assert (head.topic, head.payload, head.properties) == (packet.topic, payload[:kept], packet.properties)
    with pytest.raises(RemoteProtocolError):
        publish_layout(raw[: at - 1], version)


@pytest.mark.parametrize(("raw", "why"), [
    ("", "an empty packet"),
    ("0000", "type 0"),
    ("c001", "remaining length says 1"),
    ("c08000", "fewest bytes"),
    ("c0ffffffff01", "at most four bytes"),
    ("80020001", "flags 0000"),
    ("82020001", "no topic filter"),
    ("a2020001", "no topic filter"),
    ("820600010001612f", "SUBSCRIBE: QoS 3"),
    ("3603000161", "PUBLISH: QoS 3"),
    ("3003000100", "null character"),
    ("30030001ff", "not UTF-8"),
    ("3003000561", "5 bytes expected"),
    ("20020200", "reserved flags"),
    ("c00100", "1 bytes too many"),
    ("100d00044d51545406020000000161", "level 6 is not"),
    ("100c00044d515454040100000000", "reserved flag"),
])  # fmt: skip
def test_what_the_peer_did_wrong_is_named(raw: str, why: str) -> None:
    """With the clause of the standard, where it has one."""
    with pytest.raises(RemoteProtocolError, match=why):
        decode(bytes.fromhex(raw))


@pytest.mark.parametrize(("raw", "why"), [
    ("3004000161ff", "packet has 0 left"),
    ("3006000161026301", "0x63 does not exist"),
    ("30050001610301", "3 bytes announced, 1 left"),
    ("3006000161020300", "content_type: 2 bytes expected"),
    ("30080001610401000101", "payload_format_indicator appears twice"),
])  # fmt: skip
def test_wrong_properties_of_mqtt_5_are_named(raw: str, why: str) -> None:
    """An unknown identifier, a cut block, a property that appears twice."""
    with pytest.raises(RemoteProtocolError, match=why):
        decode(bytes.fromhex(raw), V5)


@pytest.mark.parametrize("packet", [
    p.Publish("a", qos=1),
    p.Publish("a", qos=0, packet_id=1),
    p.Publish("a", qos=3, packet_id=1),
    p.Publish("a\0"),
    p.Publish("\ud800"),
    p.Publish("a" * 65_536),
    p.PubAck(65_536),
    p.PubAck(-1),
    p.ConnAck(256),
    p.SubAck(1, (256,)),
    p.Subscribe(1, (("a", 256),)),
    p.Connect(password=b"x"),
    p.Connect(keep_alive_s=-1),
])  # fmt: skip
def test_what_cannot_be_sent_is_our_own_mistake(packet: Packet) -> None:
    """Never a ValueError of Python's, never wrong bytes."""
    with pytest.raises(LocalProtocolError):
        encode(packet)


@pytest.mark.parametrize("listed", [(("no_such", 1),), (("topic_alias", "x"),), (("topic_alias", 65_536),)])
def test_a_property_that_cannot_be_sent_is_our_own_mistake(listed: Properties) -> None:
    """An unknown name, a wrong type, a value too large."""
    with pytest.raises(LocalProtocolError):
        encode(p.Publish("a", properties=listed), V5)


def test_secrets_stay_out_of_every_repr() -> None:
    """Logs and tracebacks show reprs."""
    will = p.Will("w", b"hidden")
    shown = repr(p.Connect("c", user_name="hidden", password=b"hidden", will=will)) + repr(p.Publish("t", b"hidden"))
    assert "hidden" not in shown


def test_authentication_data_stay_out_of_every_repr() -> None:
    """They prove who one is, as a password does."""
    listed = (("authentication_method", "scram"), ("authentication_data", b"hidden"))
    shown = [p.Connect("c", V5, properties=listed), p.ConnAck(0, properties=listed), p.Auth(0x18, listed)]
    assert "hidden" not in repr(shown)


def test_a_header_is_two_to_five_bytes() -> None:
    """The remaining length takes one to four."""
    for size, header in ((0, 2), (124, 2), (125, 3), (16_380, 3), (16_381, 4), (2_097_149, 5)):
        raw = encode(p.Publish("a", bytes(size)))
        assert header_length(raw) == header
        assert packet_type(raw) is PacketType.PUBLISH
