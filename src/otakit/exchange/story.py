"""What the exchanges mean: updates, with their chunks and statuses.

Knows when an update begins and ends. The wire alone is enough, so that a foreign device's capture
gives the same frames: an update begins with the offer of another package than the one that runs, or
with the first chunk request, and ends with the status UPDATED or FAILED, or when another package is
offered or none. What the client itself noted (`captured.NOTES`) refines that. Refuses to know how
packets pair up. Called by `exchange.Exchanges`, which hands over every packet in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from otakit.captured import Note, OpenedConnection
from otakit.exchange.decoded import DecodedPacket, clean
from otakit.exchange.offers import Offer, Report, kind_word, offers, reports
from otakit.exchange.question import Exchange
from otakit.exchange.updates import ABANDONED, Chunk, Status, Update

ENDS = frozenset({"UPDATED", "FAILED"})
WORKING = frozenset({"DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING"})
UNKNOWN = (None, None)
NOTED_OUTCOMES = ENDS | ABANDONED | {"ALREADY_CURRENT"}


@dataclass(slots=True)
class _Track:
    """What is known of one device and one kind."""

    current: tuple[str | None, str | None] = (None, None)
    offer: Offer | None = None
    offered_ns: int | None = None
    update: Update | None = None


class Story:
    """Follows every device of a recording.

    Attributes:
        updates: in the order in which they began.
        chunks: in the order of the requests.
        statuses: what devices wrote, in order, and what the recording knows of the server's.

    Args:
        device_of: key of the device behind a connection.
    """

    def __init__(self, device_of: Callable[[int | None], str | None]) -> None:
        self.updates: list[Update] = []
        self.chunks: list[Chunk] = []
        self.statuses: list[Status] = []
        self._device_of = device_of
        self._hosts: dict[int, str] = {}
        self._tracks: dict[tuple[str, str], _Track] = {}
        self._by_exchange: dict[int, Chunk] = {}
        self._sizes: dict[tuple[int, int], int] = {}
        self._server_said: set[tuple[str, str, int | None]] = set()

    def connection(self, opened: OpenedConnection) -> None:
        """A connection opened. Without a key its host stands for the device."""
        self._hosts[opened.number] = opened.client[0]

    def connection_ended(self, connection: int) -> None:
        """Nothing asked for on this connection is waited for any longer."""
        for track in self._tracks.values():
            if track.update is not None:
                waiting = track.update.waiting
                for offset in [offset for offset, number in waiting.items() if number == connection]:
                    del waiting[offset]

    def _who(self, connection: int | None) -> str:
        if connection is None:
            known = sorted({self._who(number) for number in self._hosts})
            return known[0] if len(known) == 1 else ""
        return self._device_of(connection) or f"host {self._hosts.get(connection, '')}"

    def _track(self, connection: int | None, kind: str) -> _Track:
        return self._tracks.setdefault((self._who(connection), kind), _Track())

    # what the wire says

    def heard(self, packet: DecodedPacket) -> None:
        """A packet that may offer a package or report a status."""
        if packet.says is None:
            return
        if packet.message in ("AttributesResponse", "AttributesUpdate"):
            for kind, offer in offers(packet).items():
                self._offered(packet, kind, offer)
        elif packet.message == "Telemetry":
            for report in reports(packet):
                self._reported(packet, report)

    def _offered(self, packet: DecodedPacket, kind: str, offer: Offer | None) -> None:
        track = self._track(packet.connection, kind)
        update, at_ns = track.update, packet.at_ns
        running = update is not None and update.running
        if offer is None:
            track.offer = None
            if update is not None and running and not update.noted:
                self._finish(update, "UNASSIGNED", at_ns, "the server took the assignment back")
            return
        if track.offer is None or track.offer.target != offer.target:
            track.offered_ns = at_ns
        track.offer = offer
        if update is not None and running:
            update.connections.add(packet.connection)
            if update.target in (offer.target, UNKNOWN):
                update.describe(offer, at_ns)
                return
            if update.noted:
                return
            self._finish(update, "SUPERSEDED", at_ns, f"the server offered {offer.title} {offer.version} instead")
        if track.current not in (UNKNOWN, offer.target) and not _just_tried(update, offer, packet):
            self._begin(track, packet.connection, kind)

    def _reported(self, packet: DecodedPacket, report: Report) -> None:
        track = self._track(packet.connection, report.kind)
        if report.title is not None or report.version is not None:
            track.current = (report.title or track.current[0], report.version or track.current[1])
        update = track.update
        if report.status in WORKING and track.offer is not None and (update is None or not update.running):
            update = self._begin(track, packet.connection, report.kind)
        if update is not None and not (update.running or report.status == update.outcome):
            update = None
        if report.status is not None:
            self._write_down(packet, report, update)
        if update is None or not update.running:
            return
        update.connections.add(packet.connection)
        if report.status in ENDS:
            self._finish(update, str(report.status), packet.at_ns, report.error)
        elif not update.noted and report.status is None and update.arrived and track.current == update.target:
            self._finish(update, "UPDATED", packet.at_ns, None)  # some clients say only what runs now

    def _write_down(self, packet: DecodedPacket, report: Report, update: Update | None) -> None:
        self.statuses.append(
            Status(
                kind=report.kind,
                device=None,
                writer="device",
                status=str(report.status),
                at_ns=packet.at_ns,
                update=update,
                stamped_ns=report.stamped_ns,
                error=report.error,
                title=report.title,
                version=report.version,
                packet=packet.number,
            )
        )

    def asked(self, exchange: Exchange) -> int:
        """A chunk is asked for; returns which attempt of its update at this chunk it is."""
        question = exchange.question
        kind, connection = question.kind or "", question.connection
        track = self._track(connection, kind)
        update = track.update
        if update is None or not update.running:
            update = self._begin(track, connection, kind)
        size = self._size(question)
        offset = (question.index or 0) * (size or 0)
        attempt = update.asked.get(offset, 0) + 1
        update.asked[offset] = attempt
        update.retries += attempt > 1
        update.waiting[offset] = connection
        update.connections.add(connection)
        update.first_request_ns = question.at_ns if update.first_request_ns is None else update.first_request_ns
        if size is not None:
            update.sizes[size] = update.sizes.get(size, 0) + 1
        in_flight = len(update.waiting)
        update.most_in_flight = max(update.most_in_flight or 0, in_flight)
        chunk = Chunk(exchange, update, offset, size, attempt, in_flight, update.expected(size, offset))
        self.chunks.append(chunk)
        self._by_exchange[exchange.number] = chunk
        return attempt

    def _size(self, question: DecodedPacket) -> int | None:
        """The size asked for; an empty payload repeats the one remembered (ThingsBoard: section 5 of its handler)."""
        key = (question.connection, question.request_id or 0)
        asked = getattr(question.says, "size", None)
        if asked:
            self._sizes[key] = asked
        return self._sizes.get(key, asked)

    def received(self, exchange: Exchange, packet: DecodedPacket) -> None:
        """An answer to a chunk request passed."""
        chunk = self._by_exchange[exchange.number]
        update, size = chunk.update, packet.payload_bytes
        update.bytes_received += size
        update.waiting.pop(chunk.offset, None)
        whole = size > 0 and (chunk.expected_bytes is None or size >= chunk.expected_bytes)
        if whole and chunk.offset not in update.arrived and update.running:
            update.arrived[chunk.offset] = size
            update.last_chunk_ns = packet.at_ns
        else:
            update.wasted.add(packet.number)
            update.wasted_bytes += size

    # what the recording side knew

    def note(self, note: Note) -> None:
        """A note that tells of an update; any other is ignored."""
        kind = kind_word(note.fields.get("kind"))
        if kind is None:
            return
        if note.name == "update_began":
            self._noted_begin(note, kind)
        elif note.name == "update_ended":
            self._noted_end(note, kind)
        elif note.name == "server_status":
            self._server_status(note, kind)

    def _noted_begin(self, note: Note, kind: str) -> None:
        track = self._track(note.connection, kind)
        target = (_text(note.fields, "title"), _text(note.fields, "version"))
        update = track.update
        if target == UNKNOWN and update is not None and update.running:
            target = update.target  # the client makes no sense of what was offered
        if update is not None and update.running and update.target not in (target, UNKNOWN):
            self._finish(update, "SUPERSEDED", note.at_ns, f"the client turned to {target[0]} {target[1]}")
        if update is None or not update.running:
            known = track.offer is not None and track.offer.target == target
            update = self._begin(track, note.connection, kind, target)
            update.offered_ns = track.offered_ns if known else note.at_ns
        update.noted = True
        update.to_title, update.to_version = target
        size, chunk_bytes = note.fields.get("size"), note.fields.get("chunk_bytes")
        if isinstance(size, int):
            update.package_bytes = size
        if isinstance(chunk_bytes, int):
            update.sizes.setdefault(chunk_bytes, 0)
        before = (_text(note.fields, "from_title"), _text(note.fields, "from_version"))
        if before != UNKNOWN:
            update.from_title, update.from_version = before

    def _noted_end(self, note: Note, kind: str) -> None:
        outcome = str(note.fields.get("outcome"))
        if outcome not in NOTED_OUTCOMES:
            return
        track = self._track(note.connection, kind)
        update = track.update
        if outcome == "ALREADY_CURRENT" and (update is None or not update.running):
            update = self._begin(track, note.connection, kind)
        if update is None:
            return
        reason = _text(note.fields, "reason")
        self._finish(update, outcome, note.at_ns, None if outcome == "UPDATED" else reason or update.reason)

    def _server_status(self, note: Note, kind: str) -> None:
        ts_ms, status = note.fields.get("ts_ms"), clean(note.fields.get("status"))
        stamp = ts_ms if isinstance(ts_ms, int) and abs(ts_ms) < 2**53 else None
        said = (kind, status, stamp)
        if said in self._server_said:
            return
        self._server_said.add(said)
        at_ns = note.at_ns if stamp is None else stamp * 1_000_000
        device = self._device_of(note.connection) if note.connection is not None else self._only_device()
        self.statuses.append(Status(kind, device, "server", status, at_ns, stamped_ns=at_ns))

    def _only_device(self) -> str | None:
        keys = {self._device_of(number) for number in self._hosts}
        return keys.pop() if len(keys) == 1 else None

    # beginnings and ends

    def _begin(
        self, track: _Track, connection: int | None, kind: str, target: tuple[str | None, str | None] | None = None
    ) -> Update:
        update = Update(len(self.updates), self._who(connection), connection, kind, *track.current)
        if target is not None:
            update.to_title, update.to_version = target
        elif track.offer is not None:
            update.describe(track.offer, track.offered_ns)
        if target is not None and track.offer is not None and track.offer.target == target:
            update.describe(track.offer, track.offered_ns)
        alike = [u for u in self.updates if (u.who, u.kind, u.target) == (update.who, kind, update.target)]
        update.attempt = len(alike) + 1
        if connection is not None:
            update.connections.add(connection)
        self.updates.append(update)
        track.update = update
        return update

    def _finish(self, update: Update, outcome: str, at_ns: int, reason: str | None) -> None:
        update.outcome, update.ended_ns, update.reason = outcome, at_ns, reason
        update.waiting.clear()


def _just_tried(update: Update | None, offer: Offer, packet: DecodedPacket) -> bool:
    """Whether this only repeats, on asking, what the update that has just failed was about."""
    return update is not None and update.target == offer.target and packet.message == "AttributesResponse"


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    return None if value is None or value == "" else clean(value)


def update_of_server_status(status: Status, updates: list[Update]) -> Update | None:
    """The update that a status of the server's announces: the first one of its kind and device not over by then."""
    for update in updates:
        same = update.kind == status.kind and status.device in (None, update.who)
        if same and (update.ended_ns is None or update.ended_ns >= status.at_ns):
            return update
    return None
