"""MQTT control packets: bytes to values, versions 3.1, 3.1.1 and 5.

Knows the wire format (OASIS MQTT 3.1.1 and 5, chapter 3) and nothing of ThingsBoard; whatever comes
in, it gives a packet or raises `RemoteProtocolError`, nothing else. Called through `protocol.mqtt`.
"""

from __future__ import annotations

from collections.abc import Callable

from otakit.errors import RemoteProtocolError
from otakit.protocol import packets as p
from otakit.protocol.framing import FLAGS, header_length, packet_type
from otakit.protocol.packets import Packet, PacketType, Version
from otakit.protocol.properties import Cursor, Properties, read

LEVELS = {("MQIsdp", 3): Version.MQTT_3_1, ("MQTT", 4): Version.MQTT_3_1_1, ("MQTT", 5): Version.MQTT_5}
ACKNOWLEDGEMENTS: dict[PacketType, Callable[[int, int, Properties], Packet]] = {
    PacketType.PUBACK: p.PubAck,
    PacketType.PUBREC: p.PubRec,
    PacketType.PUBREL: p.PubRel,
    PacketType.PUBCOMP: p.PubComp,
}


def decode(raw: bytes, version: Version = Version.MQTT_3_1_1) -> Packet:
    """One whole packet from its bytes.

    Args:
        raw: the packet with its fixed header, as `Framer.feed` gives it.
        version: what CONNECT said; CONNECT itself is read by its own level.

    Raises:
        RemoteProtocolError: malformed, with the reason code that MQTT 5 has for it.
    """
    kind = packet_type(raw)
    cursor = Cursor(raw, 1)
    length = cursor.varint("remaining length")
    if cursor.at + length != len(raw):
        raise RemoteProtocolError(f"remaining length says {length}, the packet has {len(raw) - cursor.at}")
    if kind is not PacketType.PUBLISH and raw[0] & 0x0F != FLAGS.get(kind, 0):
        raise RemoteProtocolError(f"{kind.name}: fixed header flags {raw[0] & 15:04b} [MQTT-2.1.3-1]")
    packet = READERS[kind](cursor, raw[0] & 0x0F, version)
    if cursor.at != cursor.end:
        raise RemoteProtocolError(f"{kind.name}: {cursor.end - cursor.at} bytes too many")
    return packet


def decode_head(raw: bytes, version: Version = Version.MQTT_3_1_1) -> Packet:
    """A packet of which a recording kept only the beginning; a PUBLISH's payload is what is there.

    Raises:
        RemoteProtocolError: malformed, or cut before the payload.
    """
    if packet_type(raw) is PacketType.PUBLISH:
        cursor = Cursor(raw, header_length(raw))
        return _publish(cursor, raw[0] & 0x0F, version)
    return decode(raw, version)


def _connect(cursor: Cursor, _flags: int, _version: Version) -> p.Connect:
    name, level = cursor.text("protocol name"), cursor.number(1, "protocol level")
    version = LEVELS.get((name, level))
    if version is None:
        raise RemoteProtocolError(f"protocol {name!r} level {level} is not MQTT 3.1, 3.1.1 or 5", 0x84)
    flags, keep_alive = cursor.number(1, "connect flags"), cursor.number(2, "keep alive")
    if flags & 1:
        raise RemoteProtocolError("CONNECT: the reserved flag is set [MQTT-3.1.2-3]")
    five = version is Version.MQTT_5
    properties = read(cursor) if five else ()
    client_id = cursor.text("client id")
    will = _will(cursor, flags, five) if flags & 4 else None
    return p.Connect(
        client_id=client_id,
        version=version,
        clean_start=bool(flags & 2),
        keep_alive_s=keep_alive,
        user_name=cursor.text("user name") if flags & 0x80 else None,
        password=cursor.binary("password") if flags & 0x40 else None,
        will=will,
        properties=properties,
    )


def _will(cursor: Cursor, flags: int, five: bool) -> p.Will:
    properties = read(cursor) if five else ()
    topic, payload = cursor.text("will topic"), cursor.binary("will payload")
    return p.Will(topic, payload, (flags >> 3) & 3, bool(flags & 0x20), properties)


