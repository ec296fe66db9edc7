"""Faults on purpose around a conversation: what a `faults.ServerPlan` says, done to real packets.

Pure, with the face of a `talk.Talk`: bytes in, bytes out, time from the clock it is given. Which packet is
befallen by what, the plan's counter and the sieve say, as on a link; what needs ThingsBoard's own rules (another
assignment, a lost cache entry, a second client) `mischief` does. Everything carried out is a note ``fault``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from otakit.captured import Watcher
from otakit.errors import RemoteProtocolError
from otakit.faults import Counter, Fault, LinkSettings, RefuseConnect, ServerPlan
from otakit.faults.meddling import Piece, fields_of, kind_of, meaning_of, meddled
from otakit.faults.values import GOODBYES, REFUSALS
from otakit.protocol import messages as m
from otakit.protocol.messages import Direction, Message
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import ConnAck, Connect, Disconnect, Packet, Version
from otakit.sieve import Sieve
from otakit.twin.conversation import Conversation
from otakit.twin.lane import Lane
from otakit.twin.mischief import MISCHIEF, Scene
from otakit.twin.model import Model
from otakit.twin.settings import nanoseconds

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
Heard = Callable[[bytes], object]
"""Hears a packet of the device as it came; gives what the watchers call it, for notes about it."""


@dataclass(frozen=True, slots=True)
class FaultNote:
    """A fault that was carried out.

    Attributes:
        fields: of the note ``fault``.
        at_ns: when.
        about: what the watchers call the device's packet that it befell, or whose answer it befell.
    """

    fields: Mapping[str, object]
    at_ns: int
    about: object


class Faults:
    """A plan at work on one server: it counts over all of its connections.

    Args:
        plan: what goes wrong.
        model: the server.
        now: the server's clock, nanoseconds since the epoch.

    Attributes:
        watcher: hears of each fault beside the server's own watchers, such as the recording of a device.
    """

    def __init__(self, plan: ServerPlan, model: Model, now: Callable[[], int]) -> None:
        self.plan, self.model, self.now = plan, model, now
        self.counter = Counter(plan.on_packets, plan.seed)
        self.watcher: Watcher | None = None
        self.connections = 0

    def around(self, conversation: Conversation) -> Faulty:
        """A connection with the plan around it, for `TwinServer.around`."""
        self.connections += 1
        return Faulty(conversation, self)


class Faulty:
    """One connection on which things go wrong.

    Args:
        conversation: what ThingsBoard makes of it; its `on_packet` hears the device's packets as they came.
        faults: the plan at work.
    """

    def __init__(self, conversation: Conversation, faults: Faults) -> None:
        self.conversation, self._faults, self._model = conversation, faults, faults.model
        self._heard: Heard | None = conversation.on_packet
        conversation.on_packet = None
        self._framer = Framer(self._model.settings.max_payload_bytes)
        self._sieve = Sieve(faults.counter, self._note, faults.plan.seed, device=lambda: self.device)
        self._version = Version.MQTT_3_1_1
        self._lanes = {way: Lane(faults.connections, way) for way in (UP, DOWN)}
        self._batch: list[bytes] = []
        self._ready: list[bytes] = []
        self._notes: list[FaultNote] = []
        self._asked: dict[object, object] = {}  # what the watchers call each question that is open
        self._called: object = None
        self._connect: tuple[Connect, object] | None = None
        self._cut = self._lost = self._refused = False

    # the face of a talk

    @property
    def closing(self) -> bool:
        """Whether the connection is to be closed once everything is sent."""
        if self._sieve.silent:
            return False
        return self._cut or (self.conversation.closing and not self._lanes[DOWN].waiting)

    def receive(self, data: bytes, now: int) -> None:
        """Hears bytes, in slices of any size."""
        self._slowly(UP, len(data), partial(self._hear, data), now)

    def take(self) -> list[bytes]:
        """The packets that are to be sent now; empties it."""
        self._drain(self._faults.now())
        ready, self._ready = self._ready, []
        return ready

    def take_notes(self) -> list[FaultNote]:
        """The faults carried out since the last time; empties it."""
        notes, self._notes = self._notes, []
        return notes

    def lost(self) -> None:
        """The network connection is gone."""
        self._slowly(UP, 0, self._ends, self._faults.now())  # what it said before is still on its way

    def _ends(self, _now: int) -> None:
        self._lost = True
        self.conversation.lost()

    @property
    def device(self) -> str | None:
        """The device's name, None before CONNECT was accepted."""
        device = self._model.store.devices.get(self.conversation.device_id or "")
        return None if device is None else device.name

    # what the device says

    def _hear(self, data: bytes, now: int) -> None:
        try:
            whole = self._framer.feed(data)
        except RemoteProtocolError:
            self.conversation.on_packet = self._called_by_watchers
            self._batch.append(self._framer.rest())  # the conversation says what is wrong with it
            whole = []
        for raw in whole:
            self._remember(raw)
            for piece in self._sieve.passes(UP, raw):
                self._passes(UP, piece, now)
        self._flush(now)

    def _remember(self, raw: bytes) -> None:
        """What the watchers call this packet, should a fault befall it or its answer."""
        called = self._called_by_watchers(raw)
        try:
            packet = decode(raw, self._version)
        except RemoteProtocolError:
            return
        if isinstance(packet, Connect):
            self._version, self._connect = packet.version, (packet, called)
        elif (question := _question(meaning_of(packet, UP))) is not None:
            self._asked[question] = called

    def _called_by_watchers(self, raw: bytes) -> object:
        self._called = self._heard(raw) if self._heard is not None else None
        return self._called

    def _flush(self, now: int) -> None:
        """The conversation hears all that has passed so far in one go: a burst stays a burst."""
        batch, self._batch = self._batch, []
        if batch and not self._cut:
            self.conversation.receive(b"".join(batch), now)
        self._drain(now)

    # what the server says

    def _drain(self, now: int) -> None:
        while packets := self.conversation.take():
            for raw in () if self._refused else packets:
                packet = decode(raw, self._version)
                if not (isinstance(packet, ConnAck) and self._befalls_connect(raw, packet, now)):
                    for piece in self._sieve.passes(DOWN, raw):
                        self._passes(DOWN, piece, now)
                self._asked.pop(_question(meaning_of(packet, DOWN)), None)

    def _befalls_connect(self, raw: bytes, answer: ConnAck, now: int) -> bool:
        """A CONNECT is counted once it is accepted: only then is it known whose it is."""
        if answer.reason_code or self._connect is None or self._sieve.silent:
            return False
        connect, self._called = self._connect
        fault = self._faults.counter.hears("Connect", None, device=self.device)
        if fault is None:
            return False
        self._note(fault, connect, UP)
        if isinstance(fault, RefuseConnect):
            self._refuse(fault.code, answer, now)
        else:
            self._sieve.obeys(fault)
            for piece in meddled(fault, raw, answer, self._version):
                self._passes(DOWN, piece, now)
        return True

    def _refuse(self, code: int, answer: ConnAck, now: int) -> None:
        """`MqttTransportHandler.onValidateDeviceResponse`: the code, in MQTT 5 a DISCONNECT behind it, the end."""
        five = self._version is Version.MQTT_5
        self._refused = True
        self.conversation.lost()
        said: list[Packet] = [ConnAck(code if five else REFUSALS[code], session_present=answer.session_present)]
        for packet in (*said, Disconnect(GOODBYES.get(code, code))) if five else said:
            self._passes(DOWN, Piece(encode(packet, self._version)), now)

    # both ways

    def _passes(self, direction: Direction, piece: Piece, now: int) -> None:
        """A piece goes on its way, or waits for its time."""
        if piece.late_s:
            self._model.timers.at(now + nanoseconds(piece.late_s), partial(self._passes_late, direction, piece))
        elif direction is DOWN:
            self._slowly(DOWN, len(piece.raw or b""), partial(self._leaves, piece), now)
        elif piece.raw is None:
            self._flush(now)
            self._break()
        else:
            self._batch.append(piece.raw)

    def _passes_late(self, direction: Direction, piece: Piece, now: int) -> None:
        if piece.gone or self._lost or self._sieve.silent:
            return
        piece.gone = True
        self._passes(direction, Piece(piece.raw), now)
        self._flush(now)
        self._model.sessions.wake(self.conversation)

    def _leaves(self, piece: Piece, _now: int) -> None:
        if piece.raw is None:
            self._break()
        elif not self._cut:
            self._ready.append(piece.raw)

    def _break(self) -> None:
        self._cut = True
        self.conversation.lost()

    def _slowly(self, direction: Direction, size: int, do: Callable[[int], None], now: int) -> None:
        """Does it at once, or when a slow link has carried so many bytes; what came before goes first."""
        link, lane = self._faults.plan.slow_link(self.device), self._lanes[direction]
        if link is None and not lane.waiting:
            do(now)
            return
        lane.waiting += 1
        self._model.timers.at(lane.due(link or LinkSettings(), size, now), partial(self._arrives, lane, do))

    def _arrives(self, lane: Lane, do: Callable[[int], None], now: int) -> None:
        lane.waiting -= 1
        if not self._lost:
            do(now)
            self._model.sessions.wake(self.conversation)

    def _note(self, fault: Fault, packet: Packet, direction: Direction) -> None:
        """Notes a fault that is carried out now, and does what it does to the server."""
        message, now = meaning_of(packet, direction), self._faults.now()
        fields = fields_of(fault, packet, direction)
        if self.device is not None:
            fields["device"] = self.device
        if (act := MISCHIEF.get(type(fault))) is not None:
            self._flush(now)
            why_not = act(fault, Scene(self._model, self.conversation, kind_of(message), now))
            fields |= {"undone": why_not} if why_not else {}
        about = self._called if direction is UP else self._asked.get(_question(message))
        self._notes.append(FaultNote(fields, now, about))
        if self._faults.watcher is not None:
            self._faults.watcher.note("fault", fields)


def _question(message: Message | None) -> object:
    """What a question and its answer have in common; None for what is neither."""
    match message:
        case m.ChunkRequest() | m.ChunkResponse():
            return ("chunk", message.kind, message.request_id, message.index)
        case m.AttributesRequest() | m.AttributesResponse():
            return ("attributes", message.request_id)
        case m.RpcRequest() | m.RpcResponse():
            return ("rpc", message.request_id)
    return None
