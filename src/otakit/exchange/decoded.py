"""Captured packets → what each of them says: type, message, ids, codes, the payload's measures.

Knows one packet at a time, and of a connection only the MQTT version and MQTT 5's topic aliases;
refuses to know what answers what. Never raises: of a malformed packet it gives the type and no more.
Keeps of a payload its length, its first bytes and its SHA-256, never an image. Called by `exchange`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from otakit.captured import CapturedPacket
from otakit.errors import RemoteProtocolError
from otakit.protocol import messages as m
from otakit.protocol import mqtt
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind, Message
from otakit.protocol.packets import Packet, PacketType, Version
from otakit.protocol.properties import Cursor, read

HEAD_BYTES = 32
TEXT_CHARACTERS = 1_000
_TYPES = {kind.value: kind.name for kind in PacketType} | {0: "RESERVED"}
_CHUNK_TOPIC = re.compile(r"v2/(?:fw|sw)/(?:request|response)/(\d{1,18})/chunk/(\d{1,18})", re.ASCII)
_PREFIXES = {Kind.FIRMWARE: ("fw_", "current_fw_"), Kind.SOFTWARE: ("sw_", "current_sw_")}


@dataclass(slots=True, eq=False)
class DecodedPacket:
    """One row of the frame ``packets``; the fields are its columns (`columns.COLUMNS`).

    Attributes:
        at_ns: UTC, nanoseconds since the epoch.
        says: the message of a PUBLISH or the packet itself; None for a chunk, an unknown topic and
            what is malformed.
        repeated: it stands in the file only to make the rest readable, and did not pass at this time.
        device_key: the key that the recording's mark gives for its connection.
    """

    number: int
    at_ns: int
    connection: int
    direction: Direction
    type: str
    length: int
    message: str | None = None
    kind: str | None = None
    topic: str | None = None
    qos: int | None = None
    packet_id: int | None = None
    dup: bool | None = None
    retain: bool | None = None
    request_id: int | None = None
    index: int | None = None
    reason: str | None = None
    payload_bytes: int = 0
    payload_head: bytes = b""
    payload_sha256: str | None = None
    text: str | None = None
    says: Message | Packet | None = None
    repeated: bool = False
    device_key: str | None = None

    @property
    def to_server(self) -> bool:
        """Whether the device sent it."""
        return self.direction is Direction.TO_SERVER


class Decoder:
    """Decodes the packets of any number of connections in the order in which they passed."""

    def __init__(self) -> None:
        self._versions: dict[int, Version] = {}
        self._aliases: dict[tuple[int, Direction, int], str] = {}

    def decode(self, captured: CapturedPacket) -> DecodedPacket:
        """What `captured` says."""
        raw = captured.raw
        kind = raw[0] >> 4 if raw else 0
        row = DecodedPacket(
            captured.number, captured.at_ns, captured.connection, captured.direction, _TYPES[kind], captured.length
        )
        if captured.marks:
            row.repeated = bool(captured.marks.get("repeated"))
            key = captured.marks.get("device_key")
            row.device_key = key if isinstance(key, str) else None
        try:
            if kind == PacketType.PUBLISH:
                self._publish(row, captured)
            elif kind:
                self._other(row, raw)
        except (RemoteProtocolError, UnicodeDecodeError, IndexError):
            return DecodedPacket(row.number, row.at_ns, row.connection, row.direction, row.type, row.length)
        return row

    def _publish(self, row: DecodedPacket, captured: CapturedPacket) -> None:
        """Reads a PUBLISH (section 3.3) without copying its payload more than once: most packets are chunks."""
        raw, flags = captured.raw, captured.raw[0]
        at = _body_start(raw, captured.length)
        end = at + 2 + (raw[at] << 8 | raw[at + 1])
        name, at = raw[at + 2 : end], end
        qos = flags >> 1 & 3
        if qos == 3 or 0 in name:
            raise RemoteProtocolError("PUBLISH: QoS 3 or a null character in the topic")
        if qos:
            row.packet_id, at = raw[at] << 8 | raw[at + 1], at + 2
        topic = name.decode()
        if self._versions.get(row.connection) is Version.MQTT_5:
            topic, at = self._behind_properties(row, raw, at, topic)
        if at > len(raw):
            raise RemoteProtocolError("PUBLISH: cut before its payload")
        row.topic, row.qos, row.dup, row.retain = topic, qos, bool(flags & 8), bool(flags & 1)
        _measure(row, captured, at)

    def _behind_properties(self, row: DecodedPacket, raw: bytes, at: int, topic: str) -> tuple[str, int]:
        """The topic, also where an alias stands for it (MQTT 5, section 3.3.2.3.4), and where the payload begins."""
        if raw[at] == 0:
            return topic, at + 1
        cursor = Cursor(raw, at)
        alias = dict(read(cursor)).get("topic_alias")
        if isinstance(alias, int):
            key = (row.connection, row.direction, alias)
            if topic:
                self._aliases[key] = topic
            topic = self._aliases.get(key, topic)
        return topic, cursor.at

    def _other(self, row: DecodedPacket, raw: bytes) -> None:
        packet = mqtt.decode(raw, self._versions.get(row.connection, Version.MQTT_3_1_1))
        row.says, row.message = packet, m.row_of(packet, row.direction).name
        five = self._versions.get(row.connection) is Version.MQTT_5
        match packet:
            case p.Connect():
                self._versions[row.connection] = packet.version
                row.says = p.Connect(packet.client_id, packet.version, packet.clean_start, packet.keep_alive_s)
            case p.ConnAck():
                row.reason = _hex(packet.reason_code)
            case p.Subscribe():
                row.packet_id, row.topic = packet.packet_id, ",".join(name for name, _ in packet.filters)
            case p.Unsubscribe():
                row.packet_id, row.topic = packet.packet_id, ",".join(packet.filters)
            case p.SubAck() | p.UnsubAck():
                row.packet_id, row.reason = packet.packet_id, _hex(*packet.reason_codes)
            case p.PubAck() | p.PubRec() | p.PubRel() | p.PubComp():
                row.packet_id, row.reason = packet.packet_id, _hex(packet.reason_code) if five else None
            case p.Disconnect() | p.Auth():
                row.reason = _hex(packet.reason_code) if five else None
            case _:
                pass


def _body_start(raw: bytes, length: int) -> int:
    """Where the fixed header ends; its remaining length must agree with the packet's (section 2.1.4)."""
    remaining, shift, at = 0, 0, 1
    while True:
        byte = raw[at]
        at += 1
        remaining |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    if at > 5 or at + remaining != length:
        raise RemoteProtocolError(f"remaining length says {remaining}, the packet has {length - at}")
    return at


