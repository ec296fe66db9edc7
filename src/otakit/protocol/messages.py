"""Every message of the update protocol, in one table: name, packet type, direction, topic, payload.

Knows what a packet means to ThingsBoard (`MqttTopics`, `MqttTransportHandler`) and how to write it;
refuses to know when to send it. Diagrams label their arrows with the row names of `TABLE`, frames
carry them in the column ``message``, client and twin build topics from the same rows.
Firmware and software share each row; they differ in the prefix ``fw`` or ``sw`` and in nothing else,
except that errors of both arrive on ``v2/fw/error``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from otakit.protocol import packets
from otakit.protocol.packets import Packet, PacketType


class Kind(Enum):
    """What a package updates; the value is ThingsBoard's key and topic prefix."""

    FIRMWARE = "fw"
    SOFTWARE = "sw"

    @property
    def word(self) -> str:
        """``firmware`` or ``software``."""
        return self.name.lower()


class Direction(Enum):
    """Who says it to whom. Only the first two travel over MQTT; the others stand in diagrams."""

    TO_SERVER = "to server"
    TO_DEVICE = "to device"
    OPERATOR_TO_SERVER = "operator to server"
    SERVER_TO_OPERATOR = "server to operator"
    WITHIN_DEVICE = "within device"
    WITHIN_SERVER = "within server"


TELEMETRY_TOPIC = "v1/devices/me/telemetry"
ATTRIBUTES_TOPIC = "v1/devices/me/attributes"
ATTRIBUTES_RESPONSE_FILTER = "v1/devices/me/attributes/response/+"
RPC_RESPONSE_FILTER = "v1/devices/me/rpc/response/+"


def chunk_filter(kind: Kind) -> str:
    """The only filter for chunks that ThingsBoard grants (`MqttTopics`)."""
    return f"v2/{kind.value}/response/+/chunk/+"


def error_filter(kind: Kind) -> str:
    """Where errors arrive. ThingsBoard publishes those of both kinds under the firmware's."""
    return f"v2/{kind.value}/error"


@dataclass(frozen=True, slots=True)
class NotJson:
    """A payload that should have been JSON; `text` is its beginning, for the error message."""

    text: str


@dataclass(frozen=True, slots=True)
class AttributesRequest:
    """Asks for the values of shared (and client) attributes."""

    row: ClassVar[str] = "AttributesRequest"
    request_id: int
    shared: tuple[str, ...]
    client: tuple[str, ...] = ()

    @property
    def topic(self) -> str:  # noqa: D102 - the row's topic
        return f"v1/devices/me/attributes/request/{self.request_id}"

    @property
    def payload(self) -> bytes:
        """Keys joined by a comma without a blank: ThingsBoard does not trim them (`JsonMqttAdaptor.toStringSet`)."""
        body = {"sharedKeys": self.shared, "clientKeys": self.client}
        return compact({key: ",".join(names) for key, names in body.items() if names})


