"""A seeded run in virtual time: the client's machine against the twin's conversation, in memory.

Carries packets between the two through a link with delay, rate and faults, lets an operator act at given
times, and writes down what a tap at the device would have seen. Pure: no clock, no socket, no file; two
runs of one seed and plan give the same entries, byte for byte. Used by stories, trials and the sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.client.core import Core
from otakit.client.events import ConnectionLost, DeadlinePassed, Started, StopAsked
from otakit.client.settings import Settings, ns
from otakit.client.vocabulary import Action, Connect, Disconnect, Event, Outcome, Send, Subscribe, Tell
from otakit.errors import RemoteProtocolError
from otakit.faults import LinkSettings, ServerPlan
from otakit.faults.meddling import Piece
from otakit.protocol.messages import Direction, Kind
from otakit.trial.memory import MemoryDevice
from otakit.trial.path import Meddler, Path
from otakit.trial.wire import MemoryWire
from otakit.twin.conversation import Conversation
from otakit.twin.faulty import Faults, Faulty
from otakit.twin.model import Model
from otakit.twin.talk import Talk

EPOCH_NS = 1_767_225_600 * 1_000_000_000
"""2026-01-01 00:00 UTC, where every virtual run begins."""
LONGEST_S = 7 * 24 * 3600
DEVICE, SERVER = ("192.0.2.7", 49152), ("192.0.2.1", 1883)
"""Addresses for documentation (RFC 5737): a virtual run has no real ones."""

Operator = Callable[[Model, int], object]


@dataclass
class Plan:
    """What happens to a run from outside.

    Attributes:
        link: delay, rate and faults between device and server.
        operator: at so many seconds after the start, someone acts on the server.
        meddler: a server or a network that does what ThingsBoard does not.
        stop_at_s: someone stops the client.
        server: faults that the server itself has.
    """

    link: LinkSettings = field(default_factory=LinkSettings)
    operator: tuple[tuple[float, Operator], ...] = ()
    meddler: Meddler | None = None
    stop_at_s: float | None = None
    server: ServerPlan = field(default_factory=ServerPlan)


@dataclass
class Run:
    """What a run left behind.

    Attributes:
        entries: what a tap at the device saw, in order.
        ended_s: virtual seconds from the start.
    """

    entries: list[Entry]
    outcomes: dict[Kind, Outcome]
    history: dict[Kind, list[Outcome]]
    device: MemoryDevice
    core: Core
    model: Model
    ended_s: float


def run_world(
    model: Model,
    token: str,
    settings: Settings | None = None,
    *,
    plan: Plan | None = None,
    device: MemoryDevice | None = None,
) -> Run:
    """Lets a device update itself in virtual time.

    Args:
        model: the server, made with its seed at `EPOCH_NS`.
        token: access token of the device.
        settings: how the client behaves.
        plan: what happens from outside.
        device: the device's memory; what runs on it.
    """
    world = World(model, token, settings or Settings(), plan or Plan(), device or MemoryDevice())
    world.run()
    return Run(
        entries=world.entries,
        outcomes=world.core.outcomes(),
        history={kind: list(job.history) for kind, job in world.core.jobs.items()},
        device=world.device,
        core=world.core,
        model=model,
        ended_s=(world.now - EPOCH_NS) / 1e9,
    )


class World:
    """One device, one link, one server, and the clock."""

    def __init__(
        self, model: Model, token: str, settings: Settings, plan: Plan, device: MemoryDevice, *, stepping: bool = False
    ) -> None:
        self.model, self.device, self.now = model, device, EPOCH_NS
        self.core = Core(settings, device.running, stepping=stepping)
        self.entries: list[Entry] = []
        self._settings, self._token, self._plan = settings, token, plan
        self._path = Path(plan.link, plan.meddler)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._ticket = 0
        self._number = -1
        self._packets = 0
        self._wire: MemoryWire | None = None
        self._faults = Faults(plan.server, model, lambda: self.now)
        self._talk: Talk | None = None
        self._session: Conversation | None = None
        self._pinged_at = EPOCH_NS

    # time

    def run(self) -> None:
        """From the start to the end of the client."""
        self.begin()
        while not self.core.finished:
            self.tick()

    def begin(self) -> None:
        """The client starts, the operator's day is planned."""
        for at_s, act in self._plan.operator:
            self.later(ns(at_s), lambda act=act: self.operate(act))  # type: ignore[misc]  # mypy cannot see through the default
        if self._plan.stop_at_s is not None:
            self.later(ns(self._plan.stop_at_s), self._stop)
        self.hear(Started())

    def later(self, delay_ns: int, do: Callable[[], None]) -> None:
        """Does something after a while; what is due together happens in the order in which it was planned."""
        self._ticket += 1
        heappush(self._queue, (self.now + delay_ns, self._ticket, do))

    @property
    def next_at(self) -> int | None:
        """When something happens next; None when nothing ever will."""
        times = [self._queue[0][0]] if self._queue else []
        times += [at for at in (self.core.wake_at, self.model.wake_at, self._pings_at()) if at is not None]
        return max(self.now, min(times)) if times else None

    def tick(self) -> None:
        """Goes to the next moment at which something happens."""
        due = self.next_at
        if due is None or (self.now - EPOCH_NS) > LONGEST_S * 1_000_000_000:
            raise AssertionError(f"nothing will ever happen again: {self.core.connection.phase}, {self.core.jobs}")
        self.now = due
        while self._queue and self._queue[0][0] <= self.now:
            heappop(self._queue)[2]()
        if (due := self.model.wake_at) is not None and due <= self.now:
            self.model.advance(self.now)
            self._send_woken()
        if (due := self.core.wake_at) is not None and due <= self.now:
            self.hear(DeadlinePassed())
            if (again := self.core.wake_at) is not None and again <= self.now:
                raise AssertionError(f"a deadline that nobody heard: {self.core.connection}, {self.core.jobs}")
        if (due := self._pings_at()) is not None and due <= self.now:
            self._ping()

    def operate(self, act: Operator) -> None:
        """The operator acts."""
        act(self.model, self.now)
        self._send_woken()

    def _stop(self) -> None:
        self.hear(StopAsked())

    # the device

    def hear(self, event: Event) -> None:
        """The client hears an event and all that follows at this moment."""
        self.do(self.core.hear(event, self.now))

    def do(self, actions: list[Action]) -> None:
        """Carries actions out, in order."""
        heard: list[Event] = []
        for action in actions:
            match action:
                case Connect():
                    self._connect()
                case Subscribe() if self._wire is not None:
                    self._up(self._wire.subscribe(action))
                case Send() if self._wire is not None:
                    self._up(self._wire.send(action))
                case Disconnect():
                    self._disconnect(orderly=action.orderly)
                case Tell():
                    number = self._number if self._number >= 0 else None
                    self.entries.append(Note(action.name, self.now, dict(action.fields), number))
                case _:
                    if (became := self.device.carry(action)) is not None:
                        heard.append(became)
        for event in heard:
            self.hear(event)

    def _connect(self) -> None:
        self._disconnect(orderly=False)
        self._number += 1
        client = (DEVICE[0], DEVICE[1] + self._number)
        self.entries.append(OpenedConnection(self._number, client, SERVER))
        self._wire = MemoryWire(self._settings, self._token)
        self._session = Conversation(self.model, self.now)
        self._talk = self._session if self._plan.server.is_none else self._faults.around(self._session)
        self._pinged_at = self.now
        self._up(self._wire.connect())

    def _disconnect(self, *, orderly: bool) -> None:
        if self._wire is None or self._talk is None:
            return
        if orderly:
            self._up(self._wire.disconnect())
        talk = self._talk
        self._wire = self._talk = None
        self.later(self._path.idle_ns(Direction.TO_SERVER, self.now), talk.lost)
        self._path.clear(self.now)

    def _pings_at(self) -> int | None:
        return None if self._wire is None else self._pinged_at + ns(self._settings.keep_alive_s)

    def _ping(self) -> None:
        self._pinged_at = self.now
        if self._wire is not None:
            self._up(self._wire.ping())

    # the path

    def _up(self, raw: bytes) -> None:
        self._saw(Direction.TO_SERVER, raw)
        talk, number = self._talk, self._number
        if talk is None:
            return
        for delay_ns, piece in self._path.send(Direction.TO_SERVER, raw, self._settings.version, self.now):
            self.later(delay_ns, partial(self._arrives, number, piece, partial(self._server_hears, talk, number)))

    def _arrives(self, number: int, piece: Piece, hears: Callable[[bytes], None]) -> None:
        """A piece has come through the path, unless it came earlier with what overtook it."""
        if piece.gone:
            return
        piece.gone = True
        if piece.raw is None:
            self._breaks(number, "the connection broke")
        else:
            hears(piece.raw)

    def _server_hears(self, talk: Talk, number: int, raw: bytes) -> None:
        talk.receive(raw, self.now)
        self._down(talk, number)
        self._send_woken()

    def _send_woken(self) -> None:
        self.wake(self.model.sessions.take_woken())

    def wake(self, woken: list[object]) -> None:
        """Sends what the server has to say unasked, where this device's connection is among those named."""
        if self._talk is not None and self._session in woken:
            self._down(self._talk, self._number)

    def _down(self, talk: Talk, number: int) -> None:
        """What the server says, and its closing of the connection behind it."""
        packets = talk.take()
        if isinstance(talk, Faulty):
            self.entries.extend(Note("fault", note.at_ns, dict(note.fields), number) for note in talk.take_notes())
        for raw in packets:
            for delay_ns, piece in self._path.send(Direction.TO_DEVICE, raw, self._settings.version, self.now):
                self.later(delay_ns, partial(self._arrives, number, piece, partial(self._device_hears, number)))
        if talk.closing:
            delay_ns = self._path.idle_ns(Direction.TO_DEVICE, self.now)
            self.later(delay_ns, lambda: self._breaks(number, "the server closed the connection"))

    def _device_hears(self, number: int, raw: bytes) -> None:
        if number != self._number or self._wire is None:
            return
        self._saw(Direction.TO_DEVICE, raw)
        try:
            event, acknowledgement = self._wire.hear(raw)
        except RemoteProtocolError as error:
            self._breaks(number, f"the server sent bytes that are no MQTT ({error})")
            return
        if acknowledgement is not None:
            self._up(acknowledgement)
        if isinstance(event, ConnectionLost):
            self._breaks(number, event.reason)
        elif event is not None:
            self.hear(event)

    def _breaks(self, number: int, reason: str) -> None:
        if number != self._number or self._wire is None:
            return
        talk = self._talk
        self._wire = self._talk = None
        self._path.clear(self.now)
        if talk is not None:
            talk.lost()
        self.hear(ConnectionLost(reason))

    def _saw(self, direction: Direction, raw: bytes) -> None:
        self._packets += 1
        self.entries.append(CapturedPacket(self._packets, self.now, self._number, direction, raw, len(raw)))
