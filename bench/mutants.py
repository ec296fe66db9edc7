"""Small wrong clients and servers: a healthy session with one thing changed, and the arrow at which it must be caught.

The table is what `tests/stories/test_follow_mutants.py` holds the checker to. A step that is left out takes its
answers with it; one that is added gets them too: what is wrong is what the client does, not the recording.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from followed import FW, SW, Session, overridden

from otakit.captured import CapturedPacket, Entry, Note
from otakit.exchange import DecodedPacket, Exchange, Exchanges
from otakit.protocol import packets as p
from otakit.protocol.mqtt import decode, encode
from otakit.protocol.packets import Version

Change = Callable[["Tape"], object]


class Tape:
    """A session's entries, to be cut and pasted."""

    def __init__(self, entries: list[Entry], version: Version) -> None:
        self.entries, self.version = list(entries), version

    def finished(self) -> list[Entry]:
        """The entries, their packets numbered anew."""
        number, result = 0, list[Entry]()
        for entry in self.entries:
            number += isinstance(entry, CapturedPacket)
            result.append(replace(entry, number=number) if isinstance(entry, CapturedPacket) else entry)
        return result

    # finding

    def exchange(self, row: str, text: str = "", nth: int = 1) -> Exchange:
        """The nth exchange whose question is of this row and says this."""
        read = Exchanges()
        for entry in self.entries:
            read.feed(entry)
        found = [
            one for one in read.exchanges if one.name == row and text in f"{one.question.topic} {one.question.text}"
        ]
        return found[nth - 1]

    def place(self, packet: DecodedPacket) -> int:
        """Where a packet stands among the entries."""
        return next(
            at for at, one in enumerate(self.entries) if isinstance(one, CapturedPacket) and one.number == packet.number
        )

    def _places(self, exchange: Exchange) -> list[int]:
        return [self.place(packet) for packet in exchange.packets]

    # changing

    def leave_out(self, row: str, text: str = "", nth: int = 1) -> None:
        """A step is not taken; its answers do not come."""
        for at in reversed(self._places(self.exchange(row, text, nth))):
            del self.entries[at]

    def lose(self, row: str, text: str = "", nth: int = 1, *, of: str) -> None:
        """One answer of an exchange does not come."""
        exchange = self.exchange(row, text, nth)
        del self.entries[self.place(next(one for one in exchange.packets if one.message == of))]

    def take_note_out(self, name: str, **fields: object) -> None:
        """A step within the device is not taken."""
        self.entries = [
            one
            for one in self.entries
            if not (isinstance(one, Note) and one.name == name and fields.items() <= dict(one.fields).items())
        ]

    def move(self, row: str, text: str = "", nth: int = 1, *, before: tuple[str, str], its_nth: int = 1) -> None:
        """A step is taken earlier, with its answers."""
        exchange, other = self.exchange(row, text, nth), self.exchange(*before, its_nth)
        moved = [self.entries[at] for at in self._places(exchange)]
        goal = self.entries[self.place(other.question)]
        assert isinstance(goal, CapturedPacket)
        rest = [one for one in self.entries if not any(one is other for other in moved)]
        at = next(at for at, one in enumerate(rest) if one is goal)
        now = [
            replace(one, at_ns=goal.at_ns, connection=goal.connection)
            for one in moved
            if isinstance(one, CapturedPacket)
        ]
        self.entries = [*rest[:at], *now, *rest[at:]]

    def repeat(self, row: str, text: str = "", nth: int = 1) -> None:
        """A step is taken once more, right after it was answered."""
        exchange = self.exchange(row, text, nth)
        places = self._places(exchange)
        last = self.entries[places[-1]]
        copies = []
        for at in places:
            entry = self.entries[at]
            assert isinstance(entry, CapturedPacket)
            assert isinstance(last, CapturedPacket)
            packet: Any = decode(entry.raw, self.version)
            if getattr(packet, "packet_id", None):
                packet = replace(packet, packet_id=packet.packet_id + 20_000)
            copies.append(self._again(entry, packet, at_ns=last.at_ns))
        self.entries[places[-1] + 1 : places[-1] + 1] = copies

    def change(self, row: str, text: str = "", nth: int = 1, *, of: str = "", to: Callable[[Any], Any]) -> None:
        """A packet says something else; `of` is the row of an answer, the question without."""
        exchange = self.exchange(row, text, nth)
        packet = next(one for one in exchange.packets if one.message == (of or row))
        at = self.place(packet)
        entry = self.entries[at]
        assert isinstance(entry, CapturedPacket)
        self.entries[at] = self._again(entry, to(decode(entry.raw, self.version)))

    def change_all(self, row: str, text: str, to: Callable[[Any], Any], *, answers: Callable[[Any], Any]) -> None:
        """Every exchange of this kind is another one."""
        read = Exchanges()
        for entry in self.entries:
            read.feed(entry)
        for exchange in read.exchanges:
            if exchange.name == row and text in (exchange.question.topic or ""):
                for packet in (exchange.question, *exchange.contents):
                    at = self.place(packet)
                    entry = self.entries[at]
                    assert isinstance(entry, CapturedPacket)
                    change = to if packet is exchange.question else answers
                    self.entries[at] = self._again(entry, change(decode(entry.raw, self.version)))

    def _again(self, entry: CapturedPacket, packet: Any, at_ns: int | None = None) -> CapturedPacket:
        raw = encode(packet, self.version)
        return replace(entry, raw=raw, length=len(raw), at_ns=entry.at_ns if at_ns is None else at_ns)


