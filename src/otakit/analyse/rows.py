"""Records of the exchange → columns of each frame, as plain lists.

One table for each frame, column name to what it takes from a record; `columns.COLUMNS` has the same
names. Knows nothing of pandas. Called by `frames`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from otakit.analyse.timing import percentiles
from otakit.exchange import Chunk, DecodedPacket, Exchange, Exchanges, Status, Update, said
from otakit.exchange.story import update_of_server_status

Getter = Callable[[Any], Any]
Columns = dict[str, list[Any]]


class Clock:
    """The two clocks of every frame: seconds since the first packet, and nanoseconds UTC."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns

    def seconds(self, at_ns: int | None) -> float:
        """Seconds since the recording's first packet; NaN for what never happened."""
        return math.nan if at_ns is None else (at_ns - self.start_ns) / 1e9


def columns_of(rows: Iterable[Any], getters: Mapping[str, Getter]) -> Columns:
    """One list for each column."""
    held = list(rows)
    return {name: [getter(row) for row in held] for name, getter in getters.items()}


def packet_columns(read: Exchanges, clock: Clock, start: int = 0) -> Columns:
    """Columns of ``packets`` from row `start` on; a packet's row never changes."""
    taken: tuple[str, ...] = (
        "number",
        "connection",
        "type",
        "message",
        "kind",
        "topic",
        "qos",
        "packet_id",
        "dup",
        "retain",
    )
    taken += ("request_id", "index", "reason", "length", "payload_bytes", "payload_head", "payload_sha256", "text")
    getters: dict[str, Getter] = {name: _attribute(name) for name in taken}
    getters["at_s"] = lambda packet: clock.seconds(packet.at_ns)
    getters["wall"] = lambda packet: packet.at_ns
    getters["direction"] = lambda packet: packet.direction.value
    getters["device"] = lambda packet: read.device_of(packet.connection)
    return columns_of(read.packets[start:], getters)


def exchange_columns(read: Exchanges, clock: Clock) -> Columns:
    """Columns of ``exchanges``."""
    question: dict[str, Getter] = {
        "kind": lambda packet: packet.kind,
        "connection": lambda packet: packet.connection,
        "device": lambda packet: read.device_of(packet.connection),
        "direction": lambda packet: packet.direction.value,
        "request_id": lambda packet: packet.request_id,
        "index": lambda packet: packet.index,
        "question": lambda packet: packet.number,
        "asked_s": lambda packet: clock.seconds(packet.at_ns),
        "wall": lambda packet: packet.at_ns,
        "sent_bytes": lambda packet: packet.length,
        "said": said,
    }
    whole: dict[str, Getter] = {
        "exchange": lambda exchange: exchange.number,
        "name": lambda exchange: exchange.name,
        "attempt": lambda exchange: exchange.attempt,
        "answer": lambda exchange: _number(exchange.answer),
        "answer_name": lambda exchange: exchange.answer.message if exchange.answer else None,
        "answers": lambda exchange: len(exchange.answers),
        "acknowledged_s": lambda exchange: clock.seconds(_at(exchange.acknowledged)),
        "answered_s": lambda exchange: clock.seconds(_at(exchange.answered)),
        "latency_s": latency_s,
        "outcome": lambda exchange: exchange.outcome,
        "received_bytes": lambda exchange: sum(packet.length for packet in exchange.answers),
        "heard": lambda exchange: said(exchange.answered) if exchange.answered else None,
    }
    asked = columns_of((exchange.question for exchange in read.exchanges), question)
    return asked | columns_of(read.exchanges, whole)


def latency_s(exchange: Exchange) -> float:
    """From question to answer; NaN without one."""
    answered = exchange.answered
    return math.nan if answered is None else (answered.at_ns - exchange.question.at_ns) / 1e9


def _chunk_answer(chunk: Chunk) -> DecodedPacket | None:
    contents = chunk.exchange.contents
    return contents[0] if contents else None


def _chunk_latency_s(chunk: Chunk) -> float:
    answer = _chunk_answer(chunk)
    return math.nan if answer is None else (answer.at_ns - chunk.exchange.question.at_ns) / 1e9