@dataclass(frozen=True, slots=True)
class AttributesResponse:
    """The values that exist: ``{"shared": {...}, "client": {...}}``, ``{}`` when none does."""

    row: ClassVar[str] = "AttributesResponse"
    request_id: int
    body: object

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v1/devices/me/attributes/response/{self.request_id}"

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class AttributesUpdate:
    """Values that changed (a flat object), or ``{"deleted": [...]}``."""

    row: ClassVar[str] = "AttributesUpdate"
    topic: ClassVar[str] = ATTRIBUTES_TOPIC
    body: object

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the device reports; `ts_ms` is the time in milliseconds since the epoch, or None for arrival."""

    row: ClassVar[str] = "Telemetry"
    topic: ClassVar[str] = TELEMETRY_TOPIC
    values: Mapping[str, object]
    ts_ms: int | None = None

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.values if self.ts_ms is None else {"ts": self.ts_ms, "values": self.values})


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """Asks for chunk `index`; `size` in bytes, None to repeat the size last given under this request id."""

    row: ClassVar[str] = "ChunkRequest"
    kind: Kind
    request_id: int
    index: int
    size: int | None

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v2/{self.kind.value}/request/{self.request_id}/chunk/{self.index}"

    @property
    def payload(self) -> bytes:
        """The size as bare ASCII digits; quotes around them drop the connection (`Integer.parseInt`)."""
        return b"" if self.size is None else b"%d" % self.size


@dataclass(frozen=True, slots=True)
class ChunkResponse:
    """Bytes `index` × size onwards of the image; empty past its end, or when the server lost its cache entry."""

    row: ClassVar[str] = "ChunkResponse"
    kind: Kind
    request_id: int
    index: int
    payload: bytes = field(repr=False)

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v2/{self.kind.value}/response/{self.request_id}/chunk/{self.index}"


@dataclass(frozen=True, slots=True)
class OtaError:
    """One bare word; the server closes the connection right after. The topic does not tell the kind."""

    row: ClassVar[str] = "OtaError"
    word: str
    kind: Kind = Kind.FIRMWARE

    @property
    def topic(self) -> str:  # noqa: D102
        return error_filter(self.kind)

    @property
    def payload(self) -> bytes:  # noqa: D102
        return self.word.encode()


@dataclass(frozen=True, slots=True)
class RpcRequest:
    """A call; the device's own ``getSessionLimits`` is answered by the transport itself."""

    row: ClassVar[str] = "RpcRequest"
    request_id: int
    body: object

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v1/devices/me/rpc/request/{self.request_id}"

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class RpcResponse:
    """The answer to a call."""

    row: ClassVar[str] = "RpcResponse"
    request_id: int
    body: object

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v1/devices/me/rpc/response/{self.request_id}"

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class AttributesPublish:
    """Client attributes that the device reports about itself."""

    row: ClassVar[str] = "AttributesPublish"
    topic: ClassVar[str] = ATTRIBUTES_TOPIC
    body: object

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class OtherPublish:
    """A topic outside the update protocol."""

    row: ClassVar[str] = "OtherPublish"
    topic: str
    payload: bytes = field(repr=False)


