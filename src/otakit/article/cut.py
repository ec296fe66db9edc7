"""Cuts examples out of a recording: chosen packets as text, topic and payload as they were on the wire.

Knows how an example is chosen (`Choice.of`) and how a packet is written for a reader of MQTT's
specification; refuses to know where the recording comes from and where the example stands. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from otakit.captured import CapturedPacket, Entry, Note
from otakit.errors import SettingsError
from otakit.exchange.decoded import DecodedPacket, Decoder
from otakit.protocol import packets as p
from otakit.protocol.message_types import Direction
from otakit.protocol.packets import PacketType, Version
from otakit.reasons import reason_text

WIDTH = 76
"""Longer payloads go on in the next line, broken behind a comma."""
CLOSE = "close"
"""Chooses the moment at which the server closes a connection: that is no packet."""
DIRECTIONS = {Direction.TO_SERVER: "Client to Server", Direction.TO_DEVICE: "Server to Client"}
_CHOICE = re.compile(
    r"(?P<row>\w+) (?P<nth>\d+)(?: with (?P<words>.+?))?(?: only (?P<filters>\S.*?))?(?P<acked> acknowledged)?"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which packet of a recording.

    Attributes:
        row: name in the message table.
        nth: counted from 1 among those that fit.
        words: that must stand in its topic or payload.
        filters: of a SUBSCRIBE or SUBACK, only these are shown.
        acknowledged: its PUBACK is meant, not the packet itself.
    """

    row: str
    nth: int
    words: str = ""
    filters: tuple[str, ...] = ()
    acknowledged: bool = False

    @classmethod
    def of(cls, line: str) -> Choice:
        """Reads ``Telemetry 1 with DOWNLOADED``, ``ChunkRequest 1 acknowledged`` or ``Subscribe 1 only v2/fw/error``.

        Raises:
            SettingsError: it is something else.
        """
        found = _CHOICE.fullmatch(line.strip())
        if found is None:
            raise SettingsError(f"`{line}` chooses no packet: row and number, then `with …` or `only …`")
        filters = tuple((found["filters"] or "").split())
        return cls(found["row"], int(found["nth"]), found["words"] or "", filters, found["acked"] is not None)