def _measure(row: DecodedPacket, captured: CapturedPacket, at: int) -> None:
    """Fills in what the payload is and says."""
    payload = captured.raw[at:]
    row.payload_bytes = captured.length - at
    row.payload_head = payload[:HEAD_BYTES]
    if row.payload_bytes:
        row.payload_sha256 = _sha256(captured, payload)
    topic = row.topic or ""
    message = m.message_of(topic, payload, row.direction)
    row.message = message.row
    if isinstance(message, m.ChunkResponse):
        row.kind, row.request_id, row.index = message.kind.word, message.request_id, message.index
        return
    if row.payload_bytes:
        row.text = _text(payload, whole=len(payload) == row.payload_bytes)
    if isinstance(message, m.OtherPublish):
        if found := _CHUNK_TOPIC.fullmatch(topic):  # asked in a way that the server does not take
            row.request_id, row.index = int(found[1]), int(found[2])
        return
    row.says = message
    row.request_id = getattr(message, "request_id", None)
    row.index = getattr(message, "index", None)
    row.kind = _kind(message)


def _sha256(captured: CapturedPacket, payload: bytes) -> str | None:
    mark = captured.marks.get("payload_sha256")
    if isinstance(mark, str):
        return mark
    return hashlib.sha256(payload).hexdigest() if len(captured.raw) == captured.length else None


def _text(payload: bytes, *, whole: bool) -> str | None:
    """The payload as text; None for what is none."""
    try:
        return payload.decode()[:TEXT_CHARACTERS]
    except UnicodeDecodeError:
        return None if whole else payload.decode(errors="replace")[:TEXT_CHARACTERS]


def _kind(message: Message) -> str | None:
    """The kind that a message belongs to; None for one that names both or neither."""
    if isinstance(message, m.ChunkRequest):
        return message.kind.word
    names = _names(message)
    found = [kind.word for kind, prefixes in _PREFIXES.items() if any(name.startswith(prefixes) for name in names)]
    return found[0] if len(found) == 1 else None


def _names(message: Message) -> list[str]:
    """The keys that a message carries or asks for."""
    if isinstance(message, m.AttributesRequest):
        return [*message.shared, *message.client]
    if isinstance(message, m.Telemetry):
        return list(message.values)
    body = getattr(message, "body", None)
    if not isinstance(body, dict):
        return []
    inner = [part for part in (body.get("shared"), body.get("client")) if isinstance(part, dict)]
    deleted = body.get("deleted")
    names = [*body, *(name for part in inner for name in part)]
    return names + ([name for name in deleted if isinstance(name, str)] if isinstance(deleted, list) else [])


def _hex(*codes: int) -> str | None:
    return ",".join(f"0x{code:02X}" for code in codes) or None


def clean(value: object) -> str:
    """A value from someone else's JSON as a text that every table and file takes: bounded, valid Unicode."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:TEXT_CHARACTERS].encode(errors="replace").decode()