def chunk_columns(read: Exchanges, clock: Clock) -> Columns:
    """Columns of ``chunks``."""
    getters: dict[str, Getter] = {
        "exchange": lambda chunk: chunk.exchange.number,
        "update": lambda chunk: chunk.update.number,
        "kind": lambda chunk: chunk.exchange.question.kind,
        "device": lambda chunk: read.device_of(chunk.exchange.question.connection),
        "connection": lambda chunk: chunk.exchange.question.connection,
        "request_id": lambda chunk: chunk.exchange.question.request_id,
        "index": lambda chunk: chunk.exchange.question.index,
        "asked_s": lambda chunk: clock.seconds(chunk.exchange.question.at_ns),
        "wall": lambda chunk: chunk.exchange.question.at_ns,
        "answered_s": lambda chunk: clock.seconds(_at(_chunk_answer(chunk))),
        "latency_s": _chunk_latency_s,
        "answers": lambda chunk: len(chunk.exchange.contents),
    }
    for name in ("offset", "asked_bytes", "received_bytes", "attempt", "in_flight", "wasted_bytes", "outcome"):
        getters[name] = _attribute(name)
    return columns_of(read.story.chunks, getters)


def status_columns(read: Exchanges, clock: Clock) -> Columns:
    """Columns of ``statuses``, in the order of their instants."""
    packets = {status.packet for status in read.story.statuses}
    connections = {packet.number: packet.connection for packet in read.packets if packet.number in packets}

    def update(status: Status) -> int | None:
        found = status.update
        if found is None and status.writer == "server":
            found = update_of_server_status(status, read.story.updates)
        return None if found is None else found.number

    def device(status: Status) -> str | None:
        return status.device if status.packet is None else read.device_of(connections.get(status.packet))

    taken = ("kind", "writer", "status", "error", "title", "version", "packet")
    getters: dict[str, Getter] = {name: _attribute(name) for name in taken}
    getters["update"], getters["device"] = update, device
    getters["at_s"] = lambda status: clock.seconds(status.at_ns)
    getters["wall"] = lambda status: status.at_ns
    getters["stamped_at"] = lambda status: status.stamped_ns
    return columns_of(sorted(read.story.statuses, key=lambda status: status.at_ns), getters)


def update_columns(read: Exchanges, _clock: Clock) -> Columns:
    """Columns of ``updates``."""
    latencies: dict[int, list[float]] = {}
    for chunk in read.story.chunks:
        latencies.setdefault(chunk.update.number, []).append(_chunk_latency_s(chunk))
    taken: tuple[str, ...] = (
        "from_title",
        "from_version",
        "to_title",
        "to_version",
        "package_bytes",
        "chunk_bytes",
        "kind",
    )
    taken += ("most_in_flight", "outcome", "reason", "attempt", "retries", "bytes_received")
    getters: dict[str, Getter] = {name: _attribute(name) for name in taken}
    getters |= {
        "update": lambda update: update.number,
        "device": lambda update: _device_of_update(read, update),
        "offered_at": lambda update: update.offered_ns,
        "first_request_at": lambda update: update.first_request_ns,
        "ended_at": lambda update: update.ended_ns,
        "duration_s": lambda update: _between(update.offered_ns, update.ended_ns),
        "connections": lambda update: len(update.connections),
        "chunks": lambda update: len(update.arrived),
        "bytes_wasted": lambda update: update.bytes_wasted,
        "goodput": _goodput,
    }
    columns = columns_of(read.story.updates, getters)
    found = [percentiles(latencies.get(update.number, ())) for update in read.story.updates]
    for position, name in enumerate(("latency_p50_s", "latency_p95_s", "latency_p99_s")):
        columns[name] = [row[position] for row in found]
    return columns


def _device_of_update(read: Exchanges, update: Update) -> str | None:
    keys = {read.device_of(number) for number in update.connections}
    return min((key for key in keys if key), default=None)


def _goodput(update: Update) -> float:
    """The image by the time it took; NaN while it is not whole or took no time."""
    seconds = _between(update.first_request_ns, update.last_chunk_ns)
    whole = update.package_bytes is not None and sum(update.arrived.values()) >= update.package_bytes
    return update.package_bytes / seconds if whole and seconds > 0 and update.package_bytes else math.nan


def _between(from_ns: int | None, until_ns: int | None) -> float:
    return math.nan if from_ns is None or until_ns is None else (until_ns - from_ns) / 1e9


def _attribute(name: str) -> Getter:
    return lambda row: getattr(row, name)


def _at(packet: DecodedPacket | None) -> int | None:
    return None if packet is None else packet.at_ns


def _number(packet: DecodedPacket | None) -> int | None:
    return None if packet is None else packet.number
