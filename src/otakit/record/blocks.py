"""pcapng blocks: values to bytes and back (draft-ietf-opsawg-pcapng).

Knows the framing of blocks and options and the four block types that a recording uses; refuses to
know MQTT, files and what a comment means. `Cutter` is fed with slices of any size and gives whole
blocks, in either byte order. Called by `record.scribe` (writing) and `record.reader` (reading).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from otakit.errors import BrokenRecord

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
MAGIC = struct.pack("<I", SECTION)
UPPER_PDU = 252  # LINKTYPE_WIRESHARK_UPPER_PDU
SNAP = 262_144  # Wireshark refuses to read on behind a larger packet (WTAP_MAX_PACKET_SIZE_STANDARD)
MAX_BLOCK = 16 * 1024 * 1024  # larger is no block but damage; far above what SNAP and options allow
ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
COMMENT, USER_APPLICATION, FLAGS, PACKET_ID, RESOLUTION = 1, 4, 2, 5, 9
NAME, DESCRIPTION, TIME_OFFSET = 2, 3, 14  # options of an interface block
INBOUND, OUTBOUND = 1, 2
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")


@dataclass(frozen=True, slots=True)
class Block:
    """One whole block.

    Attributes:
        body: what stands between the two lengths.
        offset: where the block begins in the file.
        order: ``<`` or ``>`` for `struct`, as its section says.
    """

    kind: int
    body: bytes
    offset: int
    order: str


@dataclass(frozen=True, slots=True)
class PacketBlock:
    """What an Enhanced Packet Block holds.

    Attributes:
        stamp: in units of the interface's resolution.
        data: the bytes captured.
        length: bytes there were on the wire.
        flags: `INBOUND`, `OUTBOUND` or 0 for unknown.
        packet_id: 0 when the block has none, or is no MQTT packet.
    """

    interface: int
    stamp: int
    data: bytes
    length: int
    flags: int
    packet_id: int
    comment: bytes


def option(code: int, value: bytes) -> bytes:
    """One option, padded to four bytes."""
    return struct.pack("<HH", code, len(value)) + value + _PAD[len(value) % 4]


def block(kind: int, body: bytes) -> bytes:
    """One block around a body that is padded already."""
    total = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + total + body + total


def section_block(comment: bytes, application: str) -> bytes:
    """The Section Header Block that opens a file; its own length is left open (-1)."""
    options = option(USER_APPLICATION, application.encode()) + option(COMMENT, comment) + option(0, b"")
    return block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options)


def interface_block(name: str, description: str, comment: bytes) -> bytes:
    """An Interface Description Block: upper PDUs, nanoseconds."""
    options = option(NAME, name.encode()) + option(DESCRIPTION, description.encode()[:1000])
    options += option(RESOLUTION, b"\x09") + option(COMMENT, comment) + option(0, b"")
    return block(INTERFACE, struct.pack("<HHI", UPPER_PDU, 0, SNAP) + options)


_PACKET_HEAD = struct.Struct("<IIIIIII")
_LENGTH = struct.Struct("<I")
# what stands behind the data of nearly every packet, by its length modulo 4: padding, flags, number, end, length
_PACKET_TAIL = tuple(struct.Struct(f"<{len(pad)}xHHIHHQII") for pad in _PAD)


def packet_block(
    interface: int, at_ns: int, tags: bytes, data: bytes, length: int, flags: int, number: int, comment: bytes = b""
) -> list[bytes]:
    """An Enhanced Packet Block in parts to be joined, so that a large packet is copied only once.

    `tags` stand before the data and count as captured, too; `length` is that of the data on the wire;
    `number` becomes epb_packetid.
    """
    before = len(tags)
    captured = before + len(data)
    if comment:
        options = struct.pack("<HHIHHQ", FLAGS, 4, flags, PACKET_ID, 8, number) + option(COMMENT, comment)
        padded = _PAD[captured % 4] + options + b"\0\0\0\0"
        total = 32 + captured + len(padded)
        tail = padded + _LENGTH.pack(total)
    else:
        form = _PACKET_TAIL[captured % 4]
        total = 28 + captured + form.size
        tail = form.pack(FLAGS, 4, flags, PACKET_ID, 8, number, 0, total)
    head = _PACKET_HEAD.pack(
        PACKET, total, interface, at_ns >> 32 & 0xFFFFFFFF, at_ns & 0xFFFFFFFF, captured, before + length
    )
    return [head, tags, data, tail]


class Cutter:
    """Cuts a growing file into whole blocks.

    Attributes:
        offset: where in the file the first byte not given out stands.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._order = "<"
        self.offset = 0

    @property
    def pending(self) -> int:
        """Bytes held that are not a whole block yet."""
        return len(self._buffer)

    @property
    def expected(self) -> int | None:
        """Bytes that the block at `offset` will have; None while its own length is not there."""
        return self._total(0)

    def feed(self, data: bytes) -> Iterator[Block]:
        """The blocks that are whole now.

        Raises:
            BrokenRecord: what stands at `offset` is no block; all before it were given.
        """
        self._buffer += data
        at = 0
        try:
            while (total := self._total(at)) is not None and at + total <= len(self._buffer):
                found = self._block(at, total)
                at, self.offset = at + total, self.offset + total
                yield found
        finally:
            self._buffer = self._buffer[at:]

    def _total(self, at: int) -> int | None:
        held = len(self._buffer) - at
        if held >= 4 and self._buffer.startswith(MAGIC, at):
            if held < 12:
                return None
            magic = self._buffer[at + 8 : at + 12]
            if magic not in ORDERS:
                raise self._broken(f"byte-order magic {magic.hex()} is neither of the two there are")
            self._order = ORDERS[magic]
        if held < 8:
            return None
        total = int(struct.unpack_from(self._order + "I", self._buffer, at + 4)[0])
        if total < 12 or total % 4 or total > MAX_BLOCK:
            raise self._broken(f"a block of {total} bytes cannot be")
        return total

    def _block(self, at: int, total: int) -> Block:
        kind, _ = struct.unpack_from(self._order + "II", self._buffer, at)
        (again,) = struct.unpack_from(self._order + "I", self._buffer, at + total - 4)
        if again != total:
            raise self._broken(f"a block says {total} bytes at its front and {again} at its end")
        return Block(kind, self._buffer[at + 8 : at + total - 4], self.offset, self._order)

    def _broken(self, what: str) -> BrokenRecord:
        return BrokenRecord(f"damaged at byte {self.offset}: {what}", self.offset)


