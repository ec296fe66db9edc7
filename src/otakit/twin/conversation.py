"""One device's MQTT conversation as ThingsBoard holds it: bytes in, bytes out.

Pure: `receive` takes bytes and the time, `take` gives what is to be sent, `closing` says that the
connection is to be closed after it. Knows the packets and their codes in MQTT 3.1, 3.1.1 and 5
(`MqttTransportHandler`); publishes are read in `uplink`, chunks served in `chunks`. ThingsBoard is not a
broker: nothing is routed, kept or sent again. Whatever bytes come, no exception leaves this file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress

from otakit.errors import RemoteProtocolError
from otakit.protocol import packets as p
from otakit.protocol.mqtt import Framer, decode
from otakit.protocol.packets import Packet, Version
from otakit.twin.chunks import UNREADABLE, UnreadableNumber
from otakit.twin.line import Line
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device
from otakit.twin.rules.telemetry import TimestampError
from otakit.twin.topics import FILTERS, UPDATE_FILTERS
from otakit.twin.uplink import Uplink

MALFORMED, QUOTA_EXCEEDED = 0x81, 0x97
REFUSED_FILTER = {False: 0x80, True: 0x8F}
"""SUBACK's code for a filter that is not granted, by whether the device speaks MQTT 5."""
NO_SUBSCRIPTION = 0x11
LONGEST_3_1_CLIENT_ID = 23


class _Inbound(Framer):
    """Gives the whole packets that stand before a broken one; keeps the break for afterwards."""

    fault: RemoteProtocolError | None = None

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        try:
            return super().feed(data)
        except RemoteProtocolError as error:
            self.fault = error
        held, whole, at = self.rest(), [], 0
        with suppress(RemoteProtocolError):  # the same one again, behind the last whole packet
            while (end := self._end(held, at)) <= len(held):
                whole.append(held[at:end])
                at = end
        return whole


