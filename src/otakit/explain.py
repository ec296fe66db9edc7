"""A packet byte by byte: which field each byte belongs to, its value, and what it means.

Knows the order of fields only through the decoder itself: a cursor that remembers what was read from
where. Refuses to know who shows it. Every byte of any input stands in exactly one field, also of what is
malformed or cut; secrets are overwritten. Called by the stepping lessons.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from otakit.errors import RemoteProtocolError
from otakit.meanings import SECRET, type_byte, words_of
from otakit.protocol.decode import READERS
from otakit.protocol.framing import packet_type
from otakit.protocol.messages import Direction
from otakit.protocol.packets import PacketType, Version
from otakit.protocol.properties import KINDS, WIDTHS, Cursor


@dataclass(frozen=True, slots=True)
class Field:
    """Some bytes of a packet.

    Attributes:
        offset: of the first byte, from the packet's beginning.
        raw: the bytes; asterisks in place of a secret.
        name: as the specification calls them.
        value: what they say, for people.
        meaning: one sentence.
    """

    offset: int
    raw: bytes
    name: str
    value: str = ""
    meaning: str = ""

    @property
    def end(self) -> int:
        """Offset just behind the field."""
        return self.offset + len(self.raw)


def explain(raw: bytes, direction: Direction, version: Version = Version.MQTT_3_1_1) -> list[Field]:
    """The fields of one packet in order; together they are all its bytes.

    Args:
        raw: one packet with its fixed header; what cannot be read becomes a field that says why.
        direction: who said it.
        version: what the connection's CONNECT said.
    """
    trace, trouble = _Trace(raw, min(1, len(raw))), ""
    try:
        kind = packet_type(raw)
        length = trace.varint("remaining length")
        trace.end = min(len(raw), trace.at + length)
        READERS[kind](trace, raw[0] & 0x0F, version)
        if trace.at < len(raw):
            trouble = f"{len(raw) - trace.at} bytes that belong to no field"
    except RemoteProtocolError as error:
        kind, trouble = None, str(error)
    found = [Field(0, raw[:1], "packet type and flags", *type_byte(raw[0]))] if raw else []
    found += _with_properties(trace.found, raw)
    done = found[-1].end if found else 0
    if done < len(raw):
        found.append(Field(done, raw[done:], "not understood", f"{len(raw) - done} bytes", trouble or "cut"))
    return _with_words(found, kind, direction, version)


class _Trace(Cursor):
    """A cursor that keeps each field it was asked for."""

    def __init__(self, data: bytes, at: int, end: int | None = None) -> None:
        super().__init__(data, at, end)
        self.found: list[Field] = []

    def take(self, count: int, what: str) -> bytes:
        start, piece = self.at, super().take(count, what)
        if piece:
            self.found.append(Field(start, piece, what))
        return piece

    def number(self, width: int, what: str) -> int:
        value = super().number(width, what)
        self.found[-1] = replace(self.found[-1], value=str(value))
        return value

    def varint(self, what: str) -> int:
        start, kept = self.at, len(self.found)
        value = super().varint(what)
        self.found[kept:] = [Field(start, bytes(self.data[start : self.at]), what, str(value))]
        return value

    def binary(self, what: str) -> bytes:
        return self.take(self.number(2, f"length of {what}"), what)

    def text(self, what: str) -> str:
        kept = len(self.found)
        value = super().text(what)
        if len(self.found) > kept + 1:
            self.found[-1] = replace(self.found[-1], value=value)
        return value


def _with_properties(found: list[Field], raw: bytes) -> list[Field]:
    """Fills the holes: the decoder reads a block of properties with a cursor of its own."""
    whole: list[Field] = []
    for field in found:
        if whole and whole[-1].end < field.offset:
            whole += _properties(raw, whole[-1].end, field.offset)
        whole.append(field)
    if whole and whole[-1].name == "property length":
        whole += _properties(raw, whole[-1].end, min(len(raw), whole[-1].end + int(whole[-1].value)))
    return whole


def _properties(raw: bytes, at: int, end: int) -> list[Field]:
    trace = _Trace(raw, at, end)
    try:
        while trace.at < end:
            identifier = trace.varint("property identifier")
            name, kind = KINDS[identifier]
            trace.found[-1] = replace(trace.found[-1], value=name)
            _property_value(trace, name, kind)
    except (RemoteProtocolError, KeyError):
        pass  # what is left becomes "not understood"
    return trace.found


def _property_value(trace: _Trace, name: str, kind: str) -> None:
    if kind in WIDTHS:
        trace.number(WIDTHS[kind], name)
    elif kind == "varint":
        trace.varint(name)
    elif kind == "binary":
        trace.binary(name)
    else:
        for _ in range(2 if kind == "pair" else 1):
            trace.text(name)


def _with_words(found: list[Field], kind: PacketType | None, direction: Direction, version: Version) -> list[Field]:
    head = 1 if found and found[0].name == "packet type and flags" else 0
    if kind in (PacketType.SUBACK, PacketType.UNSUBACK):
        found = [part for field in found for part in _codes(field)]
    known = [field for field in found[head:] if field.name != "not understood"]
    if kind is None:
        return [_masked(field) for field in found]
    words = words_of(kind, direction, version, [(field.name, field.raw, field.value) for field in known])
    said = [
        replace(field, name=name, value=value, meaning=meaning)
        for field, (name, value, meaning) in zip(known, words, strict=True)
    ]
    return [_masked(field) for field in (*found[:head], *said, *found[head + len(known) :])]


def _codes(field: Field) -> list[Field]:
    """One field for each code of a SUBACK: they stand in the order of the filters."""
    if field.name != "rest":
        return [field]
    return [
        Field(field.offset + place, bytes((code,)), "reason code", str(code)) for place, code in enumerate(field.raw)
    ]


def _masked(field: Field) -> Field:
    if field.name not in SECRET:
        return field
    return replace(field, raw=b"*" * len(field.raw), value="*" * len(field.raw))
