"""MQTT control packets: values to bytes, versions 3.1, 3.1.1 and 5.

Knows the wire format (OASIS MQTT 3.1.1 and 5, chapter 3) and nothing of ThingsBoard; what a version
cannot carry is our own mistake and a `LocalProtocolError`. Called through `protocol.mqtt`; paho-mqtt
encodes for the client, so each checks the other.
"""

from __future__ import annotations

from otakit.errors import LocalProtocolError
from otakit.protocol import packets as p
from otakit.protocol.framing import FLAGS
from otakit.protocol.packets import Packet, Version
from otakit.protocol.properties import put_binary, put_number, put_text, put_varint, write


def encode(packet: Packet, version: Version = Version.MQTT_3_1_1) -> bytes:
    """The bytes of one packet; CONNECT is written in its own version.

    Raises:
        LocalProtocolError: a field that this version cannot carry or that does not fit.
    """
    if isinstance(packet, p.Connect):
        version = packet.version
    flags, body = FLAGS.get(packet.type, 0), _body(packet, version)
    if isinstance(packet, p.Publish):
        if packet.qos not in (0, 1, 2) or (packet.packet_id is None) != (packet.qos == 0):
            raise LocalProtocolError(f"PUBLISH at QoS {packet.qos} with packet id {packet.packet_id}")
        flags = packet.dup << 3 | packet.qos << 1 | packet.retain
    return bytes((packet.type << 4 | flags,)) + put_varint(len(body)) + body


def _body(packet: Packet, version: Version) -> bytes:
    five = version is Version.MQTT_5
    block = write(packet.properties) if five and not isinstance(packet, p.PingReq | p.PingResp) else b""
    match packet:
        case p.Publish():
            identifier = b"" if packet.packet_id is None else put_number(packet.packet_id, 2, "packet id")
            return put_text(packet.topic, "topic name") + identifier + block + packet.payload
        case p.PubAck() | p.PubRec() | p.PubRel() | p.PubComp():
            return put_number(packet.packet_id, 2, "packet id") + _put_reason(packet, five)
        case p.Connect():
            return _put_connect(packet, five)
        case p.ConnAck():
            return bytes((packet.session_present,)) + put_number(packet.reason_code, 1, "return code") + block
        case p.Subscribe():
            entries = b"".join(
                put_text(name, "topic filter") + put_number(options, 1, "subscription options")
                for name, options in packet.filters
            )
            return put_number(packet.packet_id, 2, "packet id") + block + entries
        case p.Unsubscribe():
            entries = b"".join(put_text(name, "topic filter") for name in packet.filters)
            return put_number(packet.packet_id, 2, "packet id") + block + entries
        case p.SubAck() | p.UnsubAck():
            carried = packet.reason_codes if five or isinstance(packet, p.SubAck) else ()
            codes = b"".join(put_number(code, 1, "reason code") for code in carried)
            return put_number(packet.packet_id, 2, "packet id") + block + codes
        case p.Disconnect() | p.Auth():
            return _put_reason(packet, five)
        case p.PingReq() | p.PingResp():
            return b""


def _put_reason(packet: p.PubAck | p.PubRec | p.PubRel | p.PubComp | p.Disconnect | p.Auth, five: bool) -> bytes:
    if not five or not (packet.reason_code or packet.properties):
        return b""
    return put_number(packet.reason_code, 1, "reason code") + (write(packet.properties) if packet.properties else b"")


def _put_connect(packet: p.Connect, five: bool) -> bytes:
    will, name = packet.will, "MQIsdp" if packet.version is Version.MQTT_3_1 else "MQTT"
    if packet.password is not None and packet.user_name is None and not five:
        raise LocalProtocolError("MQTT 3.1.1 sends no password without a user name [MQTT-3.1.2-22]")
    flags = (packet.user_name is not None) << 7 | (packet.password is not None) << 6 | packet.clean_start << 1
    tail = put_text(packet.client_id, "client id")
    if will is not None:
        flags |= will.retain << 5 | will.qos << 3 | 4
        tail += write(will.properties) if five else b""
        tail += put_text(will.topic, "will topic") + put_binary(will.payload, "will payload")
    if packet.user_name is not None:
        tail += put_text(packet.user_name, "user name")
    if packet.password is not None:
        tail += put_binary(packet.password, "password")
    head = put_text(name, "protocol name") + bytes((packet.version, flags))
    return head + put_number(packet.keep_alive_s, 2, "keep alive") + (write(packet.properties) if five else b"") + tail
