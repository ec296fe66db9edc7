"""Every byte of a packet belongs to one field, and the field says what it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.explain import Field, explain
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Packet, PacketType, Version

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
BYTES = st.binary(max_size=40)
IDS = st.integers(1, 65535)
CODES = st.integers(0, 255)
PROPERTIES = st.lists(
    st.one_of(
        st.tuples(st.just("user_property"), st.tuples(TEXT, TEXT)),
        st.tuples(st.just("subscription_identifier"), st.integers(1, 300_000)),
    ),
    max_size=3,
).map(tuple)
WILLS = st.none() | st.builds(p.Will, TEXT, BYTES, st.integers(0, 2), st.booleans())


def connects(version: Version) -> st.SearchStrategy[Packet]:
    return st.builds(
        p.Connect,
        TEXT,
        st.just(version),
        user_name=TEXT,
        password=st.none() | BYTES,
        will=WILLS,
        properties=PROPERTIES if version is Version.MQTT_5 else st.just(()),
    )


def packets(version: Version) -> st.SearchStrategy[Packet]:
    five = version is Version.MQTT_5
    properties = PROPERTIES if five else st.just(())
    codes = CODES if five else st.just(0)
    acks = (p.PubAck, p.PubRec, p.PubRel, p.PubComp)
    return st.one_of(
        connects(version),
        st.builds(p.ConnAck, CODES, st.booleans(), properties),
        st.builds(p.Publish, TEXT, BYTES, properties=properties),
        st.builds(p.Publish, TEXT, BYTES, st.just(1), IDS, st.booleans(), st.booleans(), properties),
        st.builds(p.Subscribe, IDS, st.lists(st.tuples(TEXT, st.integers(0, 2)), min_size=1, max_size=3).map(tuple)),
        st.builds(p.SubAck, IDS, st.lists(CODES, max_size=4).map(tuple), properties),
        st.builds(p.Unsubscribe, IDS, st.lists(TEXT, min_size=1, max_size=3).map(tuple), properties),
        st.builds(p.UnsubAck, IDS, st.lists(CODES, max_size=4).map(tuple) if five else st.just(())),
        st.sampled_from([p.PingReq(), p.PingResp()]),
        st.builds(p.Disconnect, codes, properties),
        *(st.builds(ack, IDS, codes, properties) for ack in acks),
        *([st.builds(p.Auth, codes, properties)] if five else []),
    )


def covers(fields: list[Field], raw: bytes) -> bool:
    """Whether the fields are all bytes of the packet, each once, in order."""
    ends = [0, *(field.end for field in fields)]
    same = all(raw[f.offset : f.end] == f.raw or set(f.raw) == {ord("*")} for f in fields)
    return same and [field.offset for field in fields] == ends[:-1] and ends[-1] == len(raw)


@pytest.mark.parametrize("version", [Version.MQTT_3_1, Version.MQTT_3_1_1, Version.MQTT_5])
@given(data=st.data())
def test_fields_cover_every_byte_once_and_all_is_understood(version: Version, data: st.DataObject) -> None:
    """For every packet type and version."""
    raw = encode(data.draw(packets(version)), version)
    fields = explain(raw, data.draw(st.sampled_from([Direction.TO_SERVER, Direction.TO_DEVICE])), version)
    assert covers(fields, raw)
    assert "not understood" not in [field.name for field in fields]


@given(raw=st.binary(max_size=60), version=st.sampled_from(Version))
def test_any_bytes_are_covered_too(raw: bytes, version: Version) -> None:
    """Nonsense gives fields as well, never an exception."""
    assert covers(explain(raw, Direction.TO_DEVICE, version), raw)


@given(st.data())
def test_a_packet_cut_anywhere_is_covered(data: st.DataObject) -> None:
    """What is there is explained as far as it goes."""
    raw = encode(data.draw(packets(Version.MQTT_5)), Version.MQTT_5)
    cut = raw[: data.draw(st.integers(0, len(raw)))]
    assert covers(explain(cut, Direction.TO_SERVER, Version.MQTT_5), cut)


def explained(packet: Packet, direction: Direction, version: Version = Version.MQTT_3_1_1) -> dict[str, Field]:
    return {field.name: field for field in explain(encode(packet, version), direction, version)}


def test_a_chunk_request_says_what_is_asked_for() -> None:
    """The topic's numbers and the size."""
    fields = explained(p.Publish("v2/fw/request/7/chunk/3", b"4096", 1, 9), Direction.TO_SERVER)
    assert (
        fields["topic name"].meaning
        == "ChunkRequest: asks for one chunk of the image; firmware; request id 7; chunk index 3"
    )
    assert fields["payload"].meaning == "the chunk size, in bare digits: 4,096 bytes are asked for"
    assert fields["packet id"].value == "9"


def test_a_refused_filter_is_told_from_a_granted_one() -> None:
    """Codes stand in the order of the filters."""
    raw = encode(p.SubAck(1, (0x80, 1)))
    assert [field.meaning for field in explain(raw, Direction.TO_DEVICE)][-2:] == [
        "refused: unspecified error",
        "granted at QoS 1",
    ]


def test_the_token_is_never_shown() -> None:
    """Neither in the bytes nor in the value."""
    fields = explain(encode(p.Connect("id", user_name="SECRET", password=b"HIDDEN")), Direction.TO_SERVER)
    assert not any(word in repr(fields) for word in ("SECRET", "HIDDEN"))
    assert [field.value for field in fields if field.name == "user name"] == ["******"]


@pytest.mark.parametrize("kind", PacketType)
def test_the_first_byte_names_the_type(kind: PacketType) -> None:
    """For each of the fifteen."""
    assert kind.name in explain(bytes((kind << 4,)), Direction.TO_SERVER)[0].value
