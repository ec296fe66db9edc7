"""One exchange, shown: its packets byte by byte, and the article's diagram with its arrows marked.

Knows how fields become rows of text and of HTML; refuses to know how the exchange came about. Made by
`lesson.steps`; shows itself in a notebook and as plain text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

from otakit.diagrams.plantuml import render
from otakit.diagrams.value import Diagram
from otakit.explain import Field, explain
from otakit.lesson.pointing import pointed, section_of
from otakit.protocol import messages as m
from otakit.protocol import mqtt
from otakit.protocol.messages import Direction
from otakit.protocol.packets import ConnAck, PacketType, Publish, Subscribe, Version

ROW_BYTES = 16
MOST_ROWS = 4  # hex rows of one field; a chunk has hundreds
HUES = (
    "#0072B222",
    "#E69F0022",
    "#009E7322",
    "#CC79A722",
    "#56B4E922",
)  # safe for colour-blind eyes; names stand beside
ARROWS = {Direction.TO_SERVER: "device → server", Direction.TO_DEVICE: "server → device"}
STYLE = (
    "<style>.otakit-step{font-size:13px;line-height:1.4}"
    ".otakit-step .title{font-size:1.15em;font-weight:bold}"
    ".otakit-step .wide{overflow-x:auto}"
    ".otakit-step td,.otakit-step th{text-align:left!important;vertical-align:top;padding:.15em .6em}"
    ".otakit-step td:nth-child(4){overflow-wrap:anywhere;min-width:9em}"
    ".otakit-step td:last-child{overflow-wrap:break-word;min-width:14em}"
    ".otakit-step td>code{background:none!important;padding:0!important;color:inherit}"
    ".otakit-step td>code span{white-space:nowrap}</style>"
)


@dataclass(frozen=True)
class ShownPacket:
    """A packet as a lesson shows it; no secret is in it.

    Attributes:
        number: in the recording.
        row: its row of the message table.
        fields: all its bytes, in order.
        said: topic and payload of a PUBLISH as text, of a chunk whether it has bytes; filters of a SUBSCRIBE, the
            gist of a CONNACK, empty for others.
        kind: ``firmware`` or ``software`` where it belongs to one.
    """

    number: int
    direction: Direction
    row: str
    fields: tuple[Field, ...]
    said: str = field(default="", repr=False)
    kind: str | None = None

    @property
    def length(self) -> int:
        """Bytes of the whole packet."""
        return self.fields[-1].end if self.fields else 0

    @property
    def title(self) -> str:
        """Direction, name and length in one line."""
        return f"{ARROWS[self.direction]}  {self.row}  (packet {self.number}, {self.length:,} bytes)"


def shown(number: int, direction: Direction, raw: bytes, version: Version) -> ShownPacket:
    """What a lesson shows of a packet; its secrets end here."""
    fields = tuple(explain(raw, direction, version))
    packet = mqtt.decode(raw, version)
    row = m.row_of(packet, direction).name
    if isinstance(packet, ConnAck):
        return ShownPacket(number, direction, row, fields, "refused" if packet.reason_code else "accepted")
    if isinstance(packet, Subscribe):
        return ShownPacket(number, direction, row, fields, " ".join(name for name, _ in packet.filters))
    if not isinstance(packet, Publish):
        return ShownPacket(number, direction, row, fields)
    message = m.message_of(packet.topic, packet.payload, direction)
    chunk = "whole" if packet.payload else "0 bytes"
    payload = chunk if isinstance(message, m.ChunkResponse) else packet.payload.decode(errors="replace")
    kind = getattr(message, "kind", None)
    word = kind.word if isinstance(kind, m.Kind) else _kind_in(payload)
    return ShownPacket(number, direction, row, fields, f"{packet.topic} {payload}", word)


def _kind_in(payload: str) -> str | None:
    """The one kind that a JSON payload speaks of."""
    found = [kind.word for kind in m.Kind if f'"{kind.value}_' in payload or f'"current_{kind.value}_' in payload]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class Step:
    """One exchange that was carried out.

    Attributes:
        number: of the step, from 1.
        packets: in the order in which they passed; the question first, unless the server spoke first.
    """

    number: int
    packets: tuple[ShownPacket, ...]

    @property
    def question(self) -> ShownPacket | None:
        """The device's packet that began it, else the first of the server's."""
        asked = (
            packet for packet in self.packets if packet.direction is Direction.TO_SERVER and packet.row != "PubAck"
        )
        return next(asked, next(iter(self.packets), None))

    @property
    def answer(self) -> ShownPacket | None:
        """The packet that answers with content; its acknowledgement, where that is all; None without an answer."""
        question = self.question
        if question is None:
            return None
        names = m.TABLE[question.row].answers
        answers = [packet for packet in self.packets if packet.row in names and packet is not question]
        return next((packet for packet in answers if packet.row != "PubAck"), next(iter(answers), None))

    @property
    def title(self) -> str:
        """What was asked and what came, in one line."""
        question, answer = self.question, self.answer
        if question is None:
            return f"Step {self.number}: nothing passed"
        came = f" → {answer.row}" if answer else ""
        return f"Step {self.number}: {question.row}{came}: {m.TABLE[question.row].sentence}"

    @cached_property
    def diagram(self) -> Diagram:
        """The article's diagram of this exchange, its arrows marked."""
        question, answer = self.question, self.answer
        if question is None:
            return render(pointed(section_of("", None), ("", ""), None))
        section = section_of(question.row, question.kind)
        return render(pointed(section, (question.row, question.said), (answer.row, answer.said) if answer else None))

    def __repr__(self) -> str:
        """As text: every packet, every field."""
        return "\n\n".join([self.title, *(packet_text(packet) for packet in self.packets)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """HTML with the marked diagram, and the text beside it."""
        del include, exclude  # Jupyter takes what it wants
        drawn = self.diagram
        picture = drawn.as_html(f"{drawn.title}; marked: {self.title}")
        packets = "".join(packet_html(packet) for packet in self.packets)
        caption = f"<details open><summary>{escape(drawn.title)}, this arrow marked</summary>{picture}</details>"
        # no heading: it would stand in the notebook's table of contents, out of its order
        title = f"<p class='title'>{escape(self.title)}</p>"
        html = f"{STYLE}<div class='otakit-step'>{title}{packets}{caption}</div>"
        return {"text/html": html, "text/plain": repr(self)}


def hex_rows(raw: bytes) -> list[str]:
    """Sixteen bytes a row; the middle of a long field is left out and counted."""
    rows = [raw[at : at + ROW_BYTES].hex(" ") for at in range(0, len(raw), ROW_BYTES)]
    if len(rows) <= MOST_ROWS:
        return rows
    left_out = len(raw) - (MOST_ROWS - 1) * ROW_BYTES
    return [*rows[: MOST_ROWS - 1], f"… {left_out:,} more bytes"]


def packet_text(packet: ShownPacket) -> str:
    """A packet as rows of offset, bytes, name, value and meaning."""
    lines = [packet.title]
    for part in packet.fields:
        words = " ".join(word for word in (_clipped(part.value), _note(part)) if word)
        for at, row in enumerate(hex_rows(part.raw)):
            end = f"{part.name}: {words}" if at == 0 else ""
            lines.append(f"  {part.offset + at * ROW_BYTES:5d}  {row:<47}  {end}".rstrip())
    return "\n".join(lines)


def packet_html(packet: ShownPacket) -> str:
    """The same as a table below the title."""
    return f"<p><b>{escape(packet.title)}</b></p>{packet_table(packet)}"


def packet_table(packet: ShownPacket) -> str:
    """Every byte of a packet as a table; each field has its colour and its name."""
    rows = "".join(_field_html(part, HUES[at % len(HUES)]) for at, part in enumerate(packet.fields))
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("offset", "bytes", "field", "value", "meaning"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    name = escape(f"{packet.row}, byte by byte", quote=True)
    return f"<div class='wide' role='group' aria-label='{name}' tabindex='0'>{table}</div>"


def _field_html(part: Field, hue: str) -> str:
    cells: Sequence[str] = (
        str(part.offset),
        f"<code>{'<br>'.join(map(_hex_html, hex_rows(part.raw)))}</code>",
        f"<b>{escape(part.name)}</b>",
        escape(_clipped(part.value)),
        escape(part.meaning),
    )
    return f"<tr style='background:{hue}'>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _hex_html(row: str) -> str:
    """A row in two halves, which stand under each other where the page is narrow."""
    half = len(row) if row.startswith("…") else ROW_BYTES // 2 * 3
    return " ".join(f"<span>{escape(part.strip())}</span>" for part in (row[:half], row[half:]) if part)


def _clipped(value: str) -> str:
    return value if len(value) <= 160 else f"{value[:157]}..."


def _note(part: Field) -> str:
    return f"({part.meaning})" if part.meaning else ""


def is_sign_of_life(raw: bytes) -> bool:
    """Whether a packet only keeps the connection alive: it belongs to no step."""
    return raw[0] >> 4 in (PacketType.PINGREQ, PacketType.PINGRESP)
