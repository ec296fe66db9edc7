"""One exchange as a value: a question and what came back, and what could come back.

Knows which row of the message table answers which, what an answer repeats of its question, and
which codes say no; refuses to know how the packets found each other, which is `exchange`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from otakit.exchange.decoded import DecodedPacket
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction

ANSWER_OF = {
    "Connect": "ConnAck",
    "Subscribe": "SubAck",
    "Unsubscribe": "UnsubAck",
    "PingReq": "PingResp",
    "AttributesRequest": "AttributesResponse",
    "RpcRequest": "RpcResponse",
    "ChunkRequest": "ChunkResponse",
}
"""Question to the answer that carries its content; any other PUBLISH at QoS 1 waits for its PUBACK alone."""
QUESTION_OF = {answer: question for question, answer in ANSWER_OF.items()}
ACKNOWLEDGEMENTS = frozenset({"PubAck", "PubRec", "PubRel", "PubComp"})

Key = tuple[int, str, str | None, int | None, int | None]
"""What question and answer have in common: connection, the question's row, kind or direction, and ids."""


@dataclass(slots=True, eq=False)
class Exchange:
    """A question and what came back.

    Attributes:
        number: counts from 0 in the order of the questions.
        expects: row of the message table that answers with content; None where none does.
        needs_ack: an acknowledgement is all that is waited for.
        others: what belongs to it beside question and contents: acknowledgements both ways, an error word.
        contents: the answers with content, in order; the second and later ones are duplicates.
        acknowledged: PUBACK or its like for the question.
        refusal: the answer that says no.
        given_up: nobody waits any more: it was asked again, or the connection ended.
    """

    number: int
    question: DecodedPacket
    expects: str | None
    needs_ack: bool
    attempt: int = 1
    others: list[DecodedPacket] = field(default_factory=list)
    contents: list[DecodedPacket] = field(default_factory=list)
    acknowledged: DecodedPacket | None = None
    refusal: DecodedPacket | None = None
    given_up: bool = False

    @property
    def name(self) -> str:
        """Row of the message table that asks; the packet type for what is malformed."""
        return self.question.message or self.question.type

    @property
    def answer(self) -> DecodedPacket | None:
        """The first answer that carries content."""
        return self.refusal or (self.contents[0] if self.contents else None)

    @property
    def packets(self) -> list[DecodedPacket]:
        """All that belong to it, as they passed."""
        if not self.others and len(self.contents) == 1:
            return [self.question, self.contents[0]]
        return sorted((self.question, *self.others, *self.contents), key=lambda packet: packet.number)

    @property
    def answers(self) -> list[DecodedPacket]:
        """Everything that came back, acknowledgements included."""
        return [packet for packet in self.packets if packet.direction is not self.question.direction]

    @property
    def answered(self) -> DecodedPacket | None:
        """The packet that ends the waiting."""
        return self.answer or (None if self.expects else self.acknowledged)

    @property
    def outcome(self) -> str:
        """ANSWERED, REFUSED, UNANSWERED, OPEN or ONE_WAY (`columns.COLUMNS`)."""
        if self.refusal is not None:
            return "REFUSED"
        if self.answered is not None:
            return "ANSWERED"
        if self.expects is None and not self.needs_ack:
            return "ONE_WAY"
        return "UNANSWERED" if self.given_up else "OPEN"


def opposite(direction: Direction) -> Direction:
    """The other of the two directions on the wire."""
    return Direction.TO_DEVICE if direction is Direction.TO_SERVER else Direction.TO_SERVER


def question_key(packet: DecodedPacket) -> Key:
    """What an answer to this packet will repeat."""
    name = packet.message or ""
    if name in ("Subscribe", "Unsubscribe"):
        return (packet.connection, name, None, packet.packet_id, None)
    if name in ("Connect", "PingReq"):
        return (packet.connection, name, None, None, None)
    if name == "ChunkRequest":
        return (packet.connection, name, packet.kind, packet.request_id, packet.index)
    if name in ("AttributesRequest", "RpcRequest"):
        return (packet.connection, name, packet.direction.value, packet.request_id, None)
    return (packet.connection, name, packet.direction.value, packet.packet_id, None)


def answer_key(packet: DecodedPacket, question: str) -> Key:
    """The key of the question that this packet answers."""
    if question in ("Subscribe", "Unsubscribe"):
        return (packet.connection, question, None, packet.packet_id, None)
    if question in ("Connect", "PingReq"):
        return (packet.connection, question, None, None, None)
    return (packet.connection, question, opposite(packet.direction).value, packet.request_id, None)


def refuses(packet: DecodedPacket) -> bool:
    """Whether an answer carries a code that says no: from 0x80, and any but 0 in CONNACK (section 3.2.2.3)."""
    match packet.says:
        case p.ConnAck():
            return packet.says.reason_code != 0
        case p.SubAck() | p.UnsubAck():
            return any(code >= 0x80 for code in packet.says.reason_codes)
        case p.PubAck() | p.PubRec() | p.PubRel() | p.PubComp():
            return packet.says.reason_code >= 0x80
    return False
