"""Two transcripts of one scenario: the same, or the first thing in which they differ.

Puts `lines` (what a server said), `calls` (what it answered over HTTP) and `orders` (what is left open) together.
Pure; called by `judging`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otakit.conformance.calls import answered
from otakit.conformance.lines import Line, heard
from otakit.conformance.neutral import Neutral
from otakit.conformance.orders import first_difference
from otakit.conformance.tokens import tokens
from otakit.conformance.transcript import Called, Closed, Passed, Transcript

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which two servers differ.

    Attributes:
        where: connection, or REST call, and the request it happened after.
        server: what the server said there.
        twin: what the twin said there.
    """

    where: str
    server: str
    twin: str


def first_of(server: Transcript, twin: Transcript) -> Difference | None:
    """The first difference in time, None when the two are the same up to what ThingsBoard leaves open."""
    theirs, ours = channels(server), channels(twin)
    found = []
    for name in dict.fromkeys((*theirs, *ours)):
        pair = first_difference(theirs.get(name, ()), ours.get(name, ()))
        if pair is not None:
            found.append((_moment(pair, server, twin), name, pair))
    if not found:
        return None
    _, name, (said, instead) = min(found, key=lambda each: each[0])
    return Difference(_where(name, said or instead), _words(said), _words(instead))


def channels(transcript: Transcript) -> dict[str, list[Line]]:
    """What the server said, by connection and over HTTP."""
    neutral = Neutral({**tokens(transcript), **transcript.names})
    connections: dict[int, list[Passed | Closed]] = {}
    for event in transcript.events:
        if not isinstance(event, Called):
            connections.setdefault(event.connection, []).append(event)
    found = {
        f"connection {place}": heard(connections[number], neutral)
        for place, number in enumerate(sorted(connections), 1)
    }
    calls = [event for event in transcript.events if isinstance(event, Called)]
    return {**found, "REST": answered(calls, neutral)} if calls else found


def _moment(pair: tuple[Line | None, Line | None], server: Transcript, twin: Transcript) -> int:
    """Nanoseconds from the beginning to the first side of a difference."""
    begun = [_beginning(server.events), _beginning(twin.events)]
    return min(line.at_ns - start for line, start in zip(pair, begun, strict=True) if line is not None)


def _beginning(events: Sequence[Passed | Closed | Called]) -> int:
    return min((event.at_ns for event in events), default=0)


def _where(name: str, line: Line | None) -> str:
    if line is None or line.asked is None or name == "REST":
        return name
    return f"{name}, after {line.asked.words}"


def _words(line: Line | None) -> str:
    return line.words if line is not None else NOTHING
