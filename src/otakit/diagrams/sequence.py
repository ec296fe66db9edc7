"""What happened, as a sequence diagram: a session's packets and notes → `Sequence` → PlantUML.

Knows what is worth an arrow and in which order; a long download becomes a loop that keeps the first, the
last and every irregular chunk (`fold`). Refuses to know how text is written (`writing`), what fits on one
sheet (`sheet`) and how it is drawn (`plantuml`). Each label begins with a row of the
message table, so what happened can be held against what was promised. `Session.diagram` calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from otakit.captured import Entry, Note
from otakit.diagrams import writing as w
from otakit.diagrams.fold import folded, oddities
from otakit.diagrams.labels import DEVICE, SERVER
from otakit.diagrams.sheet import Sequence, Step
from otakit.exchange import Chunk, DecodedPacket, Exchange, Exchanges, said
from otakit.exchange.offers import kind_word
from otakit.protocol.messages import TABLE, Direction, Telemetry, compact
from otakit.protocol.packets import Subscribe

MAX_PARTICIPANTS = 12  # drawing costs with their square
INSTALL_ROWS = {"install": "Install", "restart": "Restart", "confirm": "Confirm", "roll_back": "RollBack"}
STATUS_ROWS = {"QUEUED": "Store", "INITIATED": "Dispatch"}
PINGS = frozenset({"PingReq", "PingResp"})
CHUNKS = frozenset({"ChunkRequest", "ChunkResponse"})
BREAKS = frozenset({"Connect", "Disconnect", "OtaError"})  # no download goes on across these
ALL = "all"


def sequence_of(story: Exchanges | Iterable[Entry]) -> Sequence:
    """The diagram of a session, from its exchanges or straight from its captured packets."""
    if not isinstance(story, Exchanges):
        entries, story = story, Exchanges()
        for entry in entries:
            story.feed(entry)
    return _Draughtsman(story).drawn()


@dataclass(slots=True)
class _Loop:
    """Exchanges that become one loop."""

    alias: str
    chunks: list[Chunk] = field(default_factory=list)


class _Draughtsman:
    """Goes through a session once and collects the steps."""

    def __init__(self, story: Exchanges) -> None:
        self._story = story
        self._exchange_of = {packet.number: one for one in story.exchanges for packet in one.packets}
        self._folded = folded(story.story.chunks)
        self._odd = oddities(story.story.chunks)
        self._aliases, self._left_out = self._devices()
        self._loops: dict[tuple[str, str | None], _Loop] = {}
        self._steps: list[Step | _Loop] = []
        self._connected: set[str] = set()
        self._begun: set[tuple[str, str, str]] = set()
        self._faults = dict(filter(None, map(_fault_on_a_chunk, story.notes)))

    def drawn(self) -> Sequence:
        for _, draw in sorted(self._timeline(), key=lambda one: one[0]):
            draw()
        names = sorted({(alias, name) for alias, name in self._aliases.values() if alias}, key=lambda one: one[1])
        steps = tuple(self._loop_step(one) if isinstance(one, _Loop) else one for one in self._steps)
        return Sequence(self._title(), (*names, (SERVER, "ThingsBoard Server")), steps, self._left_out)

    def _title(self) -> str:
        told = [
            f"{update.kind} {update.to_title or '?'} {update.from_version or '?'} → {update.to_version or '?'}: "
            f"{update.outcome}"
            for update in self._story.story.updates
        ]
        if len(told) > 2:
            return f"{w.count(len(told), 'update')} of {w.count(len(self._aliases), 'device')}"
        return " · ".join(told) or w.count(len(self._story.packets), "packet")

    def _devices(self) -> tuple[dict[str, tuple[str, str]], int]:
        """Who → (alias, name); an empty alias for those that are left out."""
        seen = list(dict.fromkeys(self._who(packet.connection) for packet in self._story.packets))
        if len(seen) <= 1:
            return dict.fromkeys(seen, (DEVICE, "Device")), 0
        room = MAX_PARTICIPANTS - 1
        named = {who: (f"{DEVICE}{number}", f"Device {number:02d}") for number, who in enumerate(seen[:room], 1)}
        return named | dict.fromkeys(seen[room:], ("", "")), len(seen[room:])

    def _who(self, connection: int | None) -> str:
        found = self._story.connections.get(connection) if connection is not None else None
        return self._story.device_of(connection) or (f"host {found.client[0]}" if found else "")

    def _alias(self, connection: int | None) -> str:
        if connection is None:
            known = [alias for alias, _ in self._aliases.values() if alias]
            return known[0] if len(known) == 1 else ""
        return self._aliases.get(self._who(connection), ("", ""))[0]

    def _timeline(self) -> Iterator[tuple[tuple[int, int], Callable[[], None]]]:
        """Everything in the order in which it happened; at one instant packets come before notes."""
        for packet in self._story.packets:
            if not packet.repeated:
                yield (packet.at_ns, 0), lambda packet=packet: self._packet(packet)  # type: ignore[misc]  # bound here
        for note in self._story.notes:
            stamp = note.fields.get("ts_ms") if note.name == "server_status" else None
            at_ns = stamp * 1_000_000 if isinstance(stamp, int) else note.at_ns
            yield (at_ns, 1), lambda note=note, at_ns=at_ns: self._note(note, at_ns)  # type: ignore[misc]  # likewise

    # packets

    def _packet(self, packet: DecodedPacket) -> None:
        alias = self._alias(packet.connection)
        if not alias:
            return
        exchange = self._exchange_of.get(packet.number)
        if exchange is not None and exchange.number in self._folded:
            if packet is exchange.question:
                self._fold(alias, self._folded[exchange.number])
            return
        if packet.message in PINGS and self._loops and exchange is not None and exchange.outcome == "ANSWERED":
            return  # a sign of life in the middle of a download that is folded
        if packet.message == "Connect":
            if alias in self._connected:
                self._add(packet.at_ns, (w.divider(f"{self._name(alias)} connects again"),), ends=ALL)
            self._connected.add(alias)
        self._arrow(packet, alias, exchange)

    def _name(self, alias: str) -> str:
        return next((name for one, name in self._aliases.values() if one == alias), "the device")

    def _arrow(self, packet: DecodedPacket, alias: str, exchange: Exchange | None) -> None:
        row = TABLE.get(packet.message or "")
        if row is None or packet.direction not in row.directions:
            self._add(packet.at_ns, (w.note(alias, w.shown(f"not understood: {said(packet)}")),))
            return
        up = packet.direction is Direction.TO_SERVER
        ends = (alias, SERVER) if up else (SERVER, alias)
        asks = exchange is None or packet is exchange.question
        word = self._remark(packet, exchange)
        text = _said(packet) + (f" — {word}" if word else "") + self._time(packet.at_ns)
        odd = bool(word) or packet.message == "OtaError" or (exchange is not None and packet is exchange.refusal)
        breaks = ALL if row.name in BREAKS else packet.kind if row.name in CHUNKS else None
        self._add(packet.at_ns, (w.arrow(*ends, row.name, text, answers=not asks, odd=odd),), 1, ends=breaks)

    def _remark(self, packet: DecodedPacket, exchange: Exchange | None) -> str:
        """What makes this packet irregular, in words."""
        if exchange is None:
            return ""
        if packet is exchange.question:
            word = self._odd.get(exchange.number, "no answer" if exchange.outcome == "UNANSWERED" else "")
            if word in ("late", "empty", "short") or word.startswith("answered"):
                return ""
            fault = self._faults.get((packet.request_id, packet.index))
            return f"{word} ({w.shown(fault)}, on purpose)" if word == "no answer" and fault else word
        if packet in exchange.contents[1:]:
            return "again, for nothing"
        if packet is exchange.answer and packet.message == "ChunkResponse":
            word = self._odd.get(exchange.number, "")
            return word if word in ("late", "empty", "short") else ""
        return ""

    def _time(self, at_ns: int) -> str:
        return w.time_of((at_ns - self._story.start_ns) / 1e9)

    # loops

    def _fold(self, alias: str, chunk: Chunk) -> None:
        key = (alias, chunk.exchange.question.kind)
        if key not in self._loops:
            self._loops[key] = _Loop(alias)
            self._steps.append(self._loops[key])
        self._loops[key].chunks.append(chunk)

    def _loop_step(self, loop: _Loop) -> Step:
        questions = [chunk.exchange.question for chunk in loop.chunks]
        answers = [chunk.exchange.contents[0] for chunk in loop.chunks]
        times = sorted(answer.at_ns - question.at_ns for question, answer in zip(questions, answers, strict=True))
        took = (max(answer.at_ns for answer in answers) - questions[0].at_ns) / 1e9
        total = sum(answer.payload_bytes for answer in answers)
        indexes = [question.index or 0 for question in questions]
        which = f"chunk {indexes[0]}" if len(indexes) == 1 else f"chunks {min(indexes)} to {max(indexes)}"
        flight = max(chunk.in_flight for chunk in loop.chunks)
        kind = questions[0].kind or "firmware"
        head = f"{kind}, {total:,} bytes in {w.duration(took)}, at most {flight} unanswered"
        asked = f"{which} of request {questions[0].request_id}" + self._time(questions[0].at_ns)
        latency = w.duration(times[len(times) // 2] / 1e9)
        got = (f"median latency {latency}" if len(times) > 1 else f"after {latency}") + self._time(answers[-1].at_ns)
        lines = [w.arrow(loop.alias, SERVER, "ChunkRequest", asked)]
        if loop.chunks[0].exchange.acknowledged is not None:
            lines += [w.arrow(SERVER, loop.alias, "PubAck", "each", answers=True)]
        lines += [w.arrow(SERVER, loop.alias, "ChunkResponse", got, answers=True)]
        if len(indexes) > 1:
            lines = [f"loop {len(indexes)} times: {head}", *lines, "end"]
        return Step(questions[0].at_ns, tuple(lines), 2, max(answer.at_ns for answer in answers))

    def _add(self, at_ns: int, lines: tuple[str, ...], arrows: int = 0, *, ends: str | None = None) -> None:
        """A step that is seen; the loops of the kind `ends` (or of `ALL`) end before it.

        What merely happens beside a download leaves its loop whole, which says itself how long it lasts.
        """
        for key in [key for key in self._loops if ends in (ALL, key[1])]:
            del self._loops[key]
        self._steps.append(Step(at_ns, lines, arrows))

    # notes

    def _note(self, note: Note, at_ns: int) -> None:
        alias = self._alias(note.connection)
        if not alias:
            return
        fields = {name: w.shown(str(value), 80) for name, value in note.fields.items() if value is not None}
        fields["kind"] = kind_word(note.fields.get("kind")) or ""
        if note.name == "install" and (row := INSTALL_ROWS.get(str(note.fields.get("step")))):
            self._within(at_ns, alias, row, fields)
        elif note.name == "state" and note.fields.get("event") == "ImageChecked":
            self._within(at_ns, alias, "Check", fields)
        elif note.name == "server_status" and (row := STATUS_ROWS.get(str(note.fields.get("status")))):
            text = f"{fields['kind']} {fields['status']}".strip() + self._time(at_ns)
            self._add(at_ns, (w.arrow(SERVER, SERVER, row, text),), 1)
        elif note.name == "connection_lost":
            self._add(at_ns, (w.divider(f"connection lost: {fields.get('reason', 'no reason known')}"),), ends=ALL)
        elif note.name == "fault" and _fault_on_a_chunk(note) is None:
            told = ", ".join(f"{name} {text}" for name, text in fields.items() if name != "kind" and text)
            self._add(at_ns, (w.note(f"{alias}, {SERVER}", f"a fault on purpose: {told}"),))
        elif note.name == "update_ended":
            told = f"{fields['kind']} {fields.get('outcome', 'ended')}"
            self._add(at_ns, (w.note(alias, told + (f": {fields['reason']}" if fields.get("reason") else "")),))

    def _within(self, at_ns: int, alias: str, row: str, fields: dict[str, str]) -> None:
        """A step inside the device: drawn where it begins, and again where it fails."""
        failed = fields.get("ok") == "False" or fields.get("to") == "FAILED"
        key = (alias, row, fields["kind"])
        if "ok" not in fields:
            self._begun.add(key)
        elif key in self._begun:
            self._begun.discard(key)
            if not failed:
                return
        words = [fields["kind"], "failed" if failed else "", fields.get("reason", "")]
        text = " ".join(word for word in words if word) + self._time(at_ns)
        self._add(at_ns, (w.arrow(alias, alias, row, text, odd=failed),), 1)


def _said(packet: DecodedPacket) -> str:
    """What a packet says; a little more than a table has room for, a little less where the rest is noise."""
    match packet.says:
        case Subscribe(filters=filters):
            return w.shown(", ".join(f"{name} (QoS {options & 3})" for name, options in filters), 320)
        case Telemetry(values=values):
            return w.shown(compact(dict(values)).decode(errors="replace"))
        case _:
            return w.shown(said(packet))


def _fault_on_a_chunk(note: Note) -> tuple[tuple[int | None, int | None], str] | None:
    """The chunk whose answer a fault took, and the name of the fault: it stands at its request then."""
    request_id, index = note.fields.get("request_id"), note.fields.get("index")
    loses = note.name == "fault" and note.fields.get("name") in ("Withhold", "Cut")
    if not loses or not isinstance(request_id, int) or not isinstance(index, int):
        return None
    return (request_id, index), str(note.fields.get("name", "fault"))
