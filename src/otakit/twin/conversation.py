"""One device's MQTT conversation as ThingsBoard holds it: bytes in, bytes out.

Pure: `receive` takes bytes and the time, `take` gives what is to be sent, `closing` says that the
connection is to be closed after it. Knows the packets and their codes in MQTT 3.1, 3.1.1 and 5
(`MqttTransportHandler`); publishes are read in `uplink` and `gateway`, chunks served in `chunks`, devices
provisioned in `provision_desk`. ThingsBoard is not a broker: nothing is routed, kept or sent again.
Whatever bytes come, no exception leaves this file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress

from otakit.errors import RemoteProtocolError
from otakit.protocol import packets as p
from otakit.protocol.messages import ATTRIBUTES_TOPIC
from otakit.protocol.packets import Packet, Version
from otakit.twin.chunks import UNREADABLE, UnreadableNumber
from otakit.twin.gateway import GatewayDesk
from otakit.twin.inbound import Inbound, packet_of
from otakit.twin.line import Line
from otakit.twin.model import Model
from otakit.twin.provision_desk import NAME, NO_SUBSCRIPTION, REFUSED_FILTER, ProvisionDesk
from otakit.twin.refusals import refusal_codes
from otakit.twin.rules.credentials import Refusal
from otakit.twin.rules.entities import Device
from otakit.twin.rules.telemetry import TimestampError
from otakit.twin.rules.transport import accepts
from otakit.twin.rules.values import FormatError
from otakit.twin.topics import FILTERS, GATEWAY, PROVISION_RESPONSE, RPC_FILTERS, UPDATE_FILTERS
from otakit.twin.uplink import Uplink

MALFORMED, QUOTA_EXCEEDED = 0x81, 0x97
LONGEST_3_1_CLIENT_ID = 23


class Conversation:
    """One connection, from its first byte to its last.

    Args:
        model: the server behind it.
        now: nanoseconds since the epoch.
        certificates: what the TLS client showed, in DER, leaf first.

    Attributes:
        device_id: whose it is, once CONNECT was accepted.
        active_at: when it last gave a sign of life.
        hears_updates: whether it is registered for attribute updates.
        on_packet: hears each whole packet before it is acted on.
    """

    __slots__ = (
        "_certificates", "_early", "_gateway", "_inbound", "_line", "_model", "_provision", "_updates_topic", "_uplink",
        "active_at", "device_id", "hears_updates", "on_packet",
    )  # fmt: skip

    def __init__(self, model: Model, now: int, certificates: tuple[bytes, ...] = ()) -> None:
        self._model, self._certificates = model, certificates
        if certificates:
            model.shake_hands(certificates, now)
        self._inbound = Inbound(model.settings.max_payload_bytes)
        self._line = Line(model.chance)
        self._early: deque[Packet] | None = None
        self._uplink: Uplink | None = None
        self._gateway: GatewayDesk | None = None
        self._provision: ProvisionDesk | None = None
        self.device_id: str | None = None
        self.active_at = now
        self.hears_updates = False
        self._updates_topic = ATTRIBUTES_TOPIC
        self.on_packet: Callable[[bytes], object] | None = None

    @property
    def closing(self) -> bool:
        """Whether the connection is to be closed once everything is sent."""
        return self._line.closing

    @property
    def outlet(self) -> object:
        """Itself: it has the wire."""
        return self

    @property
    def version(self) -> Version:
        """The MQTT version that its CONNECT named; 3.1.1 before. The page shows it."""
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
            self._leave()

    def lost(self) -> None:
        """The network connection is gone."""
        self._line.closing = True
        self._leave()
        self._uplink = self._gateway = self._provision = None  # each knows this conversation: no circle is left behind

    def tell(self, body: dict[str, object]) -> None:
        """Sends an attribute update."""
        if self._uplink is not None:
            self._uplink.tell(self._updates_topic, body)

    def end(self, reason_code: int) -> None:
        """Says goodbye and asks to be closed."""
        self._line.close(reason_code)
        self._leave()

    def refuse_chunk(self, word: str) -> None:
        """Says an error word and asks to be closed, as for a chunk that cannot be had."""
        if self._uplink is not None:
            self._uplink.chunks.refuse(word)

    def pay(self, now: int, values: int = 0) -> bool:
        """Charges one message to the device; False when a limit refuses it."""
        limits, device_id = self._model.limits, self.device_id or ""
        return limits.allow(now, device_id, values, is_gateway=self._gateway is not None)

    def _leave(self) -> None:
        self._model.sessions.gone(self)
        if self._gateway is not None:
            self._gateway.lost()

    def _hear(self, raw: bytes, now: int) -> None:
        if self.on_packet is not None:
            self.on_packet(raw)
        try:
            packet = packet_of(raw, self._line.version)
        except RemoteProtocolError:
            self._line.close(MALFORMED)
            return
        try:
            self._pass_on(packet, now)
        except (UnreadableNumber, TimestampError):
            self._line.close(UNREADABLE)

    def _pass_on(self, packet: Packet, now: int) -> None:
        if isinstance(packet, p.Connect):
            self._connect(packet, now)
            with suppress(UnreadableNumber, TimestampError):  # swallowed on ThingsBoard's other thread
                self._hear_early(now)
        elif self._provision is not None:
            self._provision.hears(packet, now)
        elif self._uplink is None:
            self._wait(packet)
        else:
            self._hear_early(now)
            if not self.closing:
                self._act(packet, now)

    def _wait(self, packet: Packet) -> None:
        self._early = self._early or deque()
        if len(self._early) >= self._model.settings.queue_before_connack:
            self._line.close(QUOTA_EXCEEDED)
        else:
            self._early.append(packet)

    def _hear_early(self, now: int) -> None:
        """Packets that came before CONNECT; one that cannot be read stops those behind it until the next one comes."""
        while self._early and self._uplink is not None and not self.closing:
            self._act(self._early.popleft(), now)
        self._early = self._early or None

    def _act(self, packet: Packet, now: int) -> None:
        """PUBREL, PUBACK and what only servers send are heard without a word."""
        action = ACTIONS.get(type(packet))
        if action is not None:
            action(self, packet, now)

    def _connect(self, packet: p.Connect, now: int) -> None:
        """Also a second time: whoever speaks then has the connection, with all that it remembers."""
        self._line.version = packet.version
        if packet.version is Version.MQTT_3_1 and not 1 <= len(packet.client_id) <= LONGEST_3_1_CLIENT_ID:
            self._line.close()
            return
        if NAME in (packet.user_name, packet.client_id):
            self._provision = self._provision or ProvisionDesk(self._model, self._line, self)
            self._accept(packet)
            return
        password = None if packet.password is None else packet.password.decode(errors="replace")
        found = self._model.device_for(packet.user_name, password, packet.client_id, self._certificates, now=now)
        if isinstance(found, Refusal):
            self._refuse(packet, found)
            return
        if not self._model.limits.allow(now, found.id, is_gateway=self._model.is_gateway(found.id)):
            self._refuse(packet, Refusal.RATE)
            return
        late = self._model.chance.coin()  # whether the older connection is closed before or after this CONNACK
        if late:
            self._accept(packet)
        self._open(found, now)
        if not late:
            self._accept(packet)

    def _accept(self, packet: p.Connect) -> None:
        """Session present says the opposite of clean session although nothing was kept (`createMqttConnAckMsg`)."""
        self._line.send(p.ConnAck(0, session_present=not packet.clean_start))

    def _open(self, device: Device, now: int) -> None:
        self.active_at = now
        if self.device_id == device.id and self in self._model.sessions.of(device.id):
            return  # the actor knows this session already
        self._leave()
        self.hears_updates = False
        self._uplink = self._uplink or Uplink(self._model, self._line, self)
        self._model.sessions.opened(device.id, self, now)
        is_gateway = self._model.is_gateway(device.id)
        self._gateway = GatewayDesk(self._model, self._line, self) if is_gateway else None

    def _refuse(self, packet: p.Connect, why: Refusal) -> None:
        code, goodbye = refusal_codes(why, packet, has_certificate=bool(self._certificates))
        self._line.send(p.ConnAck(code, session_present=not packet.clean_start))
        self._line.close(goodbye)

    def _publish(self, packet: p.Publish, now: int) -> None:
        assert self._uplink is not None
        if not packet.topic.startswith(GATEWAY):
            if self._uplink.hears(packet, now):
                self.active_at = now
        elif self._gateway is not None:  # else the device is no gateway: not even a PUBACK
            self.active_at = now
            try:
                self._gateway.hears(packet, now)
            except FormatError:
                self._uplink.refuse_format(packet, self._model.topics_of(self.device_id or ""))

    def _subscribe(self, packet: p.Subscribe, now: int) -> None:
        codes, charged = [], False
        for name, options in packet.filters:
            qos = min(options & 3, 1)
            own = accepts(self._model.topics_of(self.device_id or "").updates, name)
            if (not own and (name not in FILTERS or name == PROVISION_RESPONSE)) or not self._line.grant(name, qos):
                codes.append(REFUSED_FILTER[self._line.is_five])
                continue
            codes.append(qos)
            if own or name in UPDATE_FILTERS:
                self._updates_topic = ATTRIBUTES_TOPIC if own else UPDATE_FILTERS[name]
                charged = self._register(now, hears_updates=True)
            elif name in RPC_FILTERS:
                charged = self._register(now)
        if not charged:
            self.active_at = now
        self._line.send(p.SubAck(packet.packet_id, tuple(codes)))

    def _register(self, now: int, *, hears_updates: bool | None = None) -> bool:
        """Registers with the device's actor, or takes that back; what a limit refuses is not done, without a word."""
        if self.pay(now):
            self.active_at = now
            if hears_updates is not None:
                self.hears_updates = hears_updates
        return True

    def _unsubscribe(self, packet: p.Unsubscribe, now: int) -> None:
        """A sign of life only where the actor hears of it, or where nothing that was granted is named."""
        codes, known = [], False
        for name in packet.filters:
            if not self._line.revoke(name):
                codes.append(NO_SUBSCRIPTION)
                continue
            if name not in FILTERS:  # one that the profile allowed: taken back, but the actor hears nothing
                codes.append(REFUSED_FILTER[True])
                continue
            codes.append(0)
            known = True
            if name in UPDATE_FILTERS:
                self._register(now, hears_updates=False)
            elif name in RPC_FILTERS:
                self._register(now)
        if not known:
            self.active_at = now
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
