"""One line for people about one packet: what it asks for, what it answers.

Knows the words for each kind of packet and message; refuses to know what came before or after it.
Frames show these lines in ``said`` and ``heard``, diagrams and reports reuse them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otakit.exchange.decoded import DecodedPacket
from otakit.protocol import messages as m
from otakit.protocol import packets as p
from otakit.protocol.packets import PacketType
from otakit.reasons import reason_text

LINE = 120  # characters; longer lines are cut with an ellipsis


def said(packet: DecodedPacket) -> str:
    """What a packet says, in one line."""
    if packet.message == "ChunkResponse":
        return f"chunk {packet.index} of request {packet.request_id}: {size(packet.payload_bytes)}"
    if packet.message is None:
        return f"malformed {packet.type}, {size(packet.length)}"
    sentence = _SENTENCES.get(type(packet.says))
    line = sentence(packet.says, packet) if sentence else packet.text or packet.topic or packet.type
    return line if len(line) <= LINE else f"{line[: LINE - 1]}…"


def size(count: int) -> str:
    """A number of bytes with its unit: ``1 byte``, ``4,096 bytes``."""
    return f"{count:,} byte{'s' * (count != 1)}"


def _connect(says: p.Connect, _packet: DecodedPacket) -> str:
    return f"MQTT {says.version.label}, client id {says.client_id!r}, keep alive {says.keep_alive_s} s"


def _coded(says: p.ConnAck | p.Disconnect, packet: DecodedPacket) -> str:
    code = says.reason_code
    if isinstance(says, p.Disconnect):
        why = reason_text(PacketType.DISCONNECT, code, p.Version.MQTT_5)
        return "disconnects" if packet.reason is None or not code else f"disconnects: {packet.reason} {why}"
    # MQTT 5 has no codes between 0 and 0x80, MQTT 3.1.1 none above 5
    meaning = reason_text(PacketType.CONNACK, code, p.Version.MQTT_5 if code >= 0x80 else p.Version.MQTT_3_1_1)
    return meaning if code < 0x80 else f"refused: {packet.reason} {meaning}"


def _subscribe(says: p.Subscribe, _packet: DecodedPacket) -> str:
    return ", ".join(f"{name} at QoS {options & 3}" for name, options in says.filters)


def _suback(says: p.SubAck, _packet: DecodedPacket) -> str:
    return ", ".join(f"QoS {code}" if code < 3 else f"refused 0x{code:02X}" for code in says.reason_codes)


def _acknowledgement(_says: object, packet: DecodedPacket) -> str:
    return f"acknowledges packet {packet.packet_id}" + (
        f", {packet.reason}" if packet.reason not in (None, "0x00") else ""
    )


def _attributes_request(says: m.AttributesRequest, _packet: DecodedPacket) -> str:
    return f"request {says.request_id}: " + (", ".join((*says.shared, *says.client)) or "all attributes")


def _chunk_request(says: m.ChunkRequest, packet: DecodedPacket) -> str:
    asked = "the size remembered" if says.size is None else size(says.size)
    return f"chunk {packet.index} of request {packet.request_id}: {asked}"


_SENTENCES: dict[type, Callable[[Any, DecodedPacket], str]] = {
    p.Connect: _connect,
    p.ConnAck: _coded,
    p.Disconnect: _coded,
    p.Subscribe: _subscribe,
    p.SubAck: _suback,
    p.PubAck: _acknowledgement,
    p.PubRec: _acknowledgement,
    p.PubRel: _acknowledgement,
    p.PubComp: _acknowledgement,
    m.AttributesRequest: _attributes_request,
    m.ChunkRequest: _chunk_request,
}
