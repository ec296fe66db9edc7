"""Every message of the update protocol, in one table: name, packet type, direction, topic, payload.

Knows what a packet means to ThingsBoard (`MqttTopics`, `MqttTransportHandler`) and how to write it;
refuses to know when to send it. Diagrams label their arrows with the row names of `TABLE`, frames
carry them in the column ``message``, client and twin build topics from the same rows. The face of
`message_types` (the values) and `message_reading` (from the wire).
"""

from __future__ import annotations

from dataclasses import dataclass

from otakit.protocol import packets
from otakit.protocol.message_reading import CHUNK_TOPIC, message_of, parse_json
from otakit.protocol.message_types import (
    ATTRIBUTES_RESPONSE_FILTER,
    ATTRIBUTES_TOPIC,
    RPC_RESPONSE_FILTER,
    TELEMETRY_TOPIC,
    AttributesPublish,
    AttributesRequest,
    AttributesResponse,
    AttributesUpdate,
    ChunkRequest,
    ChunkResponse,
    Direction,
    Kind,
    Message,
    NotJson,
    OtaError,
    OtherPublish,
    RpcRequest,
    RpcResponse,
    Telemetry,
    chunk_filter,
    compact,
    error_filter,
)
from otakit.protocol.packets import Packet, PacketType

__all__ = [
    "ATTRIBUTES_RESPONSE_FILTER",
    "ATTRIBUTES_TOPIC",
    "ROWS",
    "RPC_RESPONSE_FILTER",
    "TABLE",
    "TELEMETRY_TOPIC",
    "WAYS",
    "AttributesPublish",
    "AttributesRequest",
    "AttributesResponse",
    "AttributesUpdate",
    "ChunkRequest",
    "ChunkResponse",
    "Direction",
    "Kind",
    "Message",
    "NotJson",
    "OtaError",
    "OtherPublish",
    "Row",
    "RpcRequest",
    "RpcResponse",
    "Telemetry",
    "chunk_filter",
    "compact",
    "error_filter",
    "message_of",
    "parse_json",
    "row_of",
    "row_of_topic",
]


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
_OF_PACKET: dict[PacketType, Row] = {
    row.packet: row for row in ROWS if row.packet is not None and row.packet is not PacketType.PUBLISH
}


def row_of(packet: Packet, direction: Direction) -> Row:
    """The table's row for a packet on the wire."""
    if isinstance(packet, packets.Publish):
        return TABLE[message_of(packet.topic, packet.payload, direction).row]
    return _OF_PACKET[packet.type]


def row_of_topic(topic: str, direction: Direction) -> Row:
    """The table's row by the topic alone, for a PUBLISH whose payload was not kept."""
    if found := CHUNK_TOPIC.fullmatch(topic):
        wanted = "response" if direction is Direction.TO_DEVICE else "request"
        return TABLE["Chunk" + wanted.capitalize()] if found[2] == wanted else TABLE["OtherPublish"]
    return TABLE[message_of(topic, b"{}", direction).row]
