"""pcapng blocks: written as the draft says, cut out of a growing file, never trusted."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.errors import BrokenRecord, RecordingError
from otakit.record import blocks
from otakit.record.blocks import Block, Cutter, PacketBlock
from otakit.record.upper_pdu import dissector_of, tags

OPENING = blocks.section_block(b"{}", "otakit") + blocks.interface_block("notes", "", b"{}")


def cut(data: bytes) -> list[Block]:
    return list(Cutter().feed(data))


@given(
    st.integers(0, 2**64 - 1),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.integers(1, 2**63),
    st.binary(max_size=40),
)
def test_a_packet_block_gives_back_what_was_written(at: int, tag: bytes, data: bytes, number: int, said: bytes) -> None:
    """Whatever lengths its parts have."""
    parts = blocks.packet_block(3, at, tag, data, 5000, blocks.INBOUND, number, said)
    whole = b"".join(parts)
    (found,) = cut(whole)
    assert len(whole) % 4 == 0
    expected = PacketBlock(3, at, tag + data, len(tag) + 5000, blocks.INBOUND, number, said)
    assert blocks.packet_of(found) == expected


@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 20))
def test_blocks_are_the_same_in_whatever_slices_they_arrive(bodies: list[bytes], step: int) -> None:
    """A file grows as it likes."""
    stream = b"".join(blocks.block(6, body + bytes(-len(body) % 4)) for body in bodies)
    cutter = Cutter()
    sliced = [found for at in range(0, len(stream), step) for found in cutter.feed(stream[at : at + step])]
    assert sliced == cut(stream)
    assert cutter.pending == 0
    assert cutter.offset == len(stream)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_blocks_or_broken(data: bytes) -> None:
    """Behind a sound opening, nothing else is raised and nothing is allocated for what is not there."""
    with contextlib.suppress(BrokenRecord):
        for found in cut(OPENING + data):
            if found.kind == blocks.PACKET:
                blocks.packet_of(found)
            blocks.options_of(found.body, 0, found.order)


@pytest.mark.parametrize(("total", "why"), [(8, "cannot be"), (13, "cannot be"), (0xFFFFFFFC, "cannot be")])
def test_a_length_that_cannot_be_is_named_with_its_offset(total: int, why: str) -> None:
    """Also one of four gigabytes, which is never waited for."""
    with pytest.raises(BrokenRecord, match=why) as caught:
        cut(OPENING + struct.pack("<II", 6, total))
    assert caught.value.offset == len(OPENING)


def test_two_lengths_that_differ_are_damage() -> None:
    """A block carries its length at both ends."""
    whole = blocks.block(6, bytes(20))
    with pytest.raises(BrokenRecord, match="32 bytes at its front and 36 at its end"):
        cut(whole[:-4] + struct.pack("<I", 36))


def test_a_byte_order_that_does_not_exist_is_damage() -> None:
    """The magic of a section says how its numbers are written."""
    with pytest.raises(BrokenRecord, match="byte-order magic 01020304"):
        cut(blocks.MAGIC + bytes(4) + b"\1\2\3\4" + bytes(16))


def test_a_big_endian_section_is_read() -> None:
    """Written on another machine; its blocks are read in its order."""
    section = struct.pack(">IIIHHqI", blocks.SECTION, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    body = struct.pack(">IIIII", 0, 1, 2, 3, 9) + b"abc\0"
    packet = struct.pack(">II", 6, len(body) + 12) + body + struct.pack(">I", len(body) + 12)
    found = cut(section + packet)
    assert [block.order for block in found] == [">", ">"]
    assert blocks.packet_of(found[1]) == PacketBlock(0, 1 << 32 | 2, b"abc", 9, 0, 0, b"")


@pytest.mark.parametrize("body", [bytes(12), struct.pack("<IIIII", 0, 0, 0, 1000, 1000) + bytes(8)])
def test_a_packet_that_announces_more_than_its_block_has_is_damage(body: bytes) -> None:
    """Nothing is read beyond the block."""
    with pytest.raises(BrokenRecord, match="damaged at byte 77"):
        blocks.packet_of(Block(blocks.PACKET, body, 77, "<"))


@given(st.lists(st.tuples(st.integers(1, 65535), st.binary(max_size=30)), max_size=5, unique_by=lambda pair: pair[0]))
def test_options_give_back_what_was_written(pairs: list[tuple[int, bytes]]) -> None:
    """Padded and ended."""
    body = b"".join(blocks.option(code, value) for code, value in pairs) + blocks.option(0, b"")
    assert blocks.options_of(body, 0, "<") == dict(pairs)


def test_a_cut_options_list_gives_the_options_before_the_cut() -> None:
    """What is damaged in a comment costs the comment."""
    body = blocks.option(1, b"fine") + struct.pack("<HH", 2, 500)
    assert blocks.options_of(body, 0, "<") == {1: b"fine"}


@pytest.mark.parametrize(("source", "destination", "kinds"), [
    (("10.0.0.1", 5), ("10.0.0.2", 1883), {20, 21}),
    (("fe80::1%eth0", 5), ("::1", 1883), {22, 23}),
    (("10.0.0.1", 5), ("::1", 1883), {22, 23}),
    (("pump-7", 5), ("broker.example", 1883), {20, 21}),
])  # fmt: skip
def test_tags_name_both_ends_in_one_family(
    source: tuple[str, int],
    destination: tuple[str, int],
    kinds: set[int],
    tag_codes: Callable[[bytes], list[int]],
) -> None:
    """Wireshark keeps conversations apart by address family, so a mixed pair becomes IPv6."""
    head = tags("mqtt", source, destination)
    assert dissector_of(head + b"\xc0\0") == ("mqtt", len(head))
    assert kinds | {12, 24, 25, 26, 0} == set(tag_codes(head))


@given(st.binary(max_size=60))
def test_arbitrary_tags_name_a_dissector_or_are_refused(data: bytes) -> None:
    """Never an error of another kind."""
    try:
        name, at = dissector_of(data)
    except RecordingError:
        return
    assert at <= len(data)
    assert isinstance(name, str)
