"""What became of one scenario: same, different, or not applicable, and why.

Puts a scenario played on a server beside the same one played on the twin. Pure; called by `runner`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from otakit.conformance.compare import NOTHING, Difference, first_of
from otakit.conformance.transcript import Transcript
from otakit.protocol.packets import Version

ENDED = "nothing more: the scenario ended at the claim"


class Outcome(Enum):
    """The word in the table."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario, played on one side.

    Attributes:
        transcript: what passed.
        failed: the claim that did not hold, in words; None when all held.
        not_applicable: why it cannot be played there; None when it can.
        seconds: how long it took.
    """

    transcript: Transcript = field(default_factory=lambda: Transcript(()))
    failed: str | None = None
    not_applicable: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: number of the scenario, or the word for what has none.
        sentence: what it claims.
        version: of MQTT; None where it plays no part.
        why: what differs, or which setting is missing.
        difference: the first packet in which both sides differ; None where there is none.
        recordings: paths beside the table, the server's first.
    """

    name: str
    sentence: str
    version: Version | None
    outcome: Outcome
    why: str = ""
    difference: Difference | None = None
    recordings: tuple[str, ...] = ()
    seconds: float = 0.0

    def recorded(self, *paths: str) -> Row:
        """The row with its recordings."""
        return replace(self, recordings=paths)


def judged(name: str, sentence: str, version: Version | None, server: Played, twin: Played) -> Row:
    """The row of one scenario.

    A claim that fails on both sides alike is a difference too: between the server and what the scenario says of it.
    """
    row = Row(name, sentence, version, Outcome.SAME, seconds=server.seconds)
    if (missing := server.not_applicable or twin.not_applicable) is not None:
        return replace(row, outcome=Outcome.NOT_APPLICABLE, why=missing)
    difference = first_of(server.transcript, twin.transcript)
    if server.failed is None and twin.failed is None and difference is None:
        return row
    found = _claims(server, twin) if difference is None else _ended_early(difference, server, twin)
    return replace(row, outcome=Outcome.DIFFERENT, why=_why(server, twin), difference=found)


def _ended_early(found: Difference, server: Played, twin: Played) -> Difference:
    """Where a claim failed, the scenario went no further: that one side says nothing more means just that."""
    if server.failed and found.server == NOTHING:
        return replace(found, server=ENDED)
    return replace(found, twin=ENDED) if twin.failed and found.twin == NOTHING else found


def _why(server: Played, twin: Played) -> str:
    if server.failed and twin.failed:
        return f"the claim fails on both: {server.failed}"
    if server.failed:
        return f"the claim fails on the server: {server.failed}"
    if twin.failed:
        return f"the claim fails on the twin: {twin.failed}"
    return "every claim holds on both; what they say differs"


def _claims(server: Played, twin: Played) -> Difference | None:
    """Where no packet differs, the claims do: in time, or in what was read."""
    if server.failed and twin.failed:
        return None
    return Difference("the claim", server.failed or "holds", twin.failed or "holds")