def topic(old: str, new: str) -> Callable[[Any], Any]:
    """Another topic."""
    return lambda packet: replace(packet, topic=packet.topic.replace(old, new))


def payload(old: str, new: str) -> Callable[[Any], Any]:
    """Another payload."""
    return lambda packet: replace(packet, payload=packet.payload.replace(old.encode(), new.encode()))


def filters(old: str, new: str) -> Callable[[Any], Any]:
    """Another filter."""
    return lambda packet: replace(
        packet, filters=tuple((new if name == old else name, qos) for name, qos in packet.filters)
    )


def codes(code: int) -> Callable[[p.SubAck], p.SubAck]:
    """A server that grants nothing."""
    return lambda packet: replace(packet, reason_codes=(code,) * len(packet.reason_codes))


# ---- sessions to begin with -----------------------------------------------------------------------------------


@cache
def pulled(version: Version) -> list[Entry]:
    """Assigned before the device connects; chunks at QoS 1."""
    return Session(version).assigned(size=60_000).run(chunk_qos=1).entries


@cache
def pushed(version: Version) -> list[Entry]:
    """Assigned while it is connected."""
    session = Session(version)
    package = session.uploaded()
    return session.run(operator=((0.4, session.assigns(FW, package)),)).entries


@cache
def both(version: Version) -> list[Entry]:
    """Firmware and software at the same time."""
    return Session(version).assigned(FW).assigned(SW).run().entries


@cache
def replaced(version: Version) -> list[Entry]:
    """Another package takes the place of one in mid-download."""
    session = Session(version).assigned(size=200_000)
    newer = session.uploaded(version="1.2.0")
    return session.run("40 ms, 2 Mbit/s", operator=((0.5, session.assigns(FW, newer)),)).entries


@cache
def wrong_checksum(version: Version) -> list[Entry]:
    """The bytes are not those that were announced."""
    return Session(version).assigned().run("40 ms, checksum wrong in each attributes").entries


@cache
def wide(version: Version) -> list[Entry]:
    """A client that asks for sixteen chunks at a time."""
    return Session(version).assigned(size=200_000).run(window=16).entries


@cache
def two(version: Version) -> list[Entry]:
    """Two devices of one profile."""
    return overridden(version)


@dataclass(frozen=True)
class Mutant:
    """One of them.

    Attributes:
        name: what is wrong.
        diagram: that must not be followed.
        promised: how the label of the arrow begins at which it must be caught.
        seen: row of what is shown beside it; empty where the recording ends.
    """

    name: str
    diagram: str
    begin: Callable[[Version], list[Entry]]
    change: Change
    promised: str
    seen: str

    def entries(self, version: Version) -> list[Entry]:
        """The wrong session."""
        tape = Tape(self.begin(version), version)
        self.change(tape)
        return tape.finished()


ATTRIBUTES, UPDATES = "request-firmware-attributes", "subscribe-firmware-attributes-updates"
CHUNKS, STATUS = "request-firmware-chunks", "report-firmware-status"
SOFTWARE, PROFILE, WHOLE = "update-software", "device-overrides-profile", "whole-update"
CHUNK_FILTER = "v2/fw/response/+/chunk/+"
SAYS = 'Telemetry: {"fw_state":"'


