"""A transcript as a recording that Wireshark opens; secrets masked, of each chunk the first bytes.

Knows how `otakit.record` writes; refuses to know what was compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from otakit.captured import Address
from otakit.conformance.neutral import Neutral
from otakit.conformance.tokens import own_words
from otakit.conformance.transcript import Called, Passed, Transcript
from otakit.record.key import recording_key
from otakit.record.scribe import Scribe

FIRST_PORT = 50_000
_HTTP_TOKEN = re.compile(r"(/api/v1/)[^/?]+")


def keep(transcript: Transcript, path: Path, server: Address, notes: Mapping[str, str]) -> None:
    """Writes a transcript down.

    Args:
        transcript: what passed.
        path: the file; one that is there is replaced.
        server: address of the MQTT door.
        notes: kept with it.
    """
    scribe = Scribe("head", {"notes": dict(notes)}, recording_key())
    blocks, number, connections, last = [scribe.opening()], 0, set[int](), 0
    neutral = Neutral(own_words(transcript))
    for event in transcript.events:
        last = event.at_ns
        if isinstance(event, Called):
            where = _HTTP_TOKEN.sub(r"\1<token>", neutral.text(event.path))
            fields = {"method": event.method, "path": where, "status": event.status}
            blocks += scribe.note("called", fields, None, None, event.at_ns)
            continue
        if event.connection not in connections:
            connections.add(event.connection)
            blocks += scribe.connection(event.connection, ("127.0.0.1", FIRST_PORT + event.connection), server)
        if isinstance(event, Passed):
            number += 1
            blocks += scribe.packet(number, event.connection, event.direction, event.raw, event.at_ns)
        else:
            reason = {"reason": "the server closed it"}
            blocks += scribe.note("connection_lost", reason, event.connection, None, event.at_ns)
    blocks += scribe.outcome({"packets": number}, last)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(blocks))
