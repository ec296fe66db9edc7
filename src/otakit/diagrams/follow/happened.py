"""What happened, in the order in which a diagram tells it: packets and the device's own steps.

Knows which notes are arrows within the device, which packets a drawing may leave out, and what is as if it
had never been said; refuses to know any diagram. Questions that a lost connection left without an answer do
not count: the device has to ask again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from otakit.captured import Note
from otakit.diagrams.follow.threads import WHOLE, Threads
from otakit.exchange import DecodedPacket, Exchange, Exchanges
from otakit.exchange.offers import kind_word
from otakit.exchange.question import ACKNOWLEDGEMENTS, QUESTION_OF
from otakit.protocol import packets as p
from otakit.protocol.messages import (
    AttributesResponse,
    AttributesUpdate,
    ChunkRequest,
    Direction,
    Kind,
    Telemetry,
)

INSTALL_ROWS = {"install": "Install", "restart": "Restart", "confirm": "Confirm", "roll_back": "RollBack"}
INNER_NOTES = frozenset({"state", "install", "update_began"})
"""Only a client of the kit writes these: without one of them the device's inner steps are not in the recording."""
RESTARTS = "the device restarts"
"""Reason of the `connection_lost` that makes room for a restart: then it happens, not when it is decided."""
MAY_BE_LEFT_OUT = ACKNOWLEDGEMENTS | {"PingReq", "PingResp", "Disconnect"}
"""Rows that a drawing may leave out where they happen."""


@dataclass(frozen=True, slots=True, eq=False)
class Happened:
    """One thing that happened.

    Attributes:
        row: name of a row of the message table.
        device: key of the device.
        connection: number of the connection; -1 for a step within the device.
        place: its place among all that the recording holds.
        packet: the packet; None for a step within the device.
        thread: number of the question that it is, or answers; asked again before an answer came, it is the same.
        is_question: it asks, or says something by itself.
        is_last: nothing of this thread comes behind it.
        needs_ack: it is a question sent at QoS 1 or 2.
        was_asked: false for an answer to nothing.
        may_be_left_out: a drawing need not have it.
        after_loss: its device's connection before this one was lost (`Threads.lost`).
        own_filters: of a SUBSCRIBE, its filters.
        filters: of a SUBSCRIBE, all filters of its connection so far.
        length: of a chunk, as a label says it: ``whole``, ``another length``, ``0 bytes``.
        news: kinds of which it offers another package than the device was told of before.
        codes: of a SUBACK, the code of each filter of its connection so far.
        is_mistaken: it is about chunks of one kind where only the other was spoken of, or asked for.
    """

    row: str
    way: Direction
    device: str
    at_ns: int
    place: tuple[int, int]
    connection: int = -1
    packet: DecodedPacket | None = None
    kind: str | None = None
    thread: int = -1
    is_question: bool = True
    is_last: bool = True
    needs_ack: bool = False
    was_asked: bool = True
    may_be_left_out: bool = False
    after_loss: bool = False
    length: str = WHOLE
    own_filters: frozenset[str] = frozenset()
    filters: frozenset[str] = frozenset()
    news: frozenset[str] = frozenset()
    codes: Mapping[str, int] = field(default_factory=dict)
    is_mistaken: bool = False


def happened(story: Exchanges) -> tuple[list[Happened], frozenset[int], int]:
    """Everything that a diagram could have promised, in order.

    Returns:
        That, the connections that were lost, and how many questions do not count for it.
    """
    teller = _Teller(story)
    return teller.told(), teller.threads.lost, teller.threads.unanswered


def holds_inner_steps(story: Exchanges) -> bool:
    """Whether the device's inner steps are in the recording at all."""
    return any(note.name in INNER_NOTES for note in story.notes)


