"""The fifteen MQTT control packets as values (OASIS MQTT 3.1.1 and 5, chapter 3).

Dataclasses only; `protocol.mqtt` turns them into bytes and back. A field that one version lacks has
a default there. Secrets (password, will payload, authentication data) stay out of every repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from otakit.protocol.properties import Properties


class Version(IntEnum):
    """Protocol level in CONNECT."""

    MQTT_3_1 = 3
    MQTT_3_1_1 = 4
    MQTT_5 = 5

    @property
    def label(self) -> str:
        """As people write it: ``3.1``, ``3.1.1`` or ``5``."""
        return {3: "3.1", 4: "3.1.1", 5: "5"}[self.value]


class PacketType(IntEnum):
    """Control packet type, the high four bits of the first byte (section 2.1.2)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


@dataclass(frozen=True, slots=True)
class Will:
    """What the server should publish for a client that vanishes (ThingsBoard ignores it)."""

    topic: str
    payload: bytes = field(repr=False)
    qos: int = 0
    retain: bool = False
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Connect:
    """Client to server, the first packet. `clean_start` is 3.1.1's clean session."""

    type: ClassVar[PacketType] = PacketType.CONNECT
    client_id: str = ""
    version: Version = Version.MQTT_3_1_1
    clean_start: bool = True
    keep_alive_s: int = 60
    user_name: str | None = field(default=None, repr=False)
    password: bytes | None = field(default=None, repr=False)
    will: Will | None = None
    properties: Properties = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ConnAck:
    """Server's answer to CONNECT; `reason_code` is 3.1.1's return code."""

    type: ClassVar[PacketType] = PacketType.CONNACK
    reason_code: int = 0
    session_present: bool = False
    properties: Properties = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Publish:
    """A message under a topic; `packet_id` is None at QoS 0."""

    type: ClassVar[PacketType] = PacketType.PUBLISH
    topic: str
    payload: bytes = field(default=b"", repr=False)
    qos: int = 0
    packet_id: int | None = None
    retain: bool = False
    dup: bool = False
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class _Acknowledgement:
    packet_id: int
    reason_code: int = 0
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class PubAck(_Acknowledgement):
    """Answer to a PUBLISH at QoS 1."""

    type: ClassVar[PacketType] = PacketType.PUBACK


@dataclass(frozen=True, slots=True)
class PubRec(_Acknowledgement):
    """First answer to a PUBLISH at QoS 2."""

    type: ClassVar[PacketType] = PacketType.PUBREC


@dataclass(frozen=True, slots=True)
class PubRel(_Acknowledgement):
    """Release of a PUBLISH at QoS 2."""

    type: ClassVar[PacketType] = PacketType.PUBREL


@dataclass(frozen=True, slots=True)
class PubComp(_Acknowledgement):
    """End of a PUBLISH at QoS 2."""

    type: ClassVar[PacketType] = PacketType.PUBCOMP


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Filters with their options byte (requested QoS in the low two bits)."""

    type: ClassVar[PacketType] = PacketType.SUBSCRIBE
    packet_id: int
    filters: tuple[tuple[str, int], ...]
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class SubAck:
    """One reason code for each filter of the SUBSCRIBE, in its order: 0 … 2 granted, from 0x80 refused."""

    type: ClassVar[PacketType] = PacketType.SUBACK
    packet_id: int
    reason_codes: tuple[int, ...]
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Filters that are no longer wanted."""

    type: ClassVar[PacketType] = PacketType.UNSUBSCRIBE
    packet_id: int
    filters: tuple[str, ...]
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class UnsubAck:
    """Answer to UNSUBSCRIBE; MQTT 3.1.1 has no reason codes here."""

    type: ClassVar[PacketType] = PacketType.UNSUBACK
    packet_id: int
    reason_codes: tuple[int, ...] = ()
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class PingReq:
    """Client's sign of life."""

    type: ClassVar[PacketType] = PacketType.PINGREQ


@dataclass(frozen=True, slots=True)
class PingResp:
    """Server's answer to PINGREQ."""

    type: ClassVar[PacketType] = PacketType.PINGRESP


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Last packet; in MQTT 5 from either side, with the reason."""

    type: ClassVar[PacketType] = PacketType.DISCONNECT
    reason_code: int = 0
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Auth:
    """MQTT 5's extended authentication (ThingsBoard does not use it)."""

    type: ClassVar[PacketType] = PacketType.AUTH
    reason_code: int = 0
    properties: Properties = field(default=(), repr=False)


Packet = (
    Connect | ConnAck | Publish | PubAck | PubRec | PubRel | PubComp | Subscribe | SubAck
    | Unsubscribe | UnsubAck | PingReq | PingResp | Disconnect | Auth
)  # fmt: skip
