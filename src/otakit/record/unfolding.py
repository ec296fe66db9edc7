"""Blocks of a recording back to entries: the mirror of `record.scribe`.

Knows what a recording's comments and interfaces mean and joins a long packet with its continuations;
refuses to know files. Blocks and dissectors that it does not know are passed over, so a file that
Wireshark saved again, or added to, still reads. Called by `record.reader`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.errors import BrokenRecord, RecordingError, UnknownFormat
from otakit.protocol.messages import Direction
from otakit.record import blocks
from otakit.record.blocks import Block, PacketBlock
from otakit.record.scribe import NOWHERE
from otakit.record.upper_pdu import dissector_of

_LINK_TYPES = {0: "loopback", 1: "Ethernet", 101: "raw IP", 113: "Linux cooked", 147: "user-defined"}
MAX_INT64 = 2**63
_KNOWN_HEADS = 8  # tags are the same for every packet of a connection and direction


@dataclass(slots=True)
class _Interface:
    connection: int | None
    ticks_per_s: int
    offset_s: int
    heads: list[tuple[bytes, str]] = field(default_factory=list)

    def at_ns(self, stamp: int) -> int:
        if self.ticks_per_s == 1_000_000_000:
            return stamp + self.offset_s * 1_000_000_000
        return stamp * 1_000_000_000 // self.ticks_per_s + self.offset_s * 1_000_000_000

    def dissector(self, data: bytes) -> tuple[str, int]:
        for head, name in self.heads:
            if data.startswith(head):
                return name, len(head)
        name, at = dissector_of(data)
        if len(self.heads) < _KNOWN_HEADS:
            self.heads.append((data[:at], name))
        return name, at


@dataclass(slots=True)
class _Long:
    """A packet whose continuations are still to come."""

    packet: CapturedPacket
    missing: int
    parts: list[bytes]


class Unfolding:
    """Gives the entries of blocks, in their order.

    Attributes:
        metadata: what the section says of the recording; empty before its first block.
        outcome: what the recorder said at its end; None before that.
        packets: how many were given out.
    """

    def __init__(self) -> None:
        self.metadata: Mapping[str, Any] = {}
        self.outcome: Mapping[str, Any] | None = None
        self.packets = 0
        self._interfaces: list[_Interface] = []
        self._opened: dict[int, OpenedConnection] = {}
        self._long: _Long | None = None

    @property
    def unfinished(self) -> CapturedPacket | None:
        """A long packet of which some blocks are missing yet."""
        return None if self._long is None else self._long.packet

    def entries(self, block: Block) -> Iterator[Entry]:
        """What one block says.

        Raises:
            BrokenRecord: the block contradicts itself.
            UnknownFormat: it belongs to a capture of another kind.
        """
        if block.kind == blocks.PACKET:
            yield from self._packet(block)
        elif block.kind == blocks.INTERFACE:
            yield from self._interface(block)
        elif block.kind == blocks.SECTION:
            self._interfaces = []
            said = _object(blocks.options_of(block.body, 16, block.order).get(blocks.COMMENT, b""))
            self.metadata = self.metadata or said

    def _interface(self, block: Block) -> Iterator[Entry]:
        if len(block.body) < 8:
            raise _broken(block, "an interface block without its fields")
        (link_type,) = struct.unpack_from(block.order + "H", block.body)
        options = blocks.options_of(block.body, 8, block.order)
        said = _object(options.get(blocks.COMMENT, b""))
        if link_type != blocks.UPPER_PDU or not ("connection" in said or said.get("interface") == "notes"):
            raise UnknownFormat(_foreign(link_type))
        resolution, offset = options.get(blocks.RESOLUTION, b"\x06"), options.get(blocks.TIME_OFFSET, b"")
        number = said.get("connection")
        number = number if isinstance(number, int) else None
        shift = struct.unpack(block.order + "q", offset)[0] if len(offset) == 8 else 0
        self._interfaces.append(_Interface(number, _ticks(resolution), shift))
        if number is not None:
            opened = OpenedConnection(number, _address(said.get("client")), _address(said.get("server")))
            self._opened[number] = opened
            yield opened

    def _packet(self, block: Block) -> Iterator[Entry]:
        found = blocks.packet_of(block)
        if found.interface >= len(self._interfaces):
            raise _broken(block, f"a packet of interface {found.interface}, which was not described")
        interface = self._interfaces[found.interface]
        try:
            dissector, at = interface.dissector(found.data)
        except RecordingError as error:
            raise _broken(block, str(error)) from error
        if not 0 <= interface.at_ns(found.stamp) < MAX_INT64:
            raise _broken(block, "a time beyond the year 2262, the last that 64 bits of nanoseconds hold")
        said = _object(found.comment) if found.comment else {}
        if dissector == "data" and self._long is not None and said.get("continues packet") == self._long.packet.number:
            yield from self._continued(found.data[at:])
            return
        if self._long is not None:  # someone took its continuations out of the file
            yield self._finished(self._long)
        if dissector == "mqtt" and interface.connection is not None:
            yield from self._mqtt(interface, found, at, said)
        elif dissector == "json":
            yield from self._said(interface, found, at)

    def _mqtt(self, interface: _Interface, found: PacketBlock, at: int, said: dict[str, Any]) -> Iterator[Entry]:
        connection = interface.connection
        assert connection is not None
        if isinstance(key := said.get("device_key"), str):
            old = self._opened[connection]
            self._opened[connection] = new = OpenedConnection(connection, old.client, old.server, key)
            yield new
        more = said.pop("continued_in", 0)
        packet = CapturedPacket(
            found.packet_id if 0 < found.packet_id < MAX_INT64 else self.packets + 1,
            interface.at_ns(found.stamp),
            connection,
            Direction.TO_DEVICE if found.flags == blocks.INBOUND else Direction.TO_SERVER,
            found.data[at:],
            max(found.length - at, 0),
            said,
        )
        if isinstance(more, int) and more > 0:
            self._long = _Long(packet, more, [packet.raw])
            return
        self.packets += 1
        yield packet

    def _continued(self, part: bytes) -> Iterator[Entry]:
        assert self._long is not None
        self._long.parts.append(part)
        self._long.missing -= 1
        if not self._long.missing:
            yield self._finished(self._long)

    def _finished(self, long: _Long) -> CapturedPacket:
        self._long = None
        self.packets += 1
        head = long.packet
        return CapturedPacket(
            head.number, head.at_ns, head.connection, head.direction, b"".join(long.parts), head.length, head.marks
        )

    def _said(self, interface: _Interface, found: PacketBlock, at: int) -> Iterator[Entry]:
        said = _object(found.data[at:])
        name, fields, about = said.get("note"), said.get("fields"), said.get("about")
        if isinstance(name, str) and isinstance(fields, dict):
            about = about if isinstance(about, int) else None
            number = said.get("connection")
            number = number if isinstance(number, int) else None
            yield Note(name, interface.at_ns(found.stamp), fields, number, about)
        elif isinstance(said.get("outcome"), dict):
            self.outcome = said["outcome"]


def _object(text: bytes) -> dict[str, Any]:
    """A JSON object; anything else, such as a comment that a person wrote, says nothing."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _address(value: object) -> tuple[str, int]:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int):
        return value[0], value[1]
    return NOWHERE


def _ticks(resolution: bytes) -> int:
    """Ticks a second of if_tsresol: a power of ten, or of two when the high bit is set."""
    value = resolution[0] if resolution else 6
    return int(2 ** (value & 0x7F) if value & 0x80 else 10 ** (value & 0x7F))


def _foreign(link_type: int) -> str:
    if link_type == blocks.UPPER_PDU:
        return "expected a recording of otakit; these are upper PDUs exported by another program, not read yet"
    kind = f"link type {link_type}" + (f", {_LINK_TYPES[link_type]}" if link_type in _LINK_TYPES else "")
    return (
        f"expected a recording of otakit (link type {blocks.UPPER_PDU}), found a packet capture ({kind});"
        " captures of other tools are not read yet, open it in Wireshark"
    )


def _broken(block: Block, what: str) -> BrokenRecord:
    return BrokenRecord(f"damaged at byte {block.offset}: {what}", block.offset)
