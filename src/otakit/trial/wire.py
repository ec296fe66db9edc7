"""The client's side of MQTT in memory: actions to packets, packets to events.

What paho-mqtt does for a real connection, without a socket: packet ids, acknowledgements, signs of life.
Pure; used by `world`, which carries the bytes.
"""

from __future__ import annotations

from otakit.client.events import Acknowledged, ConnectionLost, Opened, Refused, Subscribed
from otakit.client.settings import Settings
from otakit.client.vocabulary import Event, Send, Subscribe
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, message_of
from otakit.protocol.mqtt import decode, encode
from otakit.protocol.packets import Packet, PacketType
from otakit.reasons import BUSY_CODES, reason_text


class MemoryWire:
    """One MQTT session.

    Args:
        settings: version and keep alive.
        token: the device's access token.
    """

    def __init__(self, settings: Settings, token: str) -> None:
        self._settings, self._token = settings, token
        self._packet_id = 0
        self._tokens: dict[int, int] = {}

    def connect(self) -> bytes:
        """CONNECT."""
        version, keep_alive_s = self._settings.version, self._settings.keep_alive_s
        return encode(p.Connect(version=version, keep_alive_s=keep_alive_s, user_name=self._token))

    def subscribe(self, action: Subscribe) -> bytes:
        """SUBSCRIBE."""
        return self._encode(p.Subscribe(self._next_id(), action.filters))

    def send(self, action: Send) -> bytes:
        """PUBLISH."""
        message, packet_id = action.message, None
        if action.qos:
            packet_id = self._next_id()
            self._tokens[packet_id] = action.token
        return self._encode(p.Publish(message.topic, message.payload, action.qos, packet_id))

    def ping(self) -> bytes:
        """PINGREQ."""
        return self._encode(p.PingReq())

    def disconnect(self) -> bytes:
        """DISCONNECT."""
        return self._encode(p.Disconnect())

    def hear(self, raw: bytes) -> tuple[Event | None, bytes | None]:
        """A packet came.

        Returns:
            What it means to the machine, and the acknowledgement to send.
        """
        packet = decode(raw, self._settings.version)
        return self._event(packet), self._acknowledgement(packet)

    def _event(self, packet: Packet) -> Event | None:
        match packet:
            case p.Publish(topic=topic, payload=payload):
                return message_of(topic, payload, Direction.TO_DEVICE)
            case p.ConnAck(reason_code=0):
                return Opened()
            case p.ConnAck(reason_code=code):
                reason = reason_text(PacketType.CONNACK, code, self._settings.version)
                return ConnectionLost(reason) if code in BUSY_CODES else Refused(reason)
            case p.SubAck(reason_codes=codes):
                return Subscribed(codes)
            case p.PubAck(packet_id=packet_id, reason_code=code) if packet_id in self._tokens:
                return Acknowledged(self._tokens.pop(packet_id), code)
            case p.Disconnect(reason_code=code):
                return ConnectionLost(reason_text(PacketType.DISCONNECT, code, self._settings.version))
        return None

    def _acknowledgement(self, packet: Packet) -> bytes | None:
        if isinstance(packet, p.Publish) and packet.qos == 1 and packet.packet_id is not None:
            return self._encode(p.PubAck(packet.packet_id))
        return None

    def _encode(self, packet: Packet) -> bytes:
        return encode(packet, self._settings.version)

    def _next_id(self) -> int:
        self._packet_id = self._packet_id % 65_535 + 1
        return self._packet_id
