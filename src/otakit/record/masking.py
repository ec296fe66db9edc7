"""What a recording must not hold, overwritten before it gets there.

Knows where credentials stand: in CONNECT (user name, which is the token, password, will), in MQTT 5's
authentication data, in provisioning, and in JSON under a name that says so; overwrites them with ``*``
of equal length, so that every length, offset and field stays true. Refuses to know files. In doubt it
overwrites more. Pure; called by `record.scribe` for every packet but a chunk.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from otakit.errors import RemoteProtocolError
from otakit.protocol import properties
from otakit.protocol.mqtt import decode, header_length, packet_type, publish_layout
from otakit.protocol.packets import Connect, PacketType, Version
from otakit.protocol.properties import Cursor
from otakit.record.masking_json import masked_json, masked_provisioning, may_hold_secrets

PROVISIONING = (b"/provision/request", b"/provision/response")
_CHUNK_REQUESTS = (b"v2/fw/request/", b"v2/sw/request/")
_SUSPECTS = frozenset(
    int(kind) for kind in (PacketType.CONNECT, PacketType.CONNACK, PacketType.PUBLISH, PacketType.AUTH)
)
PROVISION_WORD = "provision"  # ThingsBoard: as user name or client id it asks to be provisioned, and is no secret


def device_key(raw: bytes, key: bytes) -> str | None:
    """What tells one device from another without giving its credentials away.

    Args:
        raw: the CONNECT as it was on the wire.
        key: the user's own key; the same key gives the same answer in every recording.

    Returns:
        12 hexadecimal digits, or None for a CONNECT that cannot be read. Without a user name the client id
        is the credential (ThingsBoard's MQTT_BASIC).
    """
    try:
        packet = decode(raw)
    except RemoteProtocolError:
        return None
    if not isinstance(packet, Connect):
        return None
    if packet.user_name is None and packet.password is None:
        parts = [b"client id", packet.client_id.encode()]
    else:
        parts = [b"user name", (packet.user_name or "").encode(), packet.password or b""]
    return hmac.new(key, b"\0".join(parts), hashlib.sha256).hexdigest()[:12]


def masked(raw: bytes, version: Version) -> bytes:
    """The packet with its secrets overwritten; the same object when it has none."""
    if raw.startswith(_CHUNK_REQUESTS, 4) or (raw and raw[0] >> 4 not in _SUSPECTS):
        return raw  # most packets of a recording, so they are told by their first bytes
    if raw and raw[0] >> 4 == PacketType.PUBLISH and not may_hold_secrets(raw):
        return raw
    try:
        kind = packet_type(raw)
        if kind is PacketType.PUBLISH:
            return _masked_publish(raw, version)
        if kind is PacketType.CONNECT:
            return _overwritten(raw, _connect_secrets(raw))
        if version is Version.MQTT_5 and kind in (PacketType.CONNACK, PacketType.AUTH):
            return _overwritten(raw, _authentication(raw, kind))
    except RemoteProtocolError:
        return _all_masked(raw)
    return raw


def _overwritten(raw: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    out = bytearray(raw)
    for start, end in spans:
        out[start:end] = b"*" * (end - start)
    return bytes(out)


def _all_masked(raw: bytes) -> bytes:
    """Everything behind the fixed header: what cannot be read may hold a secret anywhere."""
    try:
        start = header_length(raw)
    except RemoteProtocolError:
        start = min(1, len(raw))
    return _overwritten(raw, [(start, len(raw))])


def _connect_secrets(raw: bytes) -> list[tuple[int, int]]:
    packet = decode(raw)  # also checks it: the offsets below hold only in a sound packet
    assert isinstance(packet, Connect)
    five = packet.version is Version.MQTT_5
    cursor = Cursor(raw, header_length(raw))
    cursor.text("protocol name")
    flags = cursor.take(4, "level, flags, keep alive")[1]
    found = _authentication_data(cursor) if five else []
    client_id = _field(cursor)
    if flags & 0xC0 == 0 and packet.client_id != PROVISION_WORD:
        found.append(client_id)  # with nothing else to show, it is the credential
    if flags & 4:
        if five:
            properties.read(cursor)
        _field(cursor)  # the will's topic
        found.append(_field(cursor))
    if flags & 0x80:
        user_name = _field(cursor)
        found += [user_name] if packet.user_name != PROVISION_WORD else []
    if flags & 0x40:
        found.append(_field(cursor))
    return found


def _field(cursor: Cursor) -> tuple[int, int]:
    """Where the content of the next text or binary field stands."""
    content = cursor.binary("field")
    return cursor.at - len(content), cursor.at


def _authentication(raw: bytes, kind: PacketType) -> list[tuple[int, int]]:
    cursor = Cursor(raw, header_length(raw))
    if cursor.at == cursor.end:
        return []  # an AUTH of nothing but its fixed header
    cursor.take(2 if kind is PacketType.CONNACK else 1, "codes")
    return _authentication_data(cursor) if cursor.at < cursor.end else []


def _authentication_data(cursor: Cursor) -> list[tuple[int, int]]:
    """Where the authentication data stands behind its two length bytes."""
    return [(start + 2, end) for name, start, end in properties.spans(cursor) if name == "authentication_data"]


def _masked_publish(raw: bytes, version: Version) -> bytes:
    topic, at = publish_layout(raw, version)
    payload = raw[at:]
    clean = masked_provisioning(payload) if topic in PROVISIONING else masked_json(payload)
    return raw if clean is payload else raw[:at] + clean