class _Teller:
    """Goes through a recording once."""

    def __init__(self, story: Exchanges) -> None:
        self._story = story
        self.threads = Threads(story)
        self._told: dict[tuple[str, Kind, bool], object] = {}
        self._before = self._connections_before()
        self._filters: dict[int, dict[str, int]] = {}
        self._begins_late = _begin_late(story)
        self._spoken = set[tuple[str, str]]()
        self._asked = set[tuple[int, str | None]]()

    def told(self) -> list[Happened]:
        timeline = [event for at, packet in enumerate(self._story.packets) for event in self._packet(at, packet)]
        moved = self._restarts() | self._checks()
        for number, (note, at) in enumerate(zip(self._story.notes, self._story.note_places, strict=True)):
            if (row := _row_of(note)) is not None:
                timeline.append(self._step(row, note, (moved.get(number, at) * 2 - 1, number)))
        return sorted(timeline, key=lambda event: event.place)

    def _step(self, row: str, note: Note, place: tuple[int, int]) -> Happened:
        """A step within the device; it stands in front of the packet that came next."""
        kind = kind_word(note.fields.get("kind"))
        return Happened(row, Direction.WITHIN_DEVICE, self._device(note.connection), note.at_ns, place, kind=kind)

    def _packet(self, at: int, packet: DecodedPacket) -> Iterator[Happened]:
        exchange = self.threads.exchange_of.get(packet.number)
        if packet.repeated or packet.message is None or exchange is None:
            return
        is_mistaken = self._is_mistaken(packet)
        if exchange.number in self.threads.void and packet.message != "OtaError" and not is_mistaken:
            return
        asks = exchange.question is packet or packet.message == "OtaError"  # the word does not say what it answers
        is_answer = packet.message in QUESTION_OF or packet.message in ACKNOWLEDGEMENTS
        if asks and is_answer and (packet.connection in self._begins_late or packet.message in ACKNOWLEDGEMENTS):
            return  # what it answers may stand in front of the recording, or be a duplicate of anything
        thread = self.threads.thread_of(exchange) if packet.message != "OtaError" else -packet.number
        in_vain = packet.number in self.threads.in_vain
        filters, codes = self._filters_after(packet, exchange)
        says = packet.says
        yield Happened(
            row=packet.message,
            way=packet.direction,
            device=self._device(packet.connection),
            at_ns=packet.at_ns,
            place=self._place(at, packet, exchange),
            connection=packet.connection,
            packet=packet,
            kind=exchange.question.kind if exchange.expects else packet.kind,
            thread=thread,
            is_question=asks,
            is_last=thread < 0 or packet.number == self.threads.last_of[thread],
            needs_ack=asks and exchange.needs_ack,
            was_asked=not (asks and is_answer) and packet.number not in self.threads.surplus,
            may_be_left_out=packet.message in MAY_BE_LEFT_OUT or in_vain or exchange.number in self.threads.repeats,
            after_loss=self._before.get(packet.connection) in self.threads.lost,
            length=self.threads.length(packet, exchange),
            own_filters=frozenset(name for name, _ in says.filters) if isinstance(says, p.Subscribe) else frozenset(),
            filters=filters,
            news=self._news(packet),
            codes=codes,
            is_mistaken=is_mistaken,
        )

    def _is_mistaken(self, packet: DecodedPacket) -> bool:
        """Whether it asks for chunks where only the other kind was spoken of, or answers with a kind not asked for."""
        device, says = self._device(packet.connection), packet.says
        match says:
            case Telemetry(values=spoken):
                self._spoken.update((device, name[:2]) for name in spoken if name in ("fw_state", "sw_state"))
            case AttributesResponse(body=dict() as spoken) | AttributesUpdate(body=dict() as spoken):
                keys = spoken.get("shared", {}) if isinstance(says, AttributesResponse) else spoken
                self._spoken.update((device, str(name)[:2]) for name in keys if name in ("fw_title", "sw_title"))
            case ChunkRequest(kind=kind):
                self._asked.add((packet.connection, kind.word))
                other = Kind.SOFTWARE if kind is Kind.FIRMWARE else Kind.FIRMWARE
                return (device, other.value) in self._spoken and (device, kind.value) not in self._spoken
        is_answer = packet.message == "ChunkResponse" and packet.connection not in self._begins_late
        return is_answer and (packet.connection, packet.kind) not in self._asked

    def _filters_after(self, packet: DecodedPacket, exchange: Exchange) -> tuple[frozenset[str], Mapping[str, int]]:
        """Filters and codes of the connection so far."""
        known = self._filters.setdefault(packet.connection, {})
        says, asked = packet.says, exchange.question.says
        if isinstance(says, p.Subscribe):
            known.update(dict.fromkeys((name for name, _ in says.filters), 0))
            return frozenset(known), {}
        if isinstance(says, p.SubAck) and isinstance(asked, p.Subscribe):
            known.update((name, code) for (name, _), code in zip(asked.filters, says.reason_codes, strict=False))
            return frozenset(), dict(known)
        return frozenset(), {}

    def _news(self, packet: DecodedPacket) -> frozenset[str]:
        """An answer is compared with the answer before it, an update with whatever was told last."""
        says = packet.says
        if not isinstance(says, AttributesResponse | AttributesUpdate) or not isinstance(says.body, dict):
            return frozenset()
        is_answer = isinstance(says, AttributesResponse)
        shared = says.body.get("shared", {}) if is_answer else says.body
        found = set()
        for kind in Kind:
            told = _offered(shared, kind)
            if told is None and not is_answer:
                continue
            device = self._device(packet.connection)
            if told is not None and told != self._told.get((device, kind, is_answer)):
                found.add(kind.word)
            self._told[device, kind, False] = told
            if is_answer:
                self._told[device, kind, True] = told
        return frozenset(found)

    def _place(self, at: int, packet: DecodedPacket, exchange: Exchange) -> tuple[int, int]:
        """An acknowledgement stands right behind what its exchange said before it: nobody waits for it."""
        if packet.message in ACKNOWLEDGEMENTS:
            earlier = [one.number for one in exchange.packets if one.number < packet.number]
            if earlier:
                return self.threads.place_of[earlier[-1]] * 2, packet.number
        return at * 2, 0

    def _restarts(self) -> dict[int, int]:
        """Number of each note of a restart to the place at which the device goes down."""
        found, waiting = dict[int, int](), list[int]()
        for number, note in enumerate(self._story.notes):
            if note.name == "install" and note.fields.get("step") == "restart" and "ok" not in note.fields:
                waiting.append(number)
            elif note.name == "connection_lost" and note.fields.get("reason") == RESTARTS:
                found |= dict.fromkeys(waiting, self._story.note_places[number])
                waiting = []
        return found

    def _connections_before(self) -> dict[int, int]:
        """Each connection to the one that its device had before."""
        found, newest = dict[int, int](), dict[str, int]()
        for packet in self._story.packets:
            device = self._device(packet.connection)
            if packet.connection != newest.setdefault(device, packet.connection):
                found.setdefault(packet.connection, newest[device])
                newest[device] = max(newest[device], packet.connection)
        return found

    def _counts(self, packet: DecodedPacket) -> bool:
        exchange = self.threads.exchange_of.get(packet.number)
        return exchange is not None and exchange.number not in self.threads.void

    def _checks(self) -> dict[int, int]:
        """A check is drawn where its result is said: the connection may have been lost meanwhile."""
        found, results = dict[int, int](), dict[str, int]()
        place = len(self._story.packets)
        for number, at in reversed(list(enumerate(self._story.note_places))):  # backwards: each packet is seen once
            note = self._story.notes[number]
            if _row_of(note) == "Check":
                while place > at:
                    place -= 1
                    packet = self._story.packets[place]
                    results |= dict.fromkeys(_results(packet) if self._counts(packet) else (), place)
                key = "sw_state" if kind_word(note.fields.get("kind")) == "software" else "fw_state"
                found[number] = results.get(key, at)
        return found

    def _device(self, connection: int | None) -> str:
        story = self._story
        found = story.connections.get(connection) if connection is not None else None
        return story.device_of(connection) or (f"host {found.client[0]}" if found else "")