class Conversation:
    """One connection, from its first byte to its last.

    Args:
        model: the server behind it.
        now: nanoseconds since the epoch.
        certificates: what the TLS client showed, in DER, leaf first.

    Attributes:
        device_id: whose it is, once CONNECT was accepted.
        on_packet: hears each whole packet before it is acted on.
    """

    def __init__(self, model: Model, now: int, certificates: tuple[bytes, ...] = ()) -> None:
        self._model, self._certificates = model, certificates
        if certificates:
            model.shake_hands(certificates, now)
        self._inbound = _Inbound(model.settings.max_payload_bytes)
        self._line = Line()
        self._early: deque[Packet] = deque()
        self._uplink: Uplink | None = None
        self.device_id: str | None = None
        self.active_at = now
        self.hears_updates = False
        self._updates_topic = ""
        self.on_packet: Callable[[bytes], None] | None = None

    @property
    def closing(self) -> bool:
        """Whether the connection is to be closed once everything is sent."""
        return self._line.closing

    @property
    def version(self) -> Version:
        """The MQTT version that its CONNECT named; 3.1.1 before."""
        return self._line.version

    def take(self) -> list[bytes]:
        """What is to be sent now; empties it."""
        return self._line.take()

    def receive(self, data: bytes, now: int) -> None:
        """Hears bytes, in slices of any size."""
        if self.closing:
            return
        for raw in self._inbound.feed(data):
            self._hear(raw, now)
            if self.closing:
                break
        if self._inbound.fault is not None:
            self._line.close(MALFORMED)
        if self._uplink is not None:
            self._uplink.chunks.ask_core(now)
        if self.closing:
            self._model.sessions.gone(self)

    def lost(self) -> None:
        """The network connection is gone."""
        self._line.closing = True
        self._model.sessions.gone(self)

    def tell(self, body: dict[str, object]) -> None:
        """Sends an attribute update."""
        if self._uplink is not None:
            self._uplink.tell(self._updates_topic, body)

    def end(self, reason_code: int) -> None:
        """Says goodbye and asks to be closed."""
        self._line.close(reason_code)

    def _hear(self, raw: bytes, now: int) -> None:
        if self.on_packet is not None:
            self.on_packet(raw)
        try:
            packet = decode(raw, self._line.version)
            _check(packet)
        except RemoteProtocolError:
            self._line.close(MALFORMED)
            return
        if isinstance(packet, p.Connect):
            self._connect(packet, now)
            self._hear_early(now)
        elif self._uplink is None:
            self._wait(packet)
        else:
            self._hear_early(now)
            try:
                self._act(packet, now)
            except (UnreadableNumber, TimestampError):
                self._line.close(UNREADABLE)

    def _wait(self, packet: Packet) -> None:
        if len(self._early) >= self._model.settings.queue_before_connack:
            self._line.close(QUOTA_EXCEEDED)
        else:
            self._early.append(packet)

    def _hear_early(self, now: int) -> None:
        """Packets that came before CONNECT; one that cannot be read is swallowed and stops those behind it."""
        while self._early and self._uplink is not None and not self.closing:
            packet = self._early.popleft()
            try:
                self._act(packet, now)
            except (UnreadableNumber, TimestampError):
                return

    def _act(self, packet: Packet, now: int) -> None:
        """PUBREL, PUBACK and what only servers send are heard without a word."""
        action = ACTIONS.get(type(packet))
        if action is not None:
            action(self, packet, now)

    def _connect(self, packet: p.Connect, now: int) -> None:
        self._line.version = packet.version
        if packet.version is Version.MQTT_3_1 and not 1 <= len(packet.client_id) <= LONGEST_3_1_CLIENT_ID:
            self._line.close()
            return
        device = None if packet.user_name is None else self._model.device_of_token(packet.user_name)
        if device is None:
            self._refuse(packet)
            return
        late = self._model.chance.coin()  # whether the older connection is closed before or after this CONNACK
        if late:
            self._accept(packet)
        self._open(device, now)
        if not late:
            self._accept(packet)

    def _accept(self, packet: p.Connect) -> None:
        """Session present says the opposite of clean session although nothing was kept (`createMqttConnAckMsg`)."""
        self._line.send(p.ConnAck(0, session_present=not packet.clean_start))

    def _open(self, device: Device, now: int) -> None:
        self.device_id, self.active_at, self.hears_updates = device.id, now, False
        self._uplink = Uplink(self._model, self._line, device.id, lambda: self._model.sessions.wake(self))
        self._model.sessions.opened(device.id, self, now)

    def _refuse(self, packet: p.Connect) -> None:
        """`ReturnCodeResolver`: the code tells what was presented, never what was wrong with it."""
        if packet.user_name is not None or packet.password is not None:
            code = 0x86 if self._line.is_five else 5
        elif packet.client_id.strip():
            code = 0x85 if self._line.is_five else 2
        else:
            code = 0x87 if self._line.is_five else 5
        self._line.send(p.ConnAck(code, session_present=not packet.clean_start))
        self._line.close(code)

    def _publish(self, packet: p.Publish, now: int) -> None:
        assert self._uplink is not None
        if self._uplink.hears(packet, now):
            self.active_at = now

    def _subscribe(self, packet: p.Subscribe, now: int) -> None:
        self.active_at = now
        codes = []
        for name, options in packet.filters:
            if name not in FILTERS:
                codes.append(REFUSED_FILTER[self._line.is_five])
                continue
            codes.append(min(options & 3, 1))
            self._line.granted[name] = codes[-1]
            if name in UPDATE_FILTERS:
                self.hears_updates, self._updates_topic = True, name
        self._line.send(p.SubAck(packet.packet_id, tuple(codes)))

    def _unsubscribe(self, packet: p.Unsubscribe, now: int) -> None:
        codes = []
        for name in packet.filters:
            codes.append(0 if self._line.granted.pop(name, None) is not None else NO_SUBSCRIPTION)
            if name in UPDATE_FILTERS:
                self.hears_updates, self.active_at = False, now
        self._line.send(p.UnsubAck(packet.packet_id, tuple(codes)))

    def _ping(self, _packet: p.PingReq, now: int) -> None:
        self.active_at = now
        self._line.send(p.PingResp())

    def _disconnect(self, _packet: p.Disconnect, _now: int) -> None:
        self._line.close(0)


ACTIONS: dict[type[Packet], Callable[..., None]] = {
    p.Publish: Conversation._publish,  # noqa: SLF001 - the table of the class's own actions
    p.Subscribe: Conversation._subscribe,  # noqa: SLF001
    p.Unsubscribe: Conversation._unsubscribe,  # noqa: SLF001
    p.PingReq: Conversation._ping,  # noqa: SLF001
    p.Disconnect: Conversation._disconnect,  # noqa: SLF001
}


def _check(packet: Packet) -> None:
    """What Netty's decoder refuses beyond the codec: packet id 0, wildcards in a topic name.

    Raises:
        RemoteProtocolError: it does.
    """
    if isinstance(packet, p.Publish):
        if packet.packet_id == 0 or "+" in packet.topic or "#" in packet.topic:
            raise RemoteProtocolError("PUBLISH: packet id 0 or a wildcard in the topic name")
    elif getattr(packet, "packet_id", None) == 0:
        raise RemoteProtocolError(f"{packet.type.name}: packet id 0")