class Recorded:
    """A recording that examples are cut out of.

    Args:
        name: of its file.
        entries: what it holds.
    """

    def __init__(self, name: str, entries: Iterable[Entry]) -> None:
        self.name = name
        self.entries = list(entries)
        decoder = Decoder()
        self.packets = [decoder.decode(each) for each in self.entries if isinstance(each, CapturedPacket)]
        self.five = {each.connection for each in self.packets if _is_five(each)}

    def chosen(self, choice: Choice) -> DecodedPacket:
        """The packet that is meant.

        Raises:
            SettingsError: there is none.
        """
        fits = [each for each in self.packets if each.message == choice.row and _has(each, choice.words)]
        if not 1 <= choice.nth <= len(fits):
            raise SettingsError(f"{self.name} has {len(fits)} packets for `{choice.row}` {choice.words!r}".rstrip(" '"))
        found = fits[choice.nth - 1]
        return self._acknowledgement(found) if choice.acknowledged else found

    def _acknowledgement(self, packet: DecodedPacket) -> DecodedPacket:
        """The PUBACK of a PUBLISH: same packet identifier, the other way."""
        later = [each for each in self.packets if each.number > packet.number and each.message == "PubAck"]
        later = [each for each in later if each.connection == packet.connection]
        return next(e for e in later if e.packet_id == packet.packet_id and e.direction is not packet.direction)

    def example(self, choices: Sequence[Choice]) -> list[str]:
        """The lines of an example."""
        lines: list[str] = []
        for choice in choices:
            lines += ["", *self._one(choice)] if lines else self._one(choice)
        return lines

    def _one(self, choice: Choice) -> list[str]:
        if choice.row == CLOSE:
            closes = [each for each in self.entries if isinstance(each, Note) and each.name == "connection_lost"]
            assert len(closes) >= choice.nth, f"{self.name}: nobody closes {choice.nth} times"
            return ["(the server closes the connection)"]
        packet = self.chosen(choice)
        return [f"# {self.name}, packet {packet.number}: {packet.message}", *self.written(packet, choice.filters)]

    def written(self, packet: DecodedPacket, only: Sequence[str] = ()) -> list[str]:
        """A packet in the words of MQTT's specification."""
        head = [packet.type, DIRECTIONS[packet.direction]]
        head += [f"QoS {packet.qos}"] if packet.qos is not None else []
        head += [f"Packet Identifier {packet.packet_id}"] if packet.packet_id is not None else []
        return ["   ".join(head), *self._body(packet, only)]

    def _body(self, packet: DecodedPacket, only: Sequence[str]) -> Iterator[str]:
        version = Version.MQTT_5 if packet.connection in self.five else Version.MQTT_3_1_1
        code_name = "Reason Code" if version is Version.MQTT_5 else "Return Code"
        match packet.says:
            case p.Subscribe(filters=filters):
                shown = [(name, f"QoS {qos & 3}") for name, qos in filters if not only or name in only]
                yield from _columns([("Topic Filter", name, qos) for name, qos in shown])
                yield from _rest(len(filters) - len(shown), "filter")
            case p.SubAck(reason_codes=codes):
                names = self._asked(packet)
                pairs = [pair for pair in zip(codes, names, strict=True) if not only or pair[1] in only]
                rows = [(f"{code_name} 0x{code:02X}", _words(PacketType.SUBACK, code, version)) for code, _ in pairs]
                yield from _columns(rows)
                yield from _rest(len(codes) - len(pairs), "code")
            case p.Disconnect(reason_code=code) if version is Version.MQTT_5:
                yield f"{code_name} 0x{code:02X}   {_words(PacketType.DISCONNECT, code, version)}"
            case p.ConnAck(reason_code=code):
                yield f"{code_name} 0x{code:02X}   {_words(PacketType.CONNACK, code, version)}"
            case _ if packet.topic is not None:
                yield f"Topic Name  {packet.topic}"
                yield from _payload(packet)

    def _asked(self, answer: DecodedPacket) -> list[str]:
        """The filters of the SUBSCRIBE that a SUBACK answers."""
        asked = [each for each in self.packets if each.message == "Subscribe" and each.connection == answer.connection]
        found = next(each for each in asked if each.packet_id == answer.packet_id)
        return str(found.topic).split(",")


def _is_five(packet: DecodedPacket) -> bool:
    return isinstance(packet.says, p.Connect) and packet.says.version is Version.MQTT_5


def _words(packet: PacketType, code: int, version: Version) -> str:
    """The specification's words for a code; what ThingsBoard means by it stands in the article."""
    return reason_text(packet, code, version).partition(" (ThingsBoard")[0]


def _has(packet: DecodedPacket, words: str) -> bool:
    return words in (packet.topic or "") or words in (packet.text or "")


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows of texts, one under the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _rest(count: int, what: str) -> Iterator[str]:
    if count:
        yield f"({count} more {what}{'s' * (count > 1)}, left out here)"


def _payload(packet: DecodedPacket) -> Iterator[str]:
    label = "Payload     "
    if packet.message == "ChunkResponse":
        yield label + _bytes(packet)
        return
    text = packet.text or ""
    lines = _broken(text, WIDTH - len(label)) or ["(empty)"]
    yield label + lines[0]
    for line in lines[1:]:
        yield " " * len(label) + line


def _broken(text: str, width: int) -> list[str]:
    """A payload in lines of at most `width` characters, broken behind commas only."""
    lines, line = [], ""
    for piece in re.findall(r"[^,]*,|[^,]+", text):
        if line and len(line) + len(piece) > width:
            lines.append(line)
            line = ""
        line += piece
    return [*lines, line] if line else lines


def _bytes(packet: DecodedPacket) -> str:
    """How many bytes of an image, and how they begin."""
    if not packet.payload_bytes:
        return "0 bytes"
    head = packet.payload_head.decode("ascii", errors="replace").replace("\n", "⏎")
    begins = "" if packet.payload_bytes == len(packet.payload_head) else ", beginning with"
    return f"{packet.payload_bytes:,} bytes{begins}  {head}"