def _begin_late(story: Exchanges) -> set[int]:
    """Connections whose beginning the recording has not."""
    first: dict[int, DecodedPacket] = {}
    for packet in story.packets:
        first.setdefault(packet.connection, packet)
    return {number for number, packet in first.items() if packet.repeated or packet.message != "Connect"}


def _row_of(note: Note) -> str | None:
    """The arrow that a note is: a step that takes a while is drawn where it begins, a confirmation when it is given."""
    if note.name == "state" and note.fields.get("event") == "ImageChecked":
        return "Check"
    step = str(note.fields.get("step"))
    ends = note.fields.get("ok") is True if step == "confirm" else "ok" not in note.fields
    return INSTALL_ROWS.get(step) if note.name == "install" and ends else None


def _offered(shared: object, kind: Kind) -> object:
    """Title, version and checksum of a package; None for none."""
    if not isinstance(shared, dict) or f"{kind.value}_title" not in shared:
        return None
    return tuple(str(shared.get(f"{kind.value}_{key}")) for key in ("title", "version", "checksum"))


def _results(packet: DecodedPacket) -> list[str]:
    """The states with which this packet says what came of a check."""
    told = packet.says.values if isinstance(packet.says, Telemetry) else {}
    return [key for key in ("fw_state", "sw_state") if str(told.get(key)) in ("VERIFIED", "FAILED")]