Message = (
    AttributesRequest | AttributesResponse | AttributesUpdate | AttributesPublish | Telemetry
    | ChunkRequest | ChunkResponse | OtaError | RpcRequest | RpcResponse | OtherPublish
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the message table.

    Attributes:
        name: the label of its arrows.
        packet: the MQTT control packet that carries it; None for what is not MQTT.
        directions: where it may point.
        topic: the topic with ``{placeholders}``, empty when the packet has none; ``fw`` stands for both kinds.
        sentence: what it says, for people.
        answers: rows that answer it, in the order of a healthy run.
    """

    name: str
    packet: PacketType | None
    directions: frozenset[Direction]
    topic: str
    sentence: str
    answers: tuple[str, ...] = ()


def _row(
    name: str, packet: PacketType | None, way: str, topic: str, sentence: str, answers: tuple[str, ...] = ()
) -> Row:
    return Row(name, packet, WAYS[way], topic, sentence, answers)


WAYS = {
    "up": frozenset({Direction.TO_SERVER}),
    "down": frozenset({Direction.TO_DEVICE}),
    "both": frozenset({Direction.TO_SERVER, Direction.TO_DEVICE}),
    "operator": frozenset({Direction.OPERATOR_TO_SERVER}),
    "to operator": frozenset({Direction.SERVER_TO_OPERATOR}),
    "device": frozenset({Direction.WITHIN_DEVICE}),
    "server": frozenset({Direction.WITHIN_SERVER}),
}
_P = PacketType
ROWS = (
    _row("Connect", _P.CONNECT, "up", "", "opens the connection with the device's credentials", ("ConnAck",)),
    _row("ConnAck", _P.CONNACK, "down", "", "accepts or refuses the connection"),
    _row("Subscribe", _P.SUBSCRIBE, "up", "", "asks to hear topics", ("SubAck",)),
    _row("SubAck", _P.SUBACK, "down", "", "one code for each filter: granted or refused"),
    _row("Unsubscribe", _P.UNSUBSCRIBE, "up", "", "asks to hear topics no longer", ("UnsubAck",)),
    _row("UnsubAck", _P.UNSUBACK, "down", "", "confirms it"),
    _row("PubAck", _P.PUBACK, "both", "", "acknowledges one PUBLISH at QoS 1"),
    _row("PubRec", _P.PUBREC, "both", "", "first answer at QoS 2"),
    _row("PubRel", _P.PUBREL, "both", "", "release at QoS 2"),
    _row("PubComp", _P.PUBCOMP, "both", "", "end at QoS 2"),
    _row("PingReq", _P.PINGREQ, "up", "", "a sign of life", ("PingResp",)),
    _row("PingResp", _P.PINGRESP, "down", "", "the answer to it"),
    _row("Disconnect", _P.DISCONNECT, "both", "", "ends the connection"),
    _row("Auth", _P.AUTH, "both", "", "extended authentication, unused by ThingsBoard"),
    _row("AttributesRequest", _P.PUBLISH, "up", "v1/devices/me/attributes/request/{request_id}",
         "asks which package is assigned", ("PubAck", "AttributesResponse")),
    _row("AttributesResponse", _P.PUBLISH, "down", "v1/devices/me/attributes/response/{request_id}",
         "the attributes that exist"),
    _row("AttributesUpdate", _P.PUBLISH, "down", ATTRIBUTES_TOPIC, "attributes that changed or were deleted"),
    _row("AttributesPublish", _P.PUBLISH, "up", ATTRIBUTES_TOPIC, "client attributes", ("PubAck",)),
    _row("Telemetry", _P.PUBLISH, "up", TELEMETRY_TOPIC, "current title and version, or a status", ("PubAck",)),
    _row("ChunkRequest", _P.PUBLISH, "up", "v2/fw/request/{request_id}/chunk/{index}",
         "asks for one chunk of the image", ("PubAck", "ChunkResponse")),
    _row("ChunkResponse", _P.PUBLISH, "down", "v2/fw/response/{request_id}/chunk/{index}", "the bytes of one chunk"),
    _row("OtaError", _P.PUBLISH, "down", "v2/fw/error", "why a chunk cannot be had; the connection closes"),
    _row("RpcRequest", _P.PUBLISH, "both", "v1/devices/me/rpc/request/{request_id}",
         "a call, such as getSessionLimits", ("PubAck", "RpcResponse")),
    _row("RpcResponse", _P.PUBLISH, "both", "v1/devices/me/rpc/response/{request_id}", "the answer to a call"),
    _row("OtherPublish", _P.PUBLISH, "both", "", "a topic outside the update protocol"),
    _row("Login", None, "operator", "", "the operator logs in (REST)"),
    _row("Upload", None, "operator", "", "the operator stores a package (REST)"),
    _row("Assign", None, "operator", "", "the operator assigns a package to a device or a profile (REST)"),
    _row("Unassign", None, "operator", "", "the operator takes an assignment back (REST)"),
    _row("RestAnswer", None, "to operator", "", "the server's answer to a REST call"),
    _row("Dispatch", None, "server", "", "the server's turn to tell this device: QUEUED becomes INITIATED"),
    _row("Store", None, "server", "", "the server writes attributes or telemetry"),
    _row("Write", None, "device", "", "a chunk goes to the disk and into the checksum"),
    _row("Check", None, "device", "", "size and checksum are compared with the announced ones"),
    _row("Install", None, "device", "", "the image goes into the slot that does not run"),
    _row("Restart", None, "device", "", "the device starts from the new slot, on trial"),
    _row("Confirm", None, "device", "", "the new image runs and may stay"),
    _row("RollBack", None, "device", "", "the old image runs again"),
)  # fmt: skip
TABLE: dict[str, Row] = {row.name: row for row in ROWS}

_OF_PACKET = {row.packet: row for row in ROWS if row.packet not in (None, PacketType.PUBLISH)}
_CHUNK = re.compile(r"v2/(fw|sw)/(request|response)/(\d{1,18})/chunk/(\d{1,18})", re.ASCII)
_NUMBERED = re.compile(r"v1/devices/me/(attributes|rpc)/(request|response)/(\d{1,18})", re.ASCII)
_NUMBERED_MESSAGES = {
    ("attributes", "response", Direction.TO_DEVICE): AttributesResponse,
    ("rpc", "request", Direction.TO_SERVER): RpcRequest,
    ("rpc", "request", Direction.TO_DEVICE): RpcRequest,
    ("rpc", "response", Direction.TO_SERVER): RpcResponse,
    ("rpc", "response", Direction.TO_DEVICE): RpcResponse,
}


def compact(value: object) -> bytes:
    """JSON without blanks, UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def parse_json(payload: bytes) -> object:
    """The value, or `NotJson` for what is none: never an exception, whatever the wire brings."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return NotJson(payload[:80].decode(errors="replace"))


def message_of(topic: str, payload: bytes, direction: Direction) -> Message:
    """What a PUBLISH means; `OtherPublish` for a topic outside the update protocol."""
    if found := _CHUNK.fullmatch(topic):
        return _chunk_message(found, topic, payload, direction)
    if found := _NUMBERED.fullmatch(topic):
        return _numbered_message(found, topic, payload, direction)
    to_server = direction is Direction.TO_SERVER
    if topic == ATTRIBUTES_TOPIC:
        return AttributesPublish(parse_json(payload)) if to_server else AttributesUpdate(parse_json(payload))
    if topic == TELEMETRY_TOPIC and to_server:
        return _telemetry(topic, payload)
    if topic in ("v2/fw/error", "v2/sw/error") and not to_server:
        return OtaError(payload[:200].decode(errors="replace"), Kind(topic[3:5]))
    return OtherPublish(topic, payload)


def _chunk_message(found: re.Match[str], topic: str, payload: bytes, direction: Direction) -> Message:
    kind, request_id, index = Kind(found[1]), int(found[3]), int(found[4])
    if found[2] == "response" and direction is Direction.TO_DEVICE:
        return ChunkResponse(kind, request_id, index, payload)
    digits = payload.isdigit() and len(payload) <= 10  # anything longer is beyond Java's int anyway
    if found[2] == "request" and direction is Direction.TO_SERVER and (digits or not payload):
        return ChunkRequest(kind, request_id, index, int(payload) if payload else None)
    return OtherPublish(topic, payload)


def _numbered_message(found: re.Match[str], topic: str, payload: bytes, direction: Direction) -> Message:
    family, part, request_id, body = found[1], found[2], int(found[3]), parse_json(payload)
    if (build := _NUMBERED_MESSAGES.get((family, part, direction))) is not None:
        return build(request_id, body)
    if (family, part, direction) == ("attributes", "request", Direction.TO_SERVER) and isinstance(body, dict):
        return AttributesRequest(request_id, _keys(body.get("sharedKeys")), _keys(body.get("clientKeys")))
    return OtherPublish(topic, payload)


def _keys(text: object) -> tuple[str, ...]:
    return tuple(text.split(",")) if isinstance(text, str) and text else ()


def _telemetry(topic: str, payload: bytes) -> Message:
    body = parse_json(payload)
    if not isinstance(body, dict):
        return OtherPublish(topic, payload)
    if isinstance(body.get("values"), dict) and isinstance(body.get("ts"), int):
        return Telemetry(body["values"], body["ts"])
    return Telemetry(body)


def row_of(packet: Packet, direction: Direction) -> Row:
    """The table's row for a packet on the wire."""
    if isinstance(packet, packets.Publish):
        return TABLE[message_of(packet.topic, packet.payload, direction).row]
    return _OF_PACKET[packet.type]


def row_of_topic(topic: str, direction: Direction) -> Row:
    """The table's row by the topic alone, for a PUBLISH whose payload was not kept."""
    if found := _CHUNK.fullmatch(topic):
        wanted = "response" if direction is Direction.TO_DEVICE else "request"
        return TABLE["Chunk" + wanted.capitalize()] if found[2] == wanted else TABLE["OtherPublish"]
    return TABLE[message_of(topic, b"{}", direction).row]
