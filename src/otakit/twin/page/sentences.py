"""The last exchanges of a device as the page says them: ``ChunkRequest 17 → ChunkResponse 4,096 bytes in 3.1 ms``.

Knows words only; what answers what is decided by `otakit.exchange`, as for every recording. No secret is
in a line: tokens and passwords are never decoded, provisioning is not quoted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from otakit.captured import CapturedPacket, Entry, Note
from otakit.errors import RemoteProtocolError
from otakit.exchange import DecodedPacket, Exchange, Exchanges, said, size
from otakit.exchange.question import ACKNOWLEDGEMENTS, QUESTION_OF
from otakit.protocol.messages import TABLE
from otakit.protocol.mqtt import header_length
from otakit.protocol.packets import PacketType

Json = dict[str, object]
ROWS = 80
"""Exchanges shown of a device."""
LINE = 160
_ANSWERS = ACKNOWLEDGEMENTS | set(QUESTION_OF)
_QUIET = frozenset({"/provision/request", "/provision/response"})
MILLISECOND = 1_000_000


def rows_of(entries: Iterable[Entry], open_connections: Collection[int], most: int = ROWS) -> list[Json]:
    """The last exchanges and notes, oldest first.

    Args:
        entries: what was heard; its beginning may be cut off, so answers without a question are left out.
        open_connections: numbers of those that are not over.
        most: how many at most.
    """
    exchanges, notes, nameless, last_ns = Exchanges(), list[Note](), set[int](), 0
    for entry in entries:
        if isinstance(entry, CapturedPacket):
            last_ns = max(last_ns, entry.at_ns)
            if _is_nameless(entry.raw):
                nameless.add(entry.number)
        if isinstance(entry, Note):
            notes.append(entry)
        exchanges.feed(entry)
    for number in [number for number in exchanges.connections if number not in open_connections]:
        exchanges.feed(Note("connection_lost", last_ns, {"reason": "closed"}, number))
    rows = [row_of(each, nameless) for each in exchanges.exchanges if each.name not in _ANSWERS]
    rows += [note_row(note) for note in notes]
    rows.sort(key=_place)
    return rows[-most:]


def row_of(exchange: Exchange, nameless: Collection[int] = ()) -> Json:
    """One exchange: what was asked, what came back, how long that took; `nameless` are CONNECTs without a user name."""
    question, answer = exchange.question, exchange.answered
    if answer is None and exchange.expects and exchange.acknowledged is not None:
        answer = exchange.acknowledged  # as far as it came
    took_ns = None if answer is None else answer.at_ns - question.at_ns
    return {
        "n": question.number,
        "at": question.at_ns // MILLISECOND,
        "from": "device" if question.to_server else "server",
        "asks": exchange.name,
        "about": _about(question, nameless),
        "hears": None if answer is None else answer.message or answer.type,
        "brings": "" if answer is None else _about(answer),
        "took": None if took_ns is None else round(took_ns / MILLISECOND, 3),
        "outcome": exchange.outcome,
        "again": exchange.attempt,
        "means": _means(question) if answer is None else f"{_means(question)} → {_means(answer)}",
    }


def note_row(note: Note) -> Json:
    """What the twin did on purpose, between the packets."""
    fields = ", ".join(f"{name} {value}" for name, value in note.fields.items())
    return {
        "n": (note.about or 0) + 0.5,
        "at": note.at_ns // MILLISECOND,
        "from": "server",
        "asks": note.name,
        "about": clipped(fields),
        "hears": None,
        "brings": "",
        "took": None,
        "outcome": "NOTE",
        "again": 1,
        "means": "what the twin did on purpose",
    }


def clipped(text: str, most: int = LINE) -> str:
    """The text, cut with an ellipsis where it is too long."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _is_nameless(raw: bytes) -> bool:
    """Whether it is a CONNECT whose flags announce no user name (section 3.1.2.3)."""
    if raw[0] >> 4 != PacketType.CONNECT or len(raw) < 2:
        return False
    try:
        at = header_length(raw)
    except RemoteProtocolError:
        return True
    flags = at + 3 + int.from_bytes(raw[at : at + 2], "big")
    return flags >= len(raw) or not raw[flags] & 0x80


def _place(row: Json) -> float:
    number = row["n"]
    assert isinstance(number, int | float)
    return number


def _about(packet: DecodedPacket, nameless: Collection[int] = ()) -> str:
    """What stands behind a message's name."""
    kind = "" if packet.kind in (None, "firmware") else f", {packet.kind}"
    match packet.message:
        case "ChunkRequest":
            asked = getattr(packet.says, "size", None)
            return f"{packet.index}{kind}" + ("" if asked is None else f", {size(asked)}")
        case "ChunkResponse":
            return size(packet.payload_bytes) + kind
        case "PubAck" | "PubRec" | "PubComp":
            return "" if packet.reason in (None, "0x00") else str(packet.reason)
        case "PingReq" | "PingResp":
            return ""
    if packet.message == "Connect" and packet.number in nameless:
        return "without a user name"  # then the client id is the credential
    if packet.topic in _QUIET:
        return f"{packet.topic}, {size(packet.payload_bytes)}"
    if packet.message == "OtherPublish":
        return clipped(f"{packet.topic} {said(packet)}")
    return clipped(said(packet))


def _means(packet: DecodedPacket) -> str:
    row = TABLE.get(packet.message or "")
    return row.sentence if row else "malformed"
