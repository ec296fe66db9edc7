"""Which questions of a recording belong together, and which do not count.

One asked again on its connection before a whole answer came is the same question still; what it got before is in
vain, what it gets twice is late. A question that a lost connection left without an answer is as if it had never
been asked: the device has to ask again. Knows exchanges; refuses to know diagrams. Read by `happened`.
"""

from __future__ import annotations

from otakit.exchange import DecodedPacket, Exchange, Exchanges
from otakit.exchange.question import QUESTION_OF

Key = tuple[object, ...]
SUDDEN = 2
"""A connection that ends within so many times the time of an answer ends before the answer."""
WHOLE, ANOTHER, EMPTY = "whole", "another length", "0 bytes"
"""How long a chunk is, in the words of labels."""
MAY_REPEAT = frozenset({"ChunkRequest", "AttributesRequest"})


class Threads:
    """The questions of a recording.

    Attributes:
        exchange_of: number of a packet to its exchange.
        place_of: number of a packet to its place among all.
        ended: connections that are over, and when.
        lost: those of them that the device did not end itself, or ended while it waited for an answer.
        void: numbers of the exchanges that do not count.
        repeats: numbers of the exchanges that ask again what is still open.
        in_vain: numbers of the packets that answer in part, or once more what was repeated.
        surplus: numbers of the packets that answer what was answered already.
        unanswered: how many questions do not count because no answer came.
        last_of: thread to the number of its last packet.
    """

    def __init__(self, story: Exchanges) -> None:
        self._story = story
        self.exchange_of = {packet.number: one for one in story.exchanges for packet in one.packets}
        self.place_of = {packet.number: at for at, packet in enumerate(story.packets)}
        self._newest = {self._who(one): one.connection for one in story.packets if one.message == "Connect"}
        self.ended = self._ended()
        self.lost = self._lost()
        self._fastest = self._find_fastest()
        self._expected = {one.exchange.number: one.expected_bytes for one in story.story.chunks}
        self.repeats: set[int] = set()
        self._alias: dict[int, int] = {}
        self._repeat()
        self._astray = self._find_astray()
        self.void = self._void()
        self.lost |= {one.question.connection for one in story.exchanges if one.number in self.void}
        self.unanswered = len(self.void)
        self.void |= self._of_useless_connections()
        self.surplus = {packet.number for one in story.exchanges for packet in one.contents[1:]}
        self.in_vain = self._in_vain()
        self.last_of: dict[int, int] = {}
        for exchange in story.exchanges:
            thread, last = self.thread_of(exchange), max(packet.number for packet in exchange.packets)
            self.last_of[thread] = max(self.last_of.get(thread, 0), last)

    def thread_of(self, exchange: Exchange) -> int:
        """Number of the first question that asked for the same."""
        return self._alias.get(exchange.number, exchange.number)

    def _who(self, packet: DecodedPacket) -> object:
        found = self._story.connections.get(packet.connection)
        return self._story.device_of(packet.connection) or (found.client[0] if found else "")

    def _ended(self) -> dict[int, int]:
        """The device or the server said so, its client noted it, or the device has a newer one."""
        found: dict[int, int] = {}
        for packet in self._story.packets:
            if self._is_older(packet):
                found[packet.connection] = packet.at_ns
        for note in self._story.notes:
            if note.name == "connection_lost" and note.connection is not None:
                found[note.connection] = note.at_ns
        found |= {packet.connection: packet.at_ns for packet in self._story.packets if packet.message == "Disconnect"}
        return found

    def _lost(self) -> frozenset[int]:
        orderly = {one.connection for one in self._story.packets if one.message == "Disconnect" and one.to_server}
        by_error = {one.connection for one in self._story.packets if one.message == "OtaError"}
        return frozenset((set(self.ended) | by_error) - orderly)

    def _is_older(self, packet: DecodedPacket) -> bool:
        return self._newest.get(self._who(packet), packet.connection) > packet.connection

    # questions asked again

    def _repeat(self) -> None:
        threads: dict[Key, list[Exchange]] = {}
        for exchange in self._story.exchanges:
            if exchange.name not in MAY_REPEAT:
                continue
            question = exchange.question
            thread = threads.setdefault((question.connection, exchange.name, question.kind, question.index), [])
            if thread and self._is_open(thread, exchange):
                self.repeats.add(exchange.number)
                self._alias[exchange.number] = thread[0].number
            else:
                thread.clear()
            thread.append(exchange)

    def _find_fastest(self) -> dict[Key, int]:
        """Connection and row to the shortest time in which an answer came."""
        found: dict[Key, int] = {}
        for one in self._story.exchanges:
            if one.contents:
                took = one.contents[0].at_ns - one.question.at_ns
                key = (one.question.connection, one.name)
                found[key] = min(took, found.get(key, took))
        return found

    def _is_open(self, thread: list[Exchange], again: Exchange) -> bool:
        """Whether this question asks again for what could have come whole by now, and has not."""
        question = again.question
        came = [(one, packet) for one in thread for packet in one.contents if packet.number < question.number]
        if any(self.length(packet, one) == WHOLE for one, packet in came):
            return False
        fastest_ns = self._fastest.get((question.connection, again.name), 0)
        return bool(came) or question.at_ns - thread[-1].question.at_ns >= fastest_ns

    def length(self, packet: DecodedPacket, exchange: Exchange) -> str:
        """How a chunk compares with what it should have; whole where nothing tells, and for all other answers."""
        if packet.message != "ChunkResponse":
            return WHOLE
        expected = self._expected.get(exchange.number)
        if packet.payload_bytes == 0:
            return WHOLE if expected == 0 else EMPTY
        return WHOLE if expected in (None, packet.payload_bytes) else ANOTHER

    def _in_vain(self) -> set[int]:
        found, whole = set(), set()
        answers = [(packet, one) for one in self._story.exchanges for packet in one.contents[:1]]
        for packet, exchange in sorted(answers, key=lambda pair: pair[0].number):
            thread = self.thread_of(exchange)
            if thread in whole or self.length(packet, exchange) != WHOLE:
                found.add(packet.number)
            else:
                whole.add(thread)
        return found

    # questions that do not count

    def _void(self) -> set[int]:
        counts, answered, newest = set(), dict[int, int](), dict[Key, int]()
        for one in self._story.exchanges:
            newest[self._key(one)] = one.number
            if one.question.to_server and _is_answered(one):
                counts.add(self.thread_of(one))
                answered[one.question.connection] = one.number
        return {
            one.number
            for one in self._story.exchanges
            if one.question.to_server
            and (one.expects or (one.needs_ack and one.number > answered.get(one.question.connection, -1)))
            and self.thread_of(one) not in counts
            and self._astray.get((one.question.connection, one.name), -1) < one.number
            and self._was_cut_off(one, newest)
        }

    def _find_astray(self) -> dict[tuple[int, str], int]:
        """Connection and row of a question to the last answer that nobody had asked for: one came, but a wrong one."""
        return {
            (one.question.connection, asked): one.number
            for one in self._story.exchanges
            if (asked := QUESTION_OF.get(one.question.message or "")) is not None
        }

    def _key(self, exchange: Exchange) -> Key:
        """What a question has in common with the next try of it."""
        question = exchange.question
        who = self._who(question)
        if exchange.name == "ChunkRequest":
            return (who, question.kind, question.index)
        return (who, question.text) if exchange.name == "Telemetry" else (exchange.number,)

    def _was_cut_off(self, exchange: Exchange, newest: dict[Key, int]) -> bool:
        """Whether its connection ended before an answer could come; the device itself may have cut it off."""
        question = exchange.question
        if question.connection in self.lost:
            return True
        ended_at = self.ended.get(question.connection)
        if ended_at is None:
            return False
        usual = [ns for (_, name), ns in self._fastest.items() if name == exchange.name]
        is_sudden = bool(usual) and ended_at - question.at_ns < SUDDEN * min(usual)
        return is_sudden or newest[self._key(exchange)] > exchange.number

    def _of_useless_connections(self) -> set[int]:
        """A connection that was lost before anything but CONNECT was answered: the next one tries again."""
        of_use = {
            one.question.connection
            for one in self._story.exchanges
            if one.number not in self.void and (one.refusal if one.name == "Connect" else one.answers)
        }
        return {
            one.number
            for one in self._story.exchanges
            if one.question.connection not in of_use and self._is_older(one.question)
        }


def _is_answered(exchange: Exchange) -> bool:
    """An error word answers nothing: it closes the connection, and the request may be sent again."""
    refused = exchange.refusal is not None and exchange.refusal.message == "OtaError"
    return exchange.answered is not None and not refused
