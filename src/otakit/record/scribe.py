"""What a watcher hears, as the blocks of a recording.

Knows the shape of a recording (design decision 1): which block each thing becomes, what its comment
says, in which order a long packet is split. Masks and trims on the way. Refuses to know files, threads
and clocks: every call gives bytes, every time is an argument. Pure; called by `record.recorder`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from otakit.captured import Address
from otakit.errors import RemoteProtocolError, SettingsError
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Connect, Version
from otakit.record import blocks
from otakit.record.keeping import is_chunk, kept_bytes, trimmed
from otakit.record.masking import device_key, masked
from otakit.record.upper_pdu import tags

FORMAT = 1
MAX_METADATA = 60_000  # bytes; Wireshark reads options of up to 65,535
MAX_FIELDS = 200_000  # bytes of a note, so that it stays one block
NOWHERE: Address = ("0.0.0.0", 0)  # noqa: S104 - an unknown address in a file, no socket
_CONNECT = range(0x10, 0x20)
_FLAGS = {Direction.TO_SERVER: blocks.OUTBOUND, Direction.TO_DEVICE: blocks.INBOUND}
_NOTES = 0  # the interface of what belongs to no connection


def as_json(value: object) -> bytes:
    """Compact JSON of anything: what JSON has no form for is written as text."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return text.encode(errors="replace")


@dataclass(slots=True)
class _Line:
    """What is known of one connection."""

    interface: int
    tags: dict[Direction, bytes]
    continued: dict[Direction, bytes]
    version: Version = Version.MQTT_3_1_1


class Scribe:
    """Writes one section of a recording, as bytes.

    Args:
        keep: how much of each chunk, see `record.keeping`.
        metadata: goes into the section's comment, beside the format and `keep`.
        key: makes device keys; None gives connections none.

    Raises:
        SettingsError: an unknown `keep`, or metadata that are too long.
    """

    def __init__(self, keep: str, metadata: Mapping[str, object], key: bytes | None) -> None:
        self._most = kept_bytes(keep)
        self._metadata = as_json({"otakit_recording": FORMAT, "keep": keep, **metadata})
        if len(self._metadata) >= MAX_METADATA:
            raise SettingsError(
                f"notes: a recording has room for {MAX_METADATA:,} bytes of metadata, these have"
                f" {len(self._metadata):,}; keep long notes in a file beside it"
            )
        self._key = key
        self._lines: dict[int, _Line] = {}
        self._json = tags("json")

    def opening(self) -> bytes:
        """What every recording begins with."""
        comment = as_json({"interface": "notes"})
        return blocks.section_block(self._metadata, "otakit") + blocks.interface_block("notes", "no packets", comment)

    def connection(self, number: int, client: Address, server: Address) -> list[bytes]:
        """A connection opens."""
        ways = {Direction.TO_SERVER: (client, server), Direction.TO_DEVICE: (server, client)}
        self._lines[number] = _Line(
            len(self._lines) + 1,
            {way: tags("mqtt", *ends) for way, ends in ways.items()},
            {way: tags("data", *ends) for way, ends in ways.items()},
        )
        comment = as_json({"connection": number, "client": list(client), "server": list(server)})
        name = f"{client[0]}:{client[1]} to {server[0]}:{server[1]}"
        return [blocks.interface_block(f"connection {number}", name, comment)]

    def packet(
        self,
        number: int,
        connection: int,
        direction: Direction,
        raw: bytes,
        at_ns: int,
        *,
        length: int | None = None,
        marks: Mapping[str, object] | None = None,
    ) -> list[bytes]:
        """A packet passed: its block and its continuations, in parts to be joined.

        Args:
            number: counts from 1.
            connection: a number given to `connection`; one that was not stands for unknown addresses.
            direction: who sent it.
            raw: its bytes, secrets included.
            at_ns: UTC, nanoseconds since the epoch.
            length: bytes on the wire, when `raw` is already cut; None: all are there.
            marks: what is known beside it; a `device_key` among them is kept.
        """
        line = self._lines.get(connection)
        if line is None:
            opening = self.connection(connection, NOWHERE, NOWHERE)
            return opening + self.packet(number, connection, direction, raw, at_ns, length=length, marks=marks)
        whole = len(raw) if length is None else length
        said = dict(marks) if marks else {}
        if is_chunk(raw, direction):
            if self._most is not None:
                raw = self._kept(line, raw, said, cut=length is not None)
        else:
            if raw[:1] and raw[0] in _CONNECT:
                self._meet(line, raw, said)
            raw = masked(raw, line.version)
        return self._blocks(line, number, direction, raw, at_ns, whole, said)

    def note(
        self, name: str, fields: Mapping[str, object], connection: int | None, about: int | None, at_ns: int
    ) -> list[bytes]:
        """Something only the recording side knows."""
        body: dict[str, object] = {"note": name, "connection": connection, "about": about, "fields": dict(fields)}
        line = self._lines.get(connection) if connection is not None else None
        return self._json_block(_NOTES if line is None else line.interface, body, "fields", at_ns)

    def outcome(self, fields: Mapping[str, object], at_ns: int) -> list[bytes]:
        """The last block: a recording without it was cut."""
        return self._json_block(_NOTES, {"outcome": dict(fields)}, "outcome", at_ns)

    def _json_block(self, interface: int, body: dict[str, object], free: str, at_ns: int) -> list[bytes]:
        text = as_json(body)
        if len(text) > MAX_FIELDS:
            text = as_json({**body, free: {"too_long": f"{len(text)} bytes were left out"}})
        return blocks.packet_block(interface, at_ns, self._json, text, len(text), 0, 0)

    def _kept(self, line: _Line, raw: bytes, said: dict[str, object], *, cut: bool) -> bytes:
        """As much of a chunk as is to be kept; of one that is cut already the digest is known, or cannot be."""
        assert self._most is not None
        kept, digest = trimmed(raw, line.version, self._most)
        if digest is not None and not cut:
            said["payload_sha256"] = digest
        return kept

    def _meet(self, line: _Line, raw: bytes, said: dict[str, object]) -> None:
        """Learns from a CONNECT what the packets after it need."""
        try:
            packet = decode(raw)
        except RemoteProtocolError:
            return
        if isinstance(packet, Connect):
            line.version = packet.version
            if self._key is not None and "device_key" not in said:
                said["device_key"] = device_key(raw, self._key)

    def _blocks(
        self,
        line: _Line,
        number: int,
        direction: Direction,
        raw: bytes,
        at_ns: int,
        length: int,
        said: dict[str, object],
    ) -> list[bytes]:
        flags, head, room = _FLAGS[direction], line.tags[direction], blocks.SNAP - len(line.tags[direction])
        if len(raw) <= room:
            comment = as_json(said) if said else b""
            return blocks.packet_block(line.interface, at_ns, head, raw, length, flags, number, comment)
        tail, parts = line.continued[direction], range(room, len(raw), blocks.SNAP - len(line.continued[direction]))
        comment = as_json({**said, "continued_in": len(parts)})
        out = blocks.packet_block(line.interface, at_ns, head, raw[:room], length, flags, number, comment)
        comment = as_json({"continues packet": number})
        for at in parts:
            part = raw[at : at + parts.step]
            out += blocks.packet_block(line.interface, at_ns, tail, part, len(part), flags, 0, comment)
        return out
