"""What a server said on one connection, line by line, each with the request that it answers.

Knows how answers find their questions (packet ids, request ids, chunk indexes) and puts the question in
place of the number, so that two runs can be compared; refuses to know which orders are open (`orders`).
Pure; called by `compare`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from otakit.conformance.neutral import Neutral, in_bytes, shortened
from otakit.conformance.said import Asked, Line, Sort
from otakit.conformance.transcript import Closed, Passed
from otakit.errors import RemoteProtocolError
from otakit.protocol import packets as p
from otakit.protocol.messages import ATTRIBUTES_TOPIC, Direction, Kind, error_filter, parse_json
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Packet, Version
from otakit.reasons import reason_text

SILENCE_NS = 5_000_000_000
"""A DISCONNECT so long after the last sign of life may come from either of two checks."""
SILENT = (0x83, 0xA0)
UPDATE_TOPICS = frozenset({ATTRIBUTES_TOPIC, "v2/a", "v2/a/j", "v2/a/p"})
_ERROR_TOPICS = frozenset(error_filter(kind) for kind in Kind)
_CHUNK = re.compile(r"v2/(fw|sw)/(request|response)/(\d+)/chunk/(\d+)", re.ASCII)
_ATTRIBUTES = re.compile(r"(v1/devices/me/attributes|v2/a)/(request|response|req|res)(/j|/p)?/(-?\d+)", re.ASCII)


@dataclass(slots=True)
class Round:
    """One packet of the device and what the server said until the next."""

    asked: Asked | None
    lines: list[Line] = field(default_factory=list)


class Listener:
    """Reads one connection, event by event.

    Args:
        neutral: takes out what is one run's own.
    """

    def __init__(self, neutral: Neutral) -> None:
        self._neutral = neutral
        self._version = Version.MQTT_3_1_1
        self._count = 0
        self._downlinks = 0
        self._in_flight: dict[tuple[str, int], Asked] = {}
        self._waiting: dict[tuple[str, ...], list[Asked]] = {}
        self._pinned: set[str] = set()
        self._active_ns: int | None = None
        self._after_error = False
        self._last: tuple[bytes, Packet | None] = (b"", None)
        self.rounds = [Round(None)]
        self.end: list[Line] = []

    def hear(self, event: Passed | Closed) -> None:
        """Takes the next event."""
        if isinstance(event, Closed):
            self._says(Line("the server closes the connection", event.at_ns, is_end=True))
            return
        packet = self._decoded(event.raw)
        if event.direction is Direction.TO_SERVER:
            self.rounds.append(Round(self._asked(packet, event)))
        elif packet is None:
            words = f"no MQTT packet: {in_bytes(len(event.raw))}, {event.raw[:16].hex(' ')}"
            self._says(Line(words, event.at_ns))
        else:
            self._says(self._line(packet, event.at_ns))

    def _decoded(self, raw: bytes) -> Packet | None:
        """The packet; a device that asks the same again and again is read once."""
        if raw != self._last[0]:
            try:
                self._last = raw, decode(raw, self._version)
            except RemoteProtocolError:
                self._last = raw, None
        return self._last[1]

    def _says(self, line: Line) -> None:
        last = self.rounds[-1]
        (self.end if line.is_end else last.lines).append(replace(line, after=last.asked.words) if last.asked else line)

    # what the device says

    def _asked(self, packet: Packet | None, event: Passed) -> Asked:
        self._count += 1
        match packet:
            case p.Connect():
                self._version = packet.version
                asked = self._is_alive(Asked(self._count, f"CONNECT {packet.version.label}"), event)
            case p.Publish():
                asked = self._published(packet, event)
            case p.Subscribe():
                names = ", ".join(f"{name} at QoS {options & 3}" for name, options in packet.filters)
                asked = self._is_alive(Asked(self._count, f"SUBSCRIBE {names}"), event)
                self._in_flight["SUBSCRIBE", packet.packet_id] = asked
            case p.Unsubscribe():
                asked = self._is_alive(Asked(self._count, f"UNSUBSCRIBE {', '.join(packet.filters)}"), event)
                self._in_flight["UNSUBSCRIBE", packet.packet_id] = asked
            case p.PubAck():
                asked = Asked(self._count, "PUBACK")
            case p.PubRel():
                asked = self._is_alive(Asked(self._count, "PUBREL"), event)
                self._in_flight["PUBREL", packet.packet_id] = asked
            case None:
                asked = self._is_alive(Asked(self._count, f"{in_bytes(len(event.raw))} that are no MQTT packet"), event)
            case _:
                asked = self._is_alive(Asked(self._count, packet.type.name), event)
        return asked

    def _is_alive(self, asked: Asked, event: Passed) -> Asked:
        self._active_ns = event.at_ns
        return asked

    def _published(self, packet: p.Publish, event: Passed) -> Asked:
        topic, at_once = packet.topic, False
        asked_for: tuple[str, ...] = ()
        if found := _CHUNK.search(topic):
            at_once = found[3] in self._pinned
            asked_for = ("chunk", found[1], found[3], _plain(found[4]))
        else:
            self._active_ns = event.at_ns
            if found := _ATTRIBUTES.fullmatch(topic):
                asked_for, topic = ("attributes", *_number_of(found)), self._counted(found)
        said = self._neutral.payload(packet.payload)
        words = f"PUBLISH {self._neutral.text(topic)} at QoS {packet.qos}: {shortened(said)}"
        asked = Asked(self._count, words, at_once)
        if packet.packet_id is not None:
            self._in_flight["PUBLISH", packet.packet_id] = asked
        if asked_for:
            self._waiting.setdefault(asked_for, []).append(asked)
        return asked

    # what the server says

    def _line(self, packet: Packet, at_ns: int) -> Line:
        match packet:
            case p.Publish():
                return self._downlink(packet, at_ns)
            case p.PubAck() | p.PubRec() | p.PubRel() | p.PubComp():
                of = "PUBREL" if isinstance(packet, p.PubComp) else "PUBLISH"
                return self._acknowledgement(packet, of, self._code(packet, packet.reason_code), at_ns)
            case p.SubAck():
                return self._acknowledgement(packet, "SUBSCRIBE", _codes(packet.reason_codes), at_ns)
            case p.UnsubAck():
                return self._acknowledgement(packet, "UNSUBSCRIBE", _codes(packet.reason_codes), at_ns)
            case p.ConnAck():
                present = f"session present {int(packet.session_present)}"
                return Line(f"CONNACK{self._code(packet, packet.reason_code)}, {present}{_extra(packet)}", at_ns)
            case p.Disconnect():
                return Line(f"DISCONNECT{self._goodbye(packet, at_ns)}{_extra(packet)}", at_ns, is_end=True)
            case p.PingResp():
                return Line("PINGRESP", at_ns, Sort.ACKNOWLEDGEMENT)
            case _:
                return Line(packet.type.name, at_ns)

    def _code(self, packet: Packet, code: int) -> str:
        known = isinstance(packet, p.ConnAck) or code
        return f" 0x{code:02X} ({_short(reason_text(packet.type, code, self._version))})" if known else ""

    def _goodbye(self, packet: p.Disconnect, at_ns: int) -> str:
        silent = self._active_ns is not None and at_ns - self._active_ns >= SILENCE_NS
        if packet.reason_code in SILENT and silent and not self._after_error:
            return " 0x83 or 0xA0 (silence)"
        return self._code(packet, packet.reason_code) or " 0x00"

    def _acknowledgement(self, packet: p.PubAck | p.PubRec | p.PubRel | p.PubComp | p.SubAck | p.UnsubAck,
                         of: str, codes: str, at_ns: int) -> Line:  # fmt: skip
        asked = self._in_flight.pop((of, packet.packet_id), None)
        about = f" for {asked.words}" if asked else f" for packet {packet.packet_id}, which nobody sent"
        return Line(f"{packet.type.name}{codes}{_extra(packet)}{about}", at_ns, Sort.ACKNOWLEDGEMENT, asked)

    def _downlink(self, packet: p.Publish, at_ns: int) -> Line:
        self._downlinks += 1
        topic, sort, asked = packet.topic, Sort.OTHER, None
        self._after_error = topic in _ERROR_TOPICS
        if found := _CHUNK.fullmatch(topic):
            sort = Sort.CHUNK
            self._pinned.add(found[3])
            asked = self._question(("chunk", found[1], found[3], found[4]))
        elif found := _ATTRIBUTES.fullmatch(topic):
            sort = Sort.ATTRIBUTES
            asked = self._question(("attributes", *_number_of(found)))
            topic = self._counted(found) if asked else topic
        elif topic in UPDATE_TOPICS:
            value = parse_json(packet.payload)
            sort = Sort.DELETED if isinstance(value, dict) and set(value) == {"deleted"} else Sort.VALUES
        flags = "".join(word for word, there in ((", DUP 1", packet.dup), (", RETAIN 1", packet.retain)) if there)
        said = self._neutral.payload(packet.payload)
        words = (
            f"PUBLISH {self._neutral.text(topic)} at QoS {packet.qos}{flags}{self._id(packet)}{_extra(packet)}: {said}"
        )
        return Line(words, at_ns, sort, asked)

    def _id(self, packet: p.Publish) -> str:
        """Packet ids count the downlinks; where tasks overtake each other, two may change places."""
        if packet.packet_id is None:
            return ""
        ahead = (packet.packet_id - self._downlinks + 0x8000) % 0x10000 - 0x8000
        if packet.packet_id == 0 or abs(ahead) > FREE_IDS:
            return f", packet id {packet.packet_id} on downlink {self._downlinks:,}"
        return ""

    def _question(self, asked_for: tuple[str, ...]) -> Asked | None:
        waiting = self._waiting.get(asked_for)
        return waiting.pop(0) if waiting else None

    @staticmethod
    def _counted(found: re.Match[str]) -> str:
        """A request's number says nothing but which answer is its own, unless it is spelt in a way of its own."""
        return found.string if _plain(found[4]) != found[4] else found.string[: found.start(4)] + "#"


