"""Each column of each frame, declared once: name, dtype, unit and one sentence.

Frames, Parquet schema, the reference page and the checks derive from `COLUMNS`. Two clocks only:
``…_s`` columns are seconds (float64) since the recording's first packet, ``wall`` and the ``…_at``
columns are UTC (``datetime64[ns, UTC]``). Sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        dtype: a pandas dtype: ``int64``, ``Int64`` (may be missing), ``float64``, ``boolean``, ``string``,
            ``category``, ``datetime64[ns, UTC]`` or ``bytes`` (an object column of bytes).
        unit: ``s``, ``bytes``, ``count`` or empty.
        sentence: what it holds.
    """

    name: str
    dtype: str
    unit: str
    sentence: str


def _columns(text: str) -> tuple[Column, ...]:
    rows = (line.split("|", 3) for line in text.strip().splitlines())
    return tuple(Column(*(cell.strip() for cell in row)) for row in rows)


WALL = "datetime64[ns, UTC]"

COLUMNS: dict[str, tuple[Column, ...]] = {
    "packets": _columns(f"""
        number         | int64    |       | Number of the packet in the recording, from 1.
        at_s           | float64  | s     | Time since the recording's first packet.
        wall           | {WALL}   |       | Time of day, UTC.
        connection     | int64    |       | Number of the connection, from 0.
        device         | string   |       | Key of the device (from its credentials), the same in every recording of one user.
        direction      | category |       | Who sent it: `to server` or `to device`.
        type           | category |       | MQTT control packet type, such as PUBLISH.
        message        | category |       | What it means: a row of the message table, such as ChunkRequest.
        kind           | category |       | `firmware` or `software`, where the message belongs to one.
        topic          | string   |       | Topic name of a PUBLISH; the filters of a SUBSCRIBE or UNSUBSCRIBE, comma-joined.
        qos            | Int64    |       | Quality of service of a PUBLISH.
        packet_id      | Int64    |       | MQTT packet identifier, where the packet has one.
        dup            | boolean  |       | DUP flag of a PUBLISH.
        retain         | boolean  |       | RETAIN flag of a PUBLISH.
        request_id     | Int64    |       | Request id in the topic, where the topic has one.
        index          | Int64    |       | Chunk index in the topic, where the topic has one.
        reason         | string   |       | Return or reason codes, in hexadecimal, comma-joined, of the packets that carry one.
        length         | int64    | bytes | Bytes of the whole packet on the wire.
        payload_bytes  | int64    | bytes | Bytes of the payload on the wire; 0 when the packet has none.
        payload_head   | bytes    |       | The first 32 bytes of the payload; fewer, or none, of a chunk whose bytes were not to be kept.
        payload_sha256 | string   |       | SHA-256 of the whole payload; missing when the packet has none.
        text           | string   |       | The payload as text, up to 1,000 characters, when it is no chunk.
    """),
    "exchanges": _columns(f"""
        exchange       | int64    |       | Number of the exchange, from 0, in the order of the questions.
        name           | category |       | Row of the message table that asks, such as ChunkRequest.
        kind           | category |       | `firmware` or `software`, where the question belongs to one.
        connection     | int64    |       | Number of the connection.
        device         | string   |       | Key of the device.
        direction      | category |       | Who asks: `to server` or `to device`.
        request_id     | Int64    |       | Request id of the question.
        index          | Int64    |       | Chunk index of the question.
        attempt        | int64    | count | 1 for the first time this is asked, 2 for the first repetition, and so on.
        question       | int64    |       | Packet number of the question.
        answer         | Int64    |       | Packet number of the first answer that carries content; missing without one.
        answer_name    | string   |       | Row of the message table of that answer.
        answers        | int64    | count | Packets that answer, acknowledgements included.
        asked_s        | float64  | s     | When the question passed.
        wall           | {WALL}   |       | When the question passed, UTC.
        acknowledged_s | float64  | s     | When PUBACK or its like passed; missing without one.
        answered_s     | float64  | s     | When the first answer with content passed (or the acknowledgement, where none is expected).
        latency_s      | float64  | s     | answered_s minus asked_s.
        outcome        | category |       | ANSWERED, REFUSED, UNANSWERED, OPEN (still waiting when the recording ended) or ONE_WAY (none expected).
        sent_bytes     | int64    | bytes | Length of the question.
        received_bytes | int64    | bytes | Length of all answers.
        said           | string   |       | The question in one line, for people.
        heard          | string   |       | The answer in one line, for people.
    """),
    "chunks": _columns(f"""
        exchange       | int64    |       | Number of the exchange.
        update         | Int64    |       | Number of the update that it belongs to.
        kind           | category |       | `firmware` or `software`.
        device         | string   |       | Key of the device.
        connection     | int64    |       | Number of the connection.
        request_id     | int64    |       | Request id.
        index          | int64    |       | Chunk index, from 0.
        offset         | int64    | bytes | Where the chunk begins in the image.
        asked_bytes    | Int64    | bytes | Size that was asked for.
        received_bytes | Int64    | bytes | Bytes of the first answer; missing without one.
        asked_s        | float64  | s     | When it was asked for.
        wall           | {WALL}   |       | When it was asked for, UTC.
        answered_s     | float64  | s     | When its bytes had passed; missing without an answer.
        latency_s      | float64  | s     | answered_s minus asked_s.
        attempt        | int64    | count | 1 for the first request of this chunk in its update, 2 for the first repetition.
        in_flight      | int64    | count | Requests of this kind unanswered just after this one was sent, this one included.
        answers        | int64    | count | Chunk answers that came, duplicates included.
        wasted_bytes   | int64    | bytes | Bytes that came for nothing: duplicates, chunks already there, chunks of an abandoned update.
        outcome        | category |       | ANSWERED, SHORT (fewer bytes than expected), EMPTY (none, before the end), UNANSWERED or OPEN.
    """),
    "statuses": _columns(f"""
        update         | Int64    |       | Number of the update that it belongs to.
        kind           | category |       | `firmware` or `software`.
        device         | string   |       | Key of the device.
        writer         | category |       | Who wrote it: `server` or `device`.
        status         | category |       | QUEUED, INITIATED, DOWNLOADING, DOWNLOADED, VERIFIED, UPDATING, UPDATED, FAILED or what else was written.
        at_s           | float64  | s     | When it was written; may be negative for what the server wrote before the recording.
        wall           | {WALL}   |       | When it was written, UTC.
        stamped_at     | {WALL}   |       | Time that the writer gave it; missing when it left the time to the server.
        error          | string   |       | `fw_error` or `sw_error` beside it.
        title          | string   |       | `current_fw_title` beside it.
        version        | string   |       | `current_fw_version` beside it.
        packet         | Int64    |       | Packet number; missing for what the server wrote.
    """),
    "updates": _columns(f"""
        update         | int64    |       | Number of the update, from 0.
        device         | string   |       | Key of the device.
        kind           | category |       | `firmware` or `software`.
        from_title     | string   |       | Title that ran before.
        from_version   | string   |       | Version that ran before.
        to_title       | string   |       | Title of the package.
        to_version     | string   |       | Version of the package.
        package_bytes  | Int64    | bytes | Announced size of the image.
        chunk_bytes    | Int64    | bytes | Chunk size asked for.
        most_in_flight | Int64    | count | Most requests unanswered at one time.
        offered_at     | {WALL}   |       | When the device first heard of the package.
        first_request_at | {WALL} |       | When it first asked for a chunk.
        ended_at       | {WALL}   |       | When it ended.
        duration_s     | float64  | s     | From offered_at to ended_at.
        outcome        | category |       | UPDATED, FAILED, SUPERSEDED, UNASSIGNED, ALREADY_CURRENT or STILL_RUNNING.
        reason         | string   |       | Why it did not end in UPDATED.
        attempt        | int64    | count | 1 for the first update to this package in the recording, 2 for the next.
        connections    | int64    | count | Connections that it used.
        chunks         | int64    | count | Chunks received, each counted once.
        retries        | int64    | count | Chunk requests that were repetitions.
        bytes_received | int64    | bytes | Payload bytes of all chunk answers.
        bytes_wasted   | int64    | bytes | Those that came for nothing.
        goodput        | float64  | bytes/s | package_bytes by the time from the first request to the last chunk.
        latency_p50_s  | float64  | s     | Median chunk latency.
        latency_p95_s  | float64  | s     | 95th percentile of it.
        latency_p99_s  | float64  | s     | 99th percentile of it.
    """),
}


def column_names(frame: str) -> tuple[str, ...]:
    """Names of a frame's columns in order."""
    return tuple(column.name for column in COLUMNS[frame])
