"""Image bytes are kept as asked; everything that frames are made of stays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from otakit.captured import CapturedPacket, Entry
from otakit.errors import SettingsError
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import decode_head, encode
from otakit.protocol.packets import Connect, Publish, Version
from otakit.record.keeping import Keep, is_chunk, kept_bytes, trimmed
from otakit.record.pcapng import entries_to_file, read

DOWN = Direction.TO_DEVICE
PacketsOf = Callable[[Iterable[Entry]], list[CapturedPacket]]


@pytest.mark.parametrize(("keep", "kept"), [("all", 1024), ("head", 32), ("none", 0)])
def test_each_chunk_keeps_as_many_image_bytes_as_asked(
    entries: list[Entry], file: Path, packets_of: PacketsOf, keep: Keep, kept: int
) -> None:
    """Firmware and software; the length on the wire stays, and the digest vouches for what is left out."""
    before = packets_of(entries)
    after = packets_of(read(entries_to_file(entries, file, keep=keep)).entries)
    for old, new in list(zip(before, after, strict=True))[5:7]:
        one, two = decode_head(old.raw), decode_head(new.raw)
        assert isinstance(one, Publish)
        assert isinstance(two, Publish)
        assert two.payload == one.payload[:kept]
        assert (two.topic, new.length) == (one.topic, old.length)
        digest = None if keep == "all" else hashlib.sha256(one.payload).hexdigest()
        assert new.marks.get("payload_sha256") == digest


@pytest.mark.parametrize("keep", ["head", "none"])
def test_packets_without_image_bytes_are_kept_whole(
    entries: list[Entry], file: Path, packets_of: PacketsOf, keep: Keep
) -> None:
    """Also the attributes, which are long, and the request for a chunk."""
    before = packets_of(entries)
    after = packets_of(read(entries_to_file(entries, file, keep=keep)).entries)
    for at in (1, 2, 3, 4, 7):
        assert after[at].raw == before[at].raw


def test_the_head_of_a_chunk_begins_behind_the_properties_of_mqtt_5(
    file: Path, packets_of: PacketsOf, version: Version
) -> None:
    """The version is known from CONNECT."""
    listed = (("user_property", ("a" * 50, "b")),) if version is Version.MQTT_5 else ()
    chunk = Publish("v2/fw/response/1/chunk/0", bytes(range(100)), properties=listed)
    said = ((Direction.TO_SERVER, Connect("c", version, user_name="t")), (DOWN, chunk))
    raws = [(direction, encode(packet, version)) for direction, packet in said]
    heard = [CapturedPacket(n, n, 0, direction, raw, len(raw)) for n, (direction, raw) in enumerate(raws, 1)]
    _, kept = packets_of(read(entries_to_file(heard, file, keep="head")).entries)
    found = decode_head(kept.raw, version)
    assert isinstance(found, Publish)
    assert (found.payload, found.properties) == (bytes(range(32)), listed)


def test_a_chunk_with_nothing_to_leave_out_carries_no_digest(version: Version) -> None:
    """An empty chunk, and at `head` one of 32 bytes."""
    for size, most in ((0, 0), (32, 32), (5, 32)):
        raw = encode(Publish("v2/fw/response/1/chunk/9", b"x" * size), version)
        assert trimmed(raw, version, most) == (raw, None)


def test_a_chunk_is_told_from_its_first_bytes_whatever_its_length() -> None:
    """The length of a packet takes one to four bytes."""
    for size in (0, 200, 20_000, 2_100_000):
        assert is_chunk(encode(Publish("v2/sw/response/1/chunk/9", bytes(size))), DOWN)
        assert not is_chunk(encode(Publish("v1/devices/me/attributes", bytes(size))), DOWN)


def test_what_a_device_sends_is_no_chunk() -> None:
    """Only the server sends images."""
    assert not is_chunk(encode(Publish("v2/fw/response/1/chunk/9", b"x")), Direction.TO_SERVER)
    assert not is_chunk(b"", DOWN)
    assert not is_chunk(b"\xc0\x00", DOWN)


def test_a_topic_behind_an_alias_counts_as_a_chunk() -> None:
    """MQTT 5: the topic may be missing; in doubt image bytes stay out."""
    raw = encode(Publish("", b"x" * 100, properties=(("topic_alias", 1),)), Version.MQTT_5)
    assert is_chunk(raw, DOWN)


def test_a_chunk_that_cannot_be_read_is_cut_short() -> None:
    """In doubt image bytes stay out."""
    kept, digest = trimmed(b"\x30\x80\x04\xff\xff" + bytes(515), Version.MQTT_3_1_1, 0)
    assert len(kept) == 64
    assert digest is not None


def test_an_unknown_way_of_keeping_is_named() -> None:
    """With the three there are."""
    with pytest.raises(SettingsError, match=r"'all', 'head' or 'none'.*'some'"):
        kept_bytes("some")
