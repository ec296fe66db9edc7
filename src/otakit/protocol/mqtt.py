"""MQTT control packets: values to bytes and back, versions 3.1, 3.1.1 and 5.

Knows the wire format (OASIS MQTT 3.1.1 and 5, chapters 2 and 3) and nothing of ThingsBoard. Knows no
socket either: `Framer` is fed with slices of any size and gives whole packets, `decode` reads one,
`decode_head` reads what is left of one that a recording cut short. Used by the twin, the recordings
and the link; paho-mqtt encodes for the client, so each checks the other.
"""

from __future__ import annotations

from collections.abc import Callable

from otakit.errors import LocalProtocolError, RemoteProtocolError
from otakit.protocol import packets as p
from otakit.protocol.packets import Packet, PacketType, Version
from otakit.protocol.properties import (
    MAX_VARINT,
    Cursor,
    Properties,
    put_binary,
    put_number,
    put_text,
    put_varint,
    read,
    write,
)

# fixed header flags that a packet type must carry (section 2.1.3); PUBLISH has its own
FLAGS = {PacketType.PUBREL: 2, PacketType.SUBSCRIBE: 2, PacketType.UNSUBSCRIBE: 2}
LEVELS = {("MQIsdp", 3): Version.MQTT_3_1, ("MQTT", 4): Version.MQTT_3_1_1, ("MQTT", 5): Version.MQTT_5}
ACKNOWLEDGEMENTS = {
    PacketType.PUBACK: p.PubAck,
    PacketType.PUBREC: p.PubRec,
    PacketType.PUBREL: p.PubRel,
    PacketType.PUBCOMP: p.PubComp,
}


class Framer:
    """Cuts a byte stream into whole control packets.

    Args:
        max_remaining_length: the largest remaining length accepted, in bytes
            (ThingsBoard takes 65,536 from a device: `MqttDecoder`).
    """

    def __init__(self, max_remaining_length: int = MAX_VARINT) -> None:
        self._buffer = bytearray()
        self._max = max_remaining_length

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """The packets that are whole now, each with its fixed header.

        Raises:
            RemoteProtocolError: a malformed length, or one above the limit; the stream is lost then.
        """
        self._buffer += data
        whole, at = [], 0
        while (span := self._span(at)) is not None:
            whole.append(bytes(self._buffer[at : at + span]))
            at += span
        if at:
            del self._buffer[:at]
        return whole

    @property
    def pending(self) -> int:
        """Bytes held that are not a whole packet yet."""
        return len(self._buffer)

    def _span(self, at: int) -> int | None:
        """Length of the packet that begins at `at`, None while it is not whole."""
        length, shift, position = 0, 0, at + 1
        while True:
            if shift > 21:
                raise RemoteProtocolError("remaining length has more than four bytes [MQTT-1.5.5-1]")
            if position >= len(self._buffer):
                return None
            byte = self._buffer[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if length > self._max:
            raise RemoteProtocolError(f"remaining length {length} is above the limit of {self._max}")
        total = position - at + length
        return total if at + total <= len(self._buffer) else None


def packet_type(raw: bytes | memoryview) -> PacketType:
    """The type in the first byte.

    Raises:
        RemoteProtocolError: the reserved type 0, or no byte at all.
    """
    if not raw or not raw[0] >> 4:
        raise RemoteProtocolError("packet type 0 is reserved" if raw else "an empty packet")
    return PacketType(raw[0] >> 4)


def header_length(raw: bytes | memoryview) -> int:
    """Bytes of the fixed header: the type byte and the remaining length."""
    cursor = Cursor(raw, 1)
    cursor.varint("remaining length")
    return cursor.at


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
    block = (lambda properties: write(properties)) if five else (lambda _properties: b"")
    match packet:
        case p.Publish():
            identifier = b"" if packet.packet_id is None else put_number(packet.packet_id, 2, "packet id")
            return put_text(packet.topic, "topic name") + identifier + block(packet.properties) + packet.payload
        case p.PubAck() | p.PubRec() | p.PubRel() | p.PubComp():
            return put_number(packet.packet_id, 2, "packet id") + _put_reason(packet, five)
        case p.Connect():
            return _put_connect(packet, five)
        case p.ConnAck():
            return bytes((packet.session_present, packet.reason_code)) + block(packet.properties)
        case p.Subscribe():
            entries = b"".join(put_text(name, "topic filter") + bytes((options,)) for name, options in packet.filters)
            return put_number(packet.packet_id, 2, "packet id") + block(packet.properties) + entries
        case p.Unsubscribe():
            entries = b"".join(put_text(name, "topic filter") for name in packet.filters)
            return put_number(packet.packet_id, 2, "packet id") + block(packet.properties) + entries
        case p.SubAck() | p.UnsubAck():
            codes = bytes(packet.reason_codes) if five or isinstance(packet, p.SubAck) else b""
            return put_number(packet.packet_id, 2, "packet id") + block(packet.properties) + codes
        case p.Disconnect() | p.Auth():
            return _put_reason(packet, five)
        case p.PingReq() | p.PingResp():
            return b""


def _put_reason(packet: p.PubAck | p.PubRec | p.PubRel | p.PubComp | p.Disconnect | p.Auth, five: bool) -> bytes:
    if not five or not (packet.reason_code or packet.properties):
        return b""
    return bytes((packet.reason_code,)) + (write(packet.properties) if packet.properties else b"")


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