def options_of(body: bytes, at: int, order: str) -> dict[int, bytes]:
    """The options from `at` on, the last of each code; what is damaged among them is left out."""
    found: dict[int, bytes] = {}
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if not code or at + 4 + length > len(body):
            break
        found[code] = body[at + 4 : at + 4 + length]
        at += 4 + length + (-length % 4)
    return found


@lru_cache(maxsize=4)
def _layouts(order: str) -> tuple[struct.Struct, struct.Struct]:
    return struct.Struct(order + "IIIII"), struct.Struct(order + "HHIHHQI")


def packet_of(found: Block) -> PacketBlock:
    """Reads an Enhanced Packet Block.

    Raises:
        BrokenRecord: it announces more bytes than it has.
    """
    head, usual = _layouts(found.order)
    body = found.body
    if len(body) < head.size:
        raise BrokenRecord(f"damaged at byte {found.offset}: a packet block without its header", found.offset)
    interface, high, low, captured, length = head.unpack_from(body)
    at = head.size + captured + (-captured % 4)
    if at > len(body):
        raise BrokenRecord(
            f"damaged at byte {found.offset}: a packet of {captured} bytes in a block of {len(body)}", found.offset
        )
    data, stamp = body[head.size : head.size + captured], high << 32 | low
    if len(body) - at == usual.size:
        one, _, flags, two, _, number, end = usual.unpack_from(body, at)
        if (one, two, end) == (FLAGS, PACKET_ID, 0):
            return PacketBlock(interface, stamp, data, length, flags & 3, number, b"")
    options = options_of(body, at, found.order)
    flags, number = options.get(FLAGS, b""), options.get(PACKET_ID, b"")
    return PacketBlock(
        interface,
        stamp,
        data,
        length,
        struct.unpack(found.order + "I", flags)[0] & 3 if len(flags) == 4 else 0,
        struct.unpack(found.order + "Q", number)[0] if len(number) == 8 else 0,
        options.get(COMMENT, b""),
    )
