"""Several devices of one server in virtual time, and an operator who acts when all of them have heard something.

Carries worlds forward in the order of what happens next and puts what their taps saw into one recording;
refuses to know what a device does. Used where one device is not enough, since a profile's package reaches
many, and for stories that are played over TCP too: there no clock says when the operator acts. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.client.settings import Settings, ns
from otakit.faults import LinkSettings
from otakit.protocol.messages import row_of
from otakit.protocol.mqtt import decode
from otakit.trial.memory import MemoryDevice
from otakit.trial.world import DEVICE, EPOCH_NS, Operator, Plan, World
from otakit.twin.model import Model

PAUSE_S = 1.0
"""Between two rounds."""


@dataclass(frozen=True, slots=True)
class Act:
    """What the operator does once every device has seen the n-th packet of a row.

    Attributes:
        row: name in the message table, such as ``AttributesResponse``.
        nth: counted from the beginning of the round.
        name: what is done, in words; it becomes a note of the recording.
    """

    row: str
    nth: int
    name: str
    do: Operator


@dataclass
class Member:
    """One device.

    Attributes:
        token: its access token.
        memory: its disk and slots, over all rounds.
    """

    token: str
    memory: MemoryDevice


class Together:
    """Devices, one link of the same kind for each, one server, one clock.

    Args:
        model: the server, made with its seed at `EPOCH_NS`.
        members: the devices; each has an address of its own.
        settings: how their clients behave.
        link: between each of them and the server.

    Attributes:
        entries: what a tap at all devices saw, in order, with connections and packets numbered as in one recording.
        now: nanoseconds since the epoch.
    """

    def __init__(
        self, model: Model, members: Sequence[Member], settings: Settings, link: LinkSettings | None = None
    ) -> None:
        self.entries: list[Entry] = []
        self.now = EPOCH_NS
        self._model, self._members, self._settings = model, members, settings
        self._link = link or LinkSettings()
        self._packets = self._connections = 0

    def round(self, *acts: Act) -> None:
        """Every device connects, updates itself as far as there is something, and ends."""
        worlds: list[_Neighbour] = []
        for member in self._members:
            worlds.append(_Neighbour(self._model, member, self._settings, self._link, self.now, worlds))
        for world in worlds:
            world.begin()
        waiting, notes = list(acts), list[Note]()
        while at_work := [world for world in worlds if not world.core.finished]:
            world = min(at_work, key=_when)
            world.tick()
            while waiting and all(each.has_seen(waiting[0]) for each in worlds):
                act = waiting.pop(0)
                notes.append(Note("operator", world.now, {"did": act.name}))
                world.operate(act.do)
        for world in worlds:
            world.come_to_rest()
        assert not waiting, f"the round ended before the operator's turn: {waiting[0].name}"
        self._take(worlds, notes)
        self.now = max(world.now for world in worlds) + ns(PAUSE_S)

    def _take(self, worlds: Sequence[World], notes: Iterable[Note]) -> None:
        """Numbers what was seen anew, in the order in which it happened."""
        seen = [(at, place, entry) for place, world in enumerate(worlds) for at, entry in _timed(world.entries)]
        seen += [(note.at_ns, -1, note) for note in notes]
        connections: dict[tuple[int, int], int] = {}
        packets: dict[tuple[int, int], int] = {}
        for _, place, entry in sorted(seen, key=lambda each: each[0]):
            match entry:
                case OpenedConnection(number=number, server=server):
                    connections[place, number] = self._connections
                    client = (f"192.0.2.{7 + place}", DEVICE[1] + self._connections)
                    self.entries.append(OpenedConnection(self._connections, client, server))
                    self._connections += 1
                case CapturedPacket(number=number, connection=connection):
                    self._packets += 1
                    packets[place, number] = self._packets
                    new = replace(entry, number=self._packets, connection=connections[place, connection])
                    self.entries.append(new)
                case Note(connection=old, about=about):
                    on = None if old is None else connections.get((place, old))
                    of = None if about is None else packets.get((place, about))
                    self.entries.append(replace(entry, connection=on, about=of))


class _Neighbour(World):
    """A world that shares its server with others."""

    def __init__(
        self,
        model: Model,
        member: Member,
        settings: Settings,
        link: LinkSettings,
        now: int,
        neighbours: Sequence[_Neighbour],
    ) -> None:
        super().__init__(model, member.token, settings, Plan(link), member.memory)
        self.now = now
        self._version, self._neighbours = settings.version, neighbours
        self._counted, self._seen = 0, dict[str, int]()

    def has_seen(self, act: Act) -> bool:
        """Whether the packet that an act waits for has passed here."""
        for entry in self.entries[self._counted :]:
            if isinstance(entry, CapturedPacket):
                row = row_of(decode(entry.raw, self._version), entry.direction).name
                self._seen[row] = self._seen.get(row, 0) + 1
        self._counted = len(self.entries)
        return self._seen.get(act.row, 0) >= act.nth

    def come_to_rest(self) -> None:
        """What is still on its way arrives: the server hears that the connection is over."""
        while self._queue:
            self.tick()

    def _send_woken(self) -> None:
        """Whoever has to be told is told, also by a neighbour's doing."""
        woken = self.model.sessions.take_woken()
        for world in self._neighbours:
            world.now = max(world.now, self.now)
            world.wake(woken)


def _when(world: World) -> int:
    due = world.next_at
    assert due is not None, f"nothing will ever happen again: {world.core.connection.phase}"
    return due


def _timed(entries: Sequence[Entry]) -> Iterator[tuple[int, Entry]]:
    """Each entry with its time; a connection opens when its first packet passes."""
    at = 0
    times = []
    for entry in reversed(entries):
        at = at if isinstance(entry, OpenedConnection) else entry.at_ns
        times.append(at)
    yield from zip(reversed(times), entries, strict=True)