def _connack(cursor: Cursor, _flags: int, version: Version) -> p.ConnAck:
    present, code = cursor.number(1, "session present"), cursor.number(1, "return code")
    if present > 1:
        raise RemoteProtocolError("CONNACK: reserved flags are set [MQTT-3.2.2-1]")
    return p.ConnAck(code, bool(present), read(cursor) if version is Version.MQTT_5 else ())


def _publish(cursor: Cursor, flags: int, version: Version) -> p.Publish:
    qos = (flags >> 1) & 3
    if qos == 3:
        raise RemoteProtocolError("PUBLISH: QoS 3 does not exist [MQTT-3.3.1-4]")
    topic = cursor.text("topic name")
    packet_id = cursor.number(2, "packet id") if qos else None
    properties = read(cursor) if version is Version.MQTT_5 else ()
    return p.Publish(topic, cursor.rest(), qos, packet_id, bool(flags & 1), bool(flags & 8), properties)


def _acknowledgement(kind: PacketType) -> Callable[[Cursor, int, Version], Packet]:
    def reader(cursor: Cursor, _flags: int, version: Version) -> Packet:
        packet_id = cursor.number(2, "packet id")
        code, properties = _reason(cursor, version)
        return ACKNOWLEDGEMENTS[kind](packet_id, code, properties)

    return reader


def _reason(cursor: Cursor, version: Version) -> tuple[int, Properties]:
    """Reason code and properties, both optional at the end of an MQTT 5 packet (section 3.4.2.1)."""
    if version is not Version.MQTT_5 or cursor.at == cursor.end:
        return 0, ()
    code = cursor.number(1, "reason code")
    return code, read(cursor) if cursor.at < cursor.end else ()


def _subscribe(cursor: Cursor, _flags: int, version: Version) -> p.Subscribe:
    packet_id = cursor.number(2, "packet id")
    properties = read(cursor) if version is Version.MQTT_5 else ()
    filters: list[tuple[str, int]] = []
    while cursor.at < cursor.end:
        filters.append((cursor.text("topic filter"), cursor.number(1, "subscription options")))
        if filters[-1][1] & 3 == 3:
            raise RemoteProtocolError("SUBSCRIBE: QoS 3 does not exist [MQTT-3.8.3-4]")
    if not filters:
        raise RemoteProtocolError("SUBSCRIBE: no topic filter [MQTT-3.8.3-2]", 0x82)
    return p.Subscribe(packet_id, tuple(filters), properties)


def _suback(cursor: Cursor, _flags: int, version: Version) -> p.SubAck:
    packet_id = cursor.number(2, "packet id")
    properties = read(cursor) if version is Version.MQTT_5 else ()
    return p.SubAck(packet_id, tuple(cursor.rest()), properties)


def _unsubscribe(cursor: Cursor, _flags: int, version: Version) -> p.Unsubscribe:
    packet_id = cursor.number(2, "packet id")
    properties = read(cursor) if version is Version.MQTT_5 else ()
    filters = []
    while cursor.at < cursor.end:
        filters.append(cursor.text("topic filter"))
    if not filters:
        raise RemoteProtocolError("UNSUBSCRIBE: no topic filter [MQTT-3.10.3-2]", 0x82)
    return p.Unsubscribe(packet_id, tuple(filters), properties)


def _unsuback(cursor: Cursor, _flags: int, version: Version) -> p.UnsubAck:
    packet_id = cursor.number(2, "packet id")
    properties = read(cursor) if version is Version.MQTT_5 else ()
    return p.UnsubAck(packet_id, tuple(cursor.rest()), properties)


READERS: dict[PacketType, Callable[[Cursor, int, Version], Packet]] = {
    PacketType.CONNECT: _connect,
    PacketType.CONNACK: _connack,
    PacketType.PUBLISH: _publish,
    **{kind: _acknowledgement(kind) for kind in ACKNOWLEDGEMENTS},
    PacketType.SUBSCRIBE: _subscribe,
    PacketType.SUBACK: _suback,
    PacketType.UNSUBSCRIBE: _unsubscribe,
    PacketType.UNSUBACK: _unsuback,
    PacketType.PINGREQ: lambda *_: p.PingReq(),
    PacketType.PINGRESP: lambda *_: p.PingResp(),
    PacketType.DISCONNECT: lambda cursor, _, version: p.Disconnect(*_reason(cursor, version)),
    PacketType.AUTH: lambda cursor, _, version: p.Auth(*_reason(cursor, version)),
}
