"""Which questions of a recording belong together, and which do not count.

A question that went without an answer and was asked again, or whose connection ended, is as if it had never
been asked; one asked again before its answer came is the same question still, and its second answer is late,
not new. Knows exchanges; refuses to know diagrams. Read by `happened`.
"""

from __future__ import annotations

from otakit.exchange import DecodedPacket, Exchange, Exchanges

Key = tuple[object, ...]
MAY_REPEAT = frozenset({"ChunkRequest", "AttributesRequest"})


class Threads:
    """The questions of a recording.

    Attributes:
        exchange_of: number of a packet to its exchange.
        place_of: number of a packet to its place among all.
        void: numbers of the exchanges that do not count.
        repeats: numbers of the exchanges that ask again what is still open.
        late: numbers of the packets that answer once more what was repeated.
        surplus: numbers of the packets that answer what was answered already.
        last_of: thread to the number of its last packet.
        unanswered: how many questions do not count.
    """

    def __init__(self, story: Exchanges) -> None:
        self._story = story
        self.exchange_of = {packet.number: one for one in story.exchanges for packet in one.packets}
        self.place_of = {packet.number: at for at, packet in enumerate(story.packets)}
        self._last_connection = self._last_connections()
        self.void = self._void()
        self.unanswered = len(self.void)
        self.void |= self._of_useless_connections()
        self.repeats: set[int] = set()
        self.late: set[int] = set()
        self.surplus: set[int] = set()
        self._alias: dict[int, int] = {}
        self._repeat()
        self.last_of: dict[int, int] = {}
        for exchange in story.exchanges:
            thread, last = self.thread_of(exchange), max(packet.number for packet in exchange.packets)
            self.last_of[thread] = max(self.last_of.get(thread, 0), last)

    def thread_of(self, exchange: Exchange) -> int:
        """Number of the first question that asked for the same."""
        return self._alias.get(exchange.number, exchange.number)

    def _who(self, packet: DecodedPacket) -> object:
        return self._story.device_of(packet.connection) or (
            found.client[0] if (found := self._story.connections.get(packet.connection)) else ""
        )

    def _last_connections(self) -> dict[object, int]:
        """Device to the number of its newest connection."""
        return {self._who(packet): packet.connection for packet in self._story.packets if packet.message == "Connect"}

    def _has_ended(self, packet: DecodedPacket) -> bool:
        return self._last_connection.get(self._who(packet), packet.connection) > packet.connection

    def _void(self) -> set[int]:
        newest = {self._key(one.question): one.number for one in self._story.exchanges if one.question.to_server}
        return {
            one.number
            for one in self._story.exchanges
            if one.question.to_server
            and (one.expects or one.needs_ack)
            and one.answered is None
            and (one.given_up or self._has_ended(one.question) or newest[self._key(one.question)] > one.number)
        }

    def _key(self, question: DecodedPacket) -> Key:
        """What a question has in common with the next try of it."""
        own = (self._who(question), question.message, question.kind, question.index)
        if question.message in MAY_REPEAT:
            return own
        return (*own, question.topic, question.text)

    def _of_useless_connections(self) -> set[int]:
        """A connection that ended before anything but CONNECT was answered: the next one tries again."""
        of_use = {
            one.question.connection
            for one in self._story.exchanges
            if one.number not in self.void and (one.answers if one.name != "Connect" else one.refusal)
        }
        return {
            one.number
            for one in self._story.exchanges
            if one.question.connection not in of_use and self._has_ended(one.question)
        }

    def _repeat(self) -> None:
        """Finds what was asked again too early or in time, and what came twice."""
        fastest = self._fastest()
        threads: dict[Key, list[Exchange]] = {}
        for exchange in self._story.exchanges:
            if exchange.number in self.void:
                continue
            if exchange.name in MAY_REPEAT:
                question = exchange.question
                thread = threads.setdefault((question.connection, *self._key(question)), [])
                if thread and self._is_open(thread, question, fastest):
                    self.repeats.add(exchange.number)
                    self._alias[exchange.number] = self.thread_of(thread[0])
                else:
                    thread.clear()
                thread.append(exchange)
            self.surplus |= {packet.number for packet in exchange.contents[1:]}
        self._find_late()

    def _is_open(self, thread: list[Exchange], question: DecodedPacket, fastest: dict[Key, int]) -> bool:
        """Whether this question asks again for what could have come by now, and has not."""
        answered = any(packet.number < question.number for one in thread for packet in one.contents)
        waited = question.at_ns - thread[-1].question.at_ns
        return not answered and waited >= fastest.get((question.connection, question.message), 0)

    def _fastest(self) -> dict[Key, int]:
        """Connection and row to the shortest time in which an answer came."""
        found: dict[Key, int] = {}
        for one in self._story.exchanges:
            if one.contents and one.name in MAY_REPEAT:
                took = one.contents[0].at_ns - one.question.at_ns
                key = (one.question.connection, one.name)
                found[key] = min(took, found.get(key, took))
        return found

    def _find_late(self) -> None:
        answers: dict[int, list[DecodedPacket]] = {}
        for exchange in self._story.exchanges:
            if exchange.number not in self.void and exchange.contents:
                answers.setdefault(self.thread_of(exchange), []).append(exchange.contents[0])
        for packets in answers.values():
            self.late |= {packet.number for packet in sorted(packets, key=lambda one: one.number)[1:]}
