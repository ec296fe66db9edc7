"""The secrets in a transcript: which texts in it are access tokens that somebody drew.

Pure; `compare` calls them all by one word, recordings and tables never show them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from otakit.conformance.transcript import Called, Passed, Transcript
from otakit.errors import RemoteProtocolError
from otakit.protocol import packets as p
from otakit.protocol.mqtt import decode

TOKEN = "<token>"  # noqa: S105 - the neutral word for one
CONNECT, PROVISIONED = b"\x10", b"/provision/response"
_QUOTED = re.compile(rb'"([A-Za-z0-9]{20})"')
_DRAWN = re.compile(r"[A-Za-z0-9]{20}")


def tokens(transcript: Transcript) -> dict[str, str]:
    """Each token that was shown or given, and the word for it."""
    return dict.fromkeys((text for text in _found(transcript) if _DRAWN.fullmatch(text)), TOKEN)


def own_words(transcript: Transcript) -> dict[str, str]:
    """Everything that is this run's own, and the neutral word for it; a token is one whatever a stage calls it."""
    return {**transcript.names, **tokens(transcript)}


def _found(transcript: Transcript) -> Iterator[str]:
    for event in transcript.events:
        if isinstance(event, Called):
            if "/credentials" in event.path:
                yield _member(event.body, "credentialsId")
        elif isinstance(event, Passed) and event.raw[:1] == CONNECT:
            yield _user_name(event.raw)
        elif isinstance(event, Passed) and PROVISIONED in event.raw[:64]:
            yield from (found.decode() for found in _QUOTED.findall(event.raw))


def _user_name(raw: bytes) -> str:
    try:
        packet = decode(raw)
    except RemoteProtocolError:
        return ""
    return (packet.user_name or "") if isinstance(packet, p.Connect) else ""


def _member(body: bytes, name: str) -> str:
    try:
        found = json.loads(body).get(name)
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""