FREE_IDS = 4


def _number_of(found: re.Match[str]) -> tuple[str, str]:
    return found[1], _plain(found[4])


def _plain(digits: str) -> str:
    """A number without needless zeros, however long."""
    sign = "-" * digits.startswith("-")
    return sign + (digits.lstrip("-0") or "0")


def _codes(codes: tuple[int, ...]) -> str:
    return f" [{', '.join(f'0x{code:02X}' if code > 2 else str(code) for code in codes)}]"


def _short(text: str) -> str:
    return text.partition(" (")[0]


def _extra(packet: Packet) -> str:
    """Properties of MQTT 5: ThingsBoard sends none, so that any is worth a line."""
    properties = getattr(packet, "properties", ())
    return f", properties {dict(properties)}" if properties else ""


def heard(events: Iterable[Passed | Closed], neutral: Neutral) -> Listener:
    """Everything that was said on one connection."""
    listener = Listener(neutral)
    for event in events:
        listener.hear(event)
    return listener


def lines_of(listener: Listener, *, shortened_to_news: bool = False) -> list[Line]:
    """All lines, the end last.

    Args:
        listener: has heard all of the connection.
        shortened_to_news: without the rounds that repeat the one before: a device that asks every second until
            something happens asks one time more or less in another run.
    """
    lines: list[Line] = []
    before: tuple[object, ...] | None = None
    for each in listener.rounds:
        same = (each.asked.words if each.asked else "", tuple(line.words for line in each.lines))
        if same != before or not shortened_to_news:
            lines += each.lines
        before = same
    return lines + listener.end
