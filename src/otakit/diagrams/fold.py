"""Which chunk exchanges of a session look alike, so that a diagram may draw them as one loop.

Knows what makes a chunk worth an arrow of its own: the first, the last, and every one that did not go as
the others (asked again, late, answered twice, empty, short, out of turn, unanswered). Refuses to know how
either is drawn. `sequence` asks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from otakit.exchange import Chunk

FEW = 8  # a download of no more requests is drawn as it is
LATE = 4.0  # times the median latency of the update …
LATE_NS = 100_000_000  # … and at least this much later: jitter is no story


def oddities(chunks: Sequence[Chunk]) -> dict[int, str]:
    """Number of each exchange that went its own way, with the word for it; empty for the first and the last.

    Args:
        chunks: all chunk exchanges of a session, in the order of the requests.
    """
    found: dict[int, str] = {}
    for own in by_update(chunks):
        latencies = [ns for chunk in own if (ns := _latency_ns(chunk)) is not None]
        usual = median(latencies) if latencies else 0
        highest = -1
        asked: dict[int, int] = {}
        for chunk in own:
            asked[chunk.offset] = asked.get(chunk.offset, 0) + 1
        for position, chunk in enumerate(own):
            index = chunk.exchange.question.index or 0
            word = _word(chunk, usual)
            if not word and asked[chunk.offset] > 1 and chunk.attempt == 1:
                word = "asked again below"
            if not word and highest >= 0 and index != highest + 1:
                word = "out of turn"
            highest = max(highest, index)
            if word or position in (0, len(own) - 1):
                found[chunk.exchange.number] = word
    return found


def folded(chunks: Sequence[Chunk]) -> dict[int, Chunk]:
    """The chunk exchanges that may be drawn as a loop, by the number of the exchange."""
    own_way = oddities(chunks)
    long = [own for own in by_update(chunks) if len(own) > FEW]
    return {chunk.exchange.number: chunk for own in long for chunk in own if chunk.exchange.number not in own_way}


def by_update(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    """The chunks of each update, in order."""
    found: dict[int, list[Chunk]] = {}
    for chunk in chunks:
        found.setdefault(chunk.update.number, []).append(chunk)
    return list(found.values())


def _latency_ns(chunk: Chunk) -> int | None:
    contents = chunk.exchange.contents
    return contents[0].at_ns - chunk.exchange.question.at_ns if contents else None


def _word(chunk: Chunk, usual_ns: float) -> str:
    latency = _latency_ns(chunk)
    if chunk.exchange.refusal is not None:
        return "refused"
    if latency is None:
        return "still open" if chunk.outcome == "OPEN" else "no answer"
    if chunk.outcome in ("EMPTY", "SHORT"):
        return chunk.outcome.lower()
    if chunk.attempt > 1:
        return f"asked for the {_ordinal(chunk.attempt)} time"
    if len(chunk.exchange.contents) > 1:
        return f"answered {len(chunk.exchange.contents)} times"
    return "late" if latency > usual_ns * LATE and latency - usual_ns > LATE_NS else ""


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"
