"""Captured packets → exchanges: a question and its answers, or their absence.

Knows which packet answers which (packet ids, request ids, chunk indexes, each within its connection)
and refuses to know who recorded them: our client, a proxy, a capture of a foreign device, a simulated
run. `Exchanges.feed` takes entries one by one as they come, so a live run and a file give the same.
What the exchanges mean for an update stands in `story`. Every packet belongs to one exchange,
except those that a file repeats to be readable.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.exchange.decoded import DecodedPacket, Decoder
from otakit.exchange.question import (
    ACKNOWLEDGEMENTS,
    ANSWER_OF,
    QUESTION_OF,
    Exchange,
    Key,
    answer_key,
    opposite,
    question_key,
    refuses,
)
from otakit.exchange.story import Story
from otakit.protocol.messages import Direction

TOO_FAST = 0.5
"""An answer in less than this share of the connection's fastest one belongs to an earlier attempt."""


@dataclass(slots=True)
class _Attempts:
    """One chunk asked for under one request id: the requests and the answers so far."""

    exchanges: list[Exchange]
    answers: list[DecodedPacket] = field(default_factory=list)


class Exchanges:
    """Reads entries as they come.

    Attributes:
        packets: every captured packet, decoded.
        exchanges: in the order of the questions.
        notes: what only the recording side knew, as it came.
        note_places: how many packets had passed before each note.
        connections: by number.
        revision: grows with every entry; what was derived under an older one may be stale.
    """

    def __init__(self) -> None:
        self.packets: list[DecodedPacket] = []
        self.exchanges: list[Exchange] = []
        self.notes: list[Note] = []
        self.note_places: list[int] = []
        self.connections: dict[int, OpenedConnection] = {}
        self.revision = 0
        self.story = Story(self.device_of)
        self._decoder = Decoder()
        self._waiting: dict[Key, Exchange] = {}
        self._chunks: dict[Key, _Attempts] = {}
        self._acks: dict[tuple[int, Direction, int], Exchange] = {}
        self._open: dict[int, dict[int, Exchange]] = {}
        self._fastest: dict[int, int] = {}

    @property
    def start_ns(self) -> int:
        """When the recording's first packet passed, or its first note where it has no packet."""
        if self.packets:
            return self.packets[0].at_ns
        return self.notes[0].at_ns if self.notes else 0

    def device_of(self, connection: int | None) -> str | None:
        """Key of the device at the other end of a connection; None where the recording has none."""
        found = self.connections.get(connection) if connection is not None else None
        return found.device_key if found else None

    def feed(self, entry: Entry) -> None:
        """Take the next entry."""
        self.revision += 1
        match entry:
            case CapturedPacket():
                self._packet(self._decoder.decode(entry))
            case OpenedConnection():
                self._connection(entry)
            case Note():
                self.notes.append(entry)
                self.note_places.append(len(self.packets))
                if entry.name == "connection_lost" and entry.connection is not None:
                    self._end(entry.connection)
                self.story.note(entry)

    def _connection(self, opened: OpenedConnection) -> None:
        known = self.connections.get(opened.number)
        if known is None or opened.device_key is not None:
            self.connections[opened.number] = opened
            self.story.connection(opened)

    def _packet(self, packet: DecodedPacket) -> None:
        self.packets.append(packet)
        if packet.device_key and self.device_of(packet.connection) != packet.device_key:
            known = self.connections.get(packet.connection, OpenedConnection(packet.connection, ("", 0), ("", 0)))
            self._connection(OpenedConnection(known.number, known.client, known.server, packet.device_key))
        if packet.repeated:
            return
        exchange = self._answered(packet) or self._ask(packet)
        if packet.qos and packet.packet_id is not None:
            self._acks[packet.connection, packet.direction, packet.packet_id] = exchange
        self.story.heard(packet)
        if packet.message == "Disconnect":
            self._end(packet.connection)

    # answers

    def _answered(self, packet: DecodedPacket) -> Exchange | None:
        """The exchange that `packet` answers, if there is one."""
        name = packet.message
        if name == "ChunkResponse":
            return self._chunk(packet)
        if name in ACKNOWLEDGEMENTS:
            return self._acknowledge(packet)
        if name == "OtaError":
            return self._refuse(packet)
        if name not in QUESTION_OF:
            return None
        exchange = self._waiting.get(answer_key(packet, QUESTION_OF[name]))
        if exchange is None or exchange.question.direction is packet.direction:
            return None
        exchange.contents.append(packet)
        if exchange.refusal is None and len(exchange.contents) == 1 and refuses(packet):
            exchange.refusal = packet
        self._close(exchange)
        return exchange

    def _chunk(self, packet: DecodedPacket) -> Exchange | None:
        attempts = self._chunks.get((packet.connection, "ChunkRequest", packet.kind, packet.request_id, packet.index))
        if attempts is None:
            return None
        attempts.answers.append(packet)
        fastest = self._fastest.get(packet.connection, 0)
        if len(attempts.exchanges) == 1:
            exchange = attempts.exchanges[0]
            took = packet.at_ns - exchange.question.at_ns
            if not exchange.contents and packet.payload_bytes and (not fastest or took < fastest):
                self._fastest[packet.connection] = took
            exchange.contents.append(packet)
        else:
            exchange = _share_out(attempts, fastest)
        for one in attempts.exchanges:
            if one.contents:
                self._close(one)
        self.story.received(exchange, packet)
        return exchange

    def _acknowledge(self, packet: DecodedPacket) -> Exchange | None:
        """PUBACK and its like, by packet id; PUBREL comes from the side that asked (section 4.3.3)."""
        asker = packet.direction if packet.message == "PubRel" else opposite(packet.direction)
        key = (packet.connection, asker, packet.packet_id or 0)
        exchange = self._acks.get(key)
        if exchange is None:
            return None
        if packet.message in ("PubAck", "PubComp"):
            del self._acks[key]
        exchange.others.append(packet)
        question = exchange.question
        if question.packet_id == packet.packet_id and question.direction is asker and packet.message != "PubRel":
            exchange.acknowledged = exchange.acknowledged or packet
            if refuses(packet):
                exchange.refusal = exchange.refusal or packet
            if exchange.answered is not None:
                self._close(exchange)
        return exchange

    def _refuse(self, packet: DecodedPacket) -> Exchange | None:
        """An error word names neither request nor kind; the request that failed was never acknowledged."""
        waiting = [e for e in self._open.get(packet.connection, {}).values() if e.name == "ChunkRequest"]
        if not waiting:
            return None
        exchange = next((e for e in waiting if e.acknowledged is None), waiting[0])
        exchange.others.append(packet)
        exchange.refusal = packet
        self._close(exchange)
        return exchange

    # questions

    def _ask(self, packet: DecodedPacket) -> Exchange:
        name = packet.message
        exchange = Exchange(len(self.exchanges), packet, ANSWER_OF.get(name or ""), bool(packet.qos))
        self.exchanges.append(exchange)
        if name == "Connect":
            self._replace(packet)
        if exchange.expects or exchange.needs_ack:
            self._open.setdefault(packet.connection, {})[exchange.number] = exchange
        key = question_key(packet)
        if name == "ChunkRequest":
            self._ask_chunk(key, exchange)
        elif exchange.expects or packet.dup:
            before = self._waiting.get(key)
            if before is not None and before.outcome in ("OPEN", "UNANSWERED"):
                exchange.attempt = before.attempt + 1
                self._give_up(before)
            self._waiting[key] = exchange
        elif exchange.needs_ack:
            self._waiting[key] = exchange
        return exchange

    def _ask_chunk(self, key: Key, exchange: Exchange) -> None:
        attempts = self._chunks.get(key)
        if attempts is None:
            self._chunks[key] = _Attempts([exchange])
        else:
            for before in attempts.exchanges:
                if not before.contents:
                    self._give_up(before)
            attempts.exchanges.append(exchange)
        exchange.attempt = self.story.asked(exchange)

    def _replace(self, connect: DecodedPacket) -> None:
        """A device has one connection: a new one ends those before (ThingsBoard: `processSessionStateMsgs`)."""
        device = self.device_of(connect.connection)
        for number in list(self._open):
            if number != connect.connection and device is not None and self.device_of(number) == device:
                self._end(number)

    def _end(self, connection: int) -> None:
        """The connection is over, and with it all waiting on it."""
        for exchange in self._open.pop(connection, {}).values():
            exchange.given_up = True
        self.story.connection_ended(connection)

    def _give_up(self, exchange: Exchange) -> None:
        exchange.given_up = True
        self._close(exchange)

    def _close(self, exchange: Exchange) -> None:
        if (still_open := self._open.get(exchange.question.connection)) is not None:
            still_open.pop(exchange.number, None)


def _share_out(attempts: _Attempts, fastest_ns: int) -> Exchange:
    """Gives the answers to a chunk asked for several times to its requests; returns who got the newest.

    ThingsBoard serves every copy, in order: with as many answers as requests each has its own. With fewer
    nobody can know which one is missing; the client waited its deadline, so the newest request is taken to
    be the one answered, unless the answer came faster than this connection ever answered.
    """
    exchanges, answers = attempts.exchanges, attempts.answers
    newest = answers[-1]
    if len(answers) >= len(exchanges):
        for exchange in exchanges:
            exchange.contents = []
        for position, answer in enumerate(answers):
            exchanges[min(position, len(exchanges) - 1)].contents.append(answer)
        return exchanges[-1]
    free = [exchange for exchange in exchanges if not exchange.contents] or exchanges
    plausible = [e for e in free if newest.at_ns - e.question.at_ns >= fastest_ns * TOO_FAST]
    chosen = (plausible or free)[-1]
    chosen.contents.append(newest)
    return chosen