def _left_out(status: str, diagram: str, seen: str) -> Mutant:
    promised = f'{SAYS}{status}"'
    if status == "UPDATED":
        promised = 'Telemetry: {"current_fw_title":"pump","current_fw_version":"1.10","fw_state":"UPDATED"}'
    return Mutant(
        f"{status} is left out ({diagram})",
        diagram,
        pulled,
        lambda tape: tape.leave_out("Telemetry", f'"fw_state":"{status}"'),
        promised,
        seen,
    )


def _f3_to_d1_too(actions: list[tuple[str, str]]) -> None:
    actions[2:3] = [("F3", "D1")]


# name, diagram, begins as, is changed by, promised, seen
LEFT_OUT = (
    *(
        _left_out("DOWNLOADING", diagram, seen)
        for diagram, seen in ((WHOLE, "ChunkRequest"), (CHUNKS, "ChunkRequest"), (STATUS, "Telemetry"))
    ),
    *(
        _left_out("DOWNLOADED", diagram, seen)
        for diagram, seen in ((WHOLE, "Check"), (CHUNKS, "Check"), (STATUS, "Check"))
    ),
    *(
        _left_out("VERIFIED", diagram, seen)
        for diagram, seen in ((WHOLE, "Telemetry"), (CHUNKS, "Telemetry"), (STATUS, "Telemetry"))
    ),
    *(_left_out("UPDATING", diagram, "Install") for diagram in (WHOLE, STATUS)),
    *(_left_out("UPDATED", diagram, "") for diagram in (WHOLE, STATUS)),
    Mutant(
        "what runs is not said",
        STATUS,
        pulled,
        lambda tape: tape.leave_out("Telemetry", "current_fw_title"),
        'Telemetry: {"current_fw_title"',
        "Telemetry",
    ),
    Mutant(
        "no SUBSCRIBE", WHOLE, pulled, lambda tape: tape.leave_out("Subscribe"), "Subscribe: v1/", "AttributesRequest"
    ),
    Mutant(
        "no SUBSCRIBE for chunks",
        CHUNKS,
        pulled,
        lambda tape: tape.leave_out("Subscribe"),
        "Subscribe: v2/fw",
        "RpcRequest",
    ),
    Mutant(
        "no SUBSCRIBE after the restart",
        WHOLE,
        pulled,
        lambda tape: tape.leave_out("Subscribe", nth=2),
        "Subscribe: the same",
        "Confirm",
    ),
    Mutant(
        "attributes are not asked for",
        ATTRIBUTES,
        pulled,
        lambda tape: tape.leave_out("AttributesRequest"),
        "AttributesRequest: v1/",
        "Subscribe",
    ),
    Mutant(
        "attributes are not asked for after SUBACK",
        UPDATES,
        pulled,
        lambda tape: tape.leave_out("AttributesRequest"),
        "AttributesRequest: v1/",
        "Subscribe",
    ),
    Mutant(
        "downloads without having heard of a package",
        WHOLE,
        pulled,
        lambda tape: tape.leave_out("AttributesRequest"),
        "AttributesUpdate: ",
        "Telemetry",
    ),
    Mutant(
        "nothing is checked",
        WHOLE,
        pulled,
        lambda tape: tape.take_note_out("state", event="ImageChecked"),
        "Check: ",
        "Telemetry",
    ),
    Mutant(
        "nothing is installed",
        STATUS,
        pulled,
        lambda tape: tape.take_note_out("install", step="install"),
        "Install: ",
        "Restart",
    ),
    Mutant(
        "no restart", WHOLE, pulled, lambda tape: tape.take_note_out("install", step="restart"), "Restart: ", "Confirm"
    ),
    Mutant(
        "UPDATED without a confirmation",
        STATUS,
        pulled,
        lambda tape: tape.take_note_out("install", step="confirm"),
        "Confirm: ",
        "Telemetry",
    ),
    Mutant(
        "software is not verified",
        SOFTWARE,
        both,
        lambda tape: tape.leave_out("Telemetry", '"sw_state":"VERIFIED"'),
        'Telemetry: {"sw_state":"VERIFIED"',
        "Telemetry",
    ),
)
OUT_OF_ORDER = (
    Mutant(
        "attributes are asked for before SUBSCRIBE",
        ATTRIBUTES,
        pulled,
        lambda tape: tape.move("AttributesRequest", before=("Subscribe", "")),
        "Subscribe: ",
        "AttributesRequest",
    ),
    Mutant(
        "the first chunk before SUBSCRIBE",
        CHUNKS,
        pulled,
        lambda tape: tape.move("ChunkRequest", before=("Subscribe", "")),
        "Subscribe: ",
        "ChunkRequest",
    ),
    Mutant(
        "a chunk before DOWNLOADING",
        CHUNKS,
        pulled,
        lambda tape: tape.move("ChunkRequest", before=("Telemetry", "DOWNLOADING")),
        f"{SAYS}DOWNLOADING",
        "ChunkRequest",
    ),
    Mutant(
        "the second chunk before the first",
        CHUNKS,
        pulled,
        lambda tape: tape.move("ChunkRequest", "chunk/1 ", before=("ChunkRequest", "chunk/0 ")),
        "ChunkRequest: v2/fw/request/{new id}/chunk/0",
        "ChunkRequest",
    ),
    Mutant(
        "VERIFIED before DOWNLOADED",
        STATUS,
        pulled,
        lambda tape: tape.move("Telemetry", "VERIFIED", before=("Telemetry", "DOWNLOADED")),
        f"{SAYS}DOWNLOADED",
        "Telemetry",
    ),
    Mutant(
        "UPDATING before VERIFIED",
        WHOLE,
        pulled,
        lambda tape: tape.move("Telemetry", "UPDATING", before=("Telemetry", "VERIFIED")),
        "Check: ",
        "Telemetry",
    ),
    Mutant(
        "UPDATED before the restart",
        WHOLE,
        pulled,
        lambda tape: tape.move("Telemetry", '"UPDATED"', before=("Disconnect", "")),
        "Restart: ",
        "Telemetry",
    ),
    Mutant(
        "DOWNLOADED before the last chunk",
        WHOLE,
        pulled,
        lambda tape: tape.move("Telemetry", "DOWNLOADED", before=("ChunkRequest", "chunk/14 ")),
        "ChunkResponse: ",
        "Telemetry",
    ),
    Mutant("more than eight chunks unanswered", WHOLE, wide, lambda _: None, "ChunkResponse: ", "ChunkRequest"),
)
REPEATED = (
    Mutant(
        "DOWNLOADING twice",
        WHOLE,
        pulled,
        lambda tape: tape.repeat("Telemetry", "DOWNLOADING"),
        "ChunkResponse: ",
        "Telemetry",
    ),
    Mutant(
        "VERIFIED twice",
        STATUS,
        pulled,
        lambda tape: tape.repeat("Telemetry", "VERIFIED"),
        f"{SAYS}UPDATING",
        "Telemetry",
    ),
    Mutant(
        "UPDATING twice", WHOLE, pulled, lambda tape: tape.repeat("Telemetry", "UPDATING"), "Install: ", "Telemetry"
    ),
    Mutant(
        "a chunk that is there is asked for again",
        WHOLE,
        pulled,
        lambda tape: tape.repeat("ChunkRequest", "chunk/3 "),
        "ChunkRequest: ",
        "ChunkRequest",
    ),
    Mutant(
        "a chunk that is there is asked for again, right away",
        CHUNKS,
        pulled,
        lambda tape: tape.repeat("ChunkRequest", "chunk/3 "),
        "ChunkRequest: v2/fw/request/{id}/chunk/{n}",
        "ChunkRequest",
    ),
    Mutant(
        "SUBSCRIBE twice",
        ATTRIBUTES,
        pulled,
        lambda tape: tape.repeat("Subscribe"),
        "AttributesRequest: v1/",
        "Subscribe",
    ),
)
WRONG = (
    Mutant(
        "filter v2/fw/response/+",
        CHUNKS,
        pulled,
        lambda tape: tape.change("Subscribe", to=filters(CHUNK_FILTER, "v2/fw/response/+")),
        "Subscribe: v2/fw",
        "Subscribe",
    ),
    Mutant(
        "filter v1/devices/me/attributes/+",
        UPDATES,
        pulled,
        lambda tape: tape.change("Subscribe", to=filters("v1/devices/me/attributes", "v1/devices/me/attributes/+")),
        "Subscribe: v1/devices/me/attributes",
        "Subscribe",
    ),
    Mutant(
        "filter with # at its end",
        ATTRIBUTES,
        pulled,
        lambda tape: tape.change(
            "Subscribe", to=filters("v1/devices/me/attributes/response/+", "v1/devices/me/attributes/response/#")
        ),
        "Subscribe: ",
        "Subscribe",
    ),
    Mutant(
        "errors of software awaited on v2/sw/error",
        SOFTWARE,
        both,
        lambda tape: tape.change("Subscribe", to=filters("v2/fw/error", "v2/fw/errors")),
        "Subscribe: ",
        "Subscribe",
    ),
    Mutant(
        "a status among the attributes",
        STATUS,
        pulled,
        lambda tape: tape.change("Telemetry", "DOWNLOADED", to=topic("telemetry", "attributes")),
        f"{SAYS}DOWNLOADED",
        "Check",
    ),
    Mutant(
        "a chunk request without its index",
        CHUNKS,
        pulled,
        lambda tape: tape.change("ChunkRequest", "chunk/0 ", to=topic("/chunk/0", "/chunk")),
        "ChunkRequest: v2/fw/request/{new id}/chunk/0",
        "OtherPublish",
    ),
    Mutant(
        "a misspelt status",
        STATUS,
        pulled,
        lambda tape: tape.change("Telemetry", "VERIFIED", to=payload("VERIFIED", "VERIFYED")),
        f"{SAYS}VERIFIED",
        "Telemetry",
    ),
    Mutant(
        "a status in small letters",
        WHOLE,
        pulled,
        lambda tape: tape.change("Telemetry", "DOWNLOADED", to=payload("DOWNLOADED", "downloaded")),
        f"{SAYS}DOWNLOADED",
        "Telemetry",
    ),
    Mutant(
        "UPDATED without the version that runs",
        WHOLE,
        pulled,
        lambda tape: tape.change("Telemetry", '"UPDATED"', to=payload("current_fw_version", "fw_current")),
        'Telemetry: {"current_fw_title":"pump","current_fw_version":"1.10","fw_state":"UPDATED"}',
        "Telemetry",
    ),
    Mutant(
        "FAILED without a reason",
        CHUNKS,
        wrong_checksum,
        lambda tape: tape.change("Telemetry", "FAILED", to=payload("fw_error", "error")),
        f"{SAYS}VERIFIED",
        "Telemetry",
    ),
    Mutant(
        "blanks between the keys",
        ATTRIBUTES,
        pulled,
        lambda tape: tape.change("AttributesRequest", to=payload(",fw_", ", fw_")),
        "AttributesRequest: v1/",
        "AttributesRequest",
    ),
    Mutant(
        "the checksum is not asked for",
        ATTRIBUTES,
        pulled,
        lambda tape: tape.change("AttributesRequest", to=payload("fw_checksum,", "")),
        "AttributesRequest: v1/",
        "AttributesRequest",
    ),
    Mutant(
        "the same number for two attribute requests",
        ATTRIBUTES,
        pushed,
        lambda tape: tape.change_all("AttributesRequest", "request/2", topic("/2", "/1"), answers=topic("/2", "/1")),
        "AttributesRequest: v1/",
        "AttributesRequest",
    ),
    Mutant(
        "a request id for each chunk",
        CHUNKS,
        pulled,
        lambda tape: tape.change_all("ChunkRequest", "chunk/2", topic("/1/", "/7/"), answers=topic("/1/", "/7/")),
        "ChunkRequest: v2/fw/request/{id}/chunk/{n}",
        "ChunkRequest",
    ),
    Mutant(
        "the old request id for the new image",
        CHUNKS,
        replaced,
        lambda tape: tape.change_all("ChunkRequest", "request/2/", topic("/2/", "/1/"), answers=topic("/2/", "/1/")),
        "ChunkRequest: v2/fw/request/{new id}/chunk/0",
        "ChunkRequest",
    ),
    Mutant(
        "one request id for firmware and software",
        SOFTWARE,
        both,
        lambda tape: tape.change_all("ChunkRequest", "v2/sw/", topic("/2/", "/1/"), answers=topic("/2/", "/1/")),
        "ChunkRequest: v2/sw/",
        "ChunkRequest",
    ),
    Mutant(
        "software asked for on the firmware's topic",
        SOFTWARE,
        both,
        lambda tape: tape.change_all(
            "ChunkRequest", "v2/sw/", topic("v2/sw", "v2/fw"), answers=topic("v2/sw", "v2/fw")
        ),
        "ChunkRequest: v2/sw/",
        "Telemetry",
    ),
)
SERVERS = (
    Mutant(
        "CONNACK does not come",
        WHOLE,
        pulled,
        lambda tape: tape.lose("Connect", of="ConnAck"),
        "ConnAck: 0",
        "Subscribe",
    ),
    Mutant(
        "every filter is refused",
        CHUNKS,
        pulled,
        lambda tape: tape.change("Subscribe", of="SubAck", to=codes(0x80)),
        "SubAck: granted",
        "SubAck",
    ),
    Mutant(
        "a status is not acknowledged",
        STATUS,
        pulled,
        lambda tape: tape.lose("Telemetry", "VERIFIED", of="PubAck"),
        "PubAck: taken",
        "Telemetry",
    ),
    Mutant(
        "the limits are not answered",
        CHUNKS,
        pulled,
        lambda tape: tape.lose("RpcRequest", of="RpcResponse"),
        "RpcResponse: ",
        "Telemetry",
    ),
    Mutant(
        "attributes answered under another number",
        ATTRIBUTES,
        pulled,
        lambda tape: tape.change("AttributesRequest", of="AttributesResponse", to=topic("/1", "/9")),
        "AttributesResponse: ",
        "AttributesResponse",
    ),
    Mutant(
        "a response without a title",
        ATTRIBUTES,
        pulled,
        lambda tape: tape.change("AttributesRequest", of="AttributesResponse", to=payload("fw_title", "fw_name")),
        "AttributesResponse: ",
        "AttributesResponse",
    ),
    Mutant(
        "a chunk under another index",
        CHUNKS,
        pulled,
        lambda tape: tape.change("ChunkRequest", "chunk/4 ", of="ChunkResponse", to=topic("chunk/4", "chunk/44")),
        "ChunkResponse: ",
        "ChunkResponse",
    ),
    Mutant(
        "a short chunk that nobody asks for again",
        WHOLE,
        pulled,
        lambda tape: tape.change(
            "ChunkRequest", "chunk/4 ", of="ChunkResponse", to=lambda one: replace(one, payload=one.payload[:9])
        ),
        "ChunkResponse: ",
        "ChunkRequest",
    ),
    Mutant(
        "a chunk does not come, and nobody minds",
        CHUNKS,
        pulled,
        lambda tape: tape.lose("ChunkRequest", "chunk/4 ", of="ChunkResponse"),
        "ChunkRequest: v2/fw/request/{id}/chunk/{n} again",
        "ChunkRequest",
    ),
    Mutant(
        "the unused keys are not deleted",
        UPDATES,
        pushed,
        lambda tape: tape.leave_out("AttributesUpdate", "deleted"),
        'AttributesUpdate: {"deleted"',
        "Subscribe",
    ),
    Mutant(
        "an offer without its size",
        UPDATES,
        pushed,
        lambda tape: tape.change("AttributesUpdate", "fw_size", to=payload("fw_size", "size")),
        'AttributesUpdate: {"fw_title"',
        "AttributesUpdate",
    ),
    Mutant(
        "D1 hears the profile's package though it has its own",
        PROFILE,
        lambda version: overridden(version, change=_f3_to_d1_too),
        lambda _: None,
        'AttributesUpdate: {"fw_version":"{F3}"',
        "AttributesUpdate",
    ),
    Mutant(
        "D2 does not hear the profile's package",
        PROFILE,
        two,
        lambda tape: tape.leave_out("AttributesUpdate", '"F3"'),
        'AttributesUpdate: {"fw_version":"{F3}"',
        "AttributesUpdate",
    ),
    Mutant(
        "D1's own is cleared and nothing is said",
        PROFILE,
        two,
        lambda tape: tape.leave_out("AttributesUpdate", '"F3"', nth=2),
        'AttributesUpdate: {"fw_version":"{F3}"',
        "AttributesUpdate",
    ),
    Mutant(
        "the old package once more",
        PROFILE,
        two,
        lambda tape: tape.change("AttributesUpdate", '"F2"', to=payload('"F2"', '"F1"')),
        'AttributesUpdate: {"fw_version":"{F2}"',
        "AttributesUpdate",
    ),
)
MUTANTS = (*LEFT_OUT, *OUT_OF_ORDER, *REPEATED, *WRONG, *SERVERS)
