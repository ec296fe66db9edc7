"""What MQTT's return and reason codes mean, in one line each.

Knows the codes of CONNACK and SUBACK in MQTT 3.1.1 (sections 3.2.2.3, 3.9.3) and the reason codes of
MQTT 5 (section 2.4), and where ThingsBoard uses one in a way of its own. Asked by explanations and texts.
"""

from __future__ import annotations

from otakit.protocol.packets import PacketType, Version

RETURN_CODES = {
    0: "accepted",
    1: "refused: the server does not speak this MQTT version",
    2: "refused: client identifier not allowed (ThingsBoard: no credentials were given)",
    3: "refused: the server is unavailable",
    4: "refused: bad user name or password",
    5: "refused: not authorized (ThingsBoard: it knows no such access token)",
}
"""CONNACK in MQTT 3.1.1."""

BUSY_CODES = (3, 0x88, 0x89, 0x97, 0x9F)
"""CONNACK codes, of both versions, that may be gone at the next attempt."""

REASON_CODES = {
    0x00: "success",
    0x01: "granted QoS 1",
    0x02: "granted QoS 2",
    0x04: "disconnect with will message",
    0x10: "no matching subscribers",
    0x11: "no subscription existed",
    0x18: "continue authentication",
    0x19: "re-authenticate",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error (ThingsBoard: among others after an error word, or for inactivity)",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid (ThingsBoard: no credentials were given)",
    0x86: "bad user name or password (ThingsBoard: it knows no such access token)",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down (ThingsBoard: a payload that it could not parse)",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over: another client connected with the same token",
    0x8F: "topic filter invalid (ThingsBoard: it grants no such filter)",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    0x92: "packet identifier not found",
    0x93: "receive maximum exceeded",
    0x94: "topic alias invalid",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action (ThingsBoard: the credentials changed or the device was deleted)",
    0x99: "payload format invalid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time (ThingsBoard: inactivity)",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}


def reason_text(packet: PacketType, code: int, version: Version = Version.MQTT_3_1_1) -> str:
    """What `code` in a packet of this type means.

    Args:
        packet: CONNACK and SUBACK have codes in both versions, the others only in MQTT 5.
        code: as on the wire.
        version: of the connection.
    """
    if packet is PacketType.SUBACK:
        return f"granted at QoS {code}" if code <= 2 else "refused: " + REASON_CODES.get(code, "an unknown code")
    if packet is PacketType.CONNACK and version is not Version.MQTT_5:
        return RETURN_CODES.get(code, "refused: an unknown code")
    if packet is PacketType.DISCONNECT and code == 0:
        return "an orderly end"
    return REASON_CODES.get(code, "an unknown code")
