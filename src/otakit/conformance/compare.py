"""Two transcripts of one scenario: the same, or the first thing in which they differ.

Puts `lines` (what a server said), `calls` (what it answered over HTTP) and `orders` (what is left open) together.
Pure; called by `judging`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otakit.conformance.calls import ANSWERED, answered
from otakit.conformance.lines import heard, lines_of
from otakit.conformance.neutral import Neutral
from otakit.conformance.orders import first_difference
from otakit.conformance.said import Line
from otakit.conformance.tokens import own_words
from otakit.conformance.transcript import Called, Closed, Passed, Transcript

_NEVER = 2**63
NOTHING, REST = "nothing", "REST"


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
    theirs, ours = _Channels(server), _Channels(twin)
    found = []
    for name in dict.fromkeys((*theirs.names, *ours.names)):
        pair = _first(theirs, ours, name)
        if pair is not None:
            found.append((_moment(pair, server, twin), name, pair))
    if not found:
        return None
    _, name, (said, instead) = min(found, key=lambda each: each[0])
    return _difference(name, said, instead)


class _Channels:
    """What a server said, by connection and over HTTP."""

    def __init__(self, transcript: Transcript) -> None:
        neutral = Neutral(own_words(transcript))
        connections: dict[int, list[Passed | Closed]] = {}
        for event in transcript.events:
            if not isinstance(event, Called):
                connections.setdefault(event.connection, []).append(event)
        self._heard = {
            f"connection {place}": heard(connections[number], neutral)
            for place, number in enumerate(sorted(connections), 1)
        }
        self._calls = answered((event for event in transcript.events if isinstance(event, Called)), neutral)

    @property
    def names(self) -> list[str]:
        """Connections in the order of their opening, and REST."""
        return [*self._heard, REST]

    def lines(self, name: str, *, news: bool = False) -> list[Line]:
        """What was said there; `news` without what only repeats."""
        if name == REST:
            return self._calls
        return lines_of(self._heard[name], shortened_to_news=news) if name in self._heard else []


def _first(theirs: _Channels, ours: _Channels, name: str) -> tuple[Line | None, Line | None] | None:
    """Word by word; where a device asked more often of one of them, without what only repeats."""
    whole = first_difference(theirs.lines(name), ours.lines(name))
    if whole is None or name == REST:
        return whole
    news = first_difference(theirs.lines(name, news=True), ours.lines(name, news=True))
    return news and max(whole, news, key=_how_far)  # what comes later is no matter of how often was asked


def _how_far(pair: tuple[Line | None, Line | None]) -> int:
    """When the server said it; at the end, where it said nothing any more."""
    return pair[0].at_ns if pair[0] else _NEVER


def _moment(pair: tuple[Line | None, Line | None], server: Transcript, twin: Transcript) -> int:
    """Nanoseconds from the beginning to the first side of a difference."""
    begun = [_beginning(server.events), _beginning(twin.events)]
    return min(line.at_ns - start for line, start in zip(pair, begun, strict=True) if line is not None)


def _beginning(events: Sequence[Passed | Closed | Called]) -> int:
    return min((event.at_ns for event in events), default=0)


def _difference(name: str, said: Line | None, instead: Line | None) -> Difference:
    line = said or instead
    assert line is not None
    asked = line.asked.words if line.asked else line.after
    if name == REST:
        return Difference(f"{REST}: {asked}", *(_answer(each, asked) for each in (said, instead)))
    return Difference(f"{name}, after {asked}" if asked else name, *(_words(each) for each in (said, instead)))


def _answer(line: Line | None, asked: str) -> str:
    """The answer without the call, where it is the one that `where` names."""
    return _words(line).removeprefix(f"{asked}{ANSWERED}")


def _words(line: Line | None) -> str:
    return line.words if line is not None else NOTHING
