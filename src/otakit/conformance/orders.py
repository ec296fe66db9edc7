"""Which orders ThingsBoard leaves open, and whether two sequences differ in nothing else.

Knows section by section what its source does not decide (PUBACK and attribute answer, the two messages of an
assignment, a first burst on a fresh request id); refuses to know what lines say. Pure; called by `compare`.
"""

from __future__ import annotations

from collections.abc import Sequence

from otakit.conformance.said import Line, Sort

ANSWERS = (Sort.ACKNOWLEDGEMENT, Sort.ATTRIBUTES, Sort.CHUNK)
UPDATES = (Sort.VALUES, Sort.DELETED)


def may_swap(one: Line, other: Line) -> bool:
    """Whether these two lines of one connection may come in either order."""
    if one.is_end or other.is_end:
        return False
    if one.sort is other.sort is Sort.READ and one.asked and other.asked:
        return one.asked.number == other.asked.number  # between two changes all reads see the same
    if one.sort in UPDATES or other.sort in UPDATES:
        return _updates_may_swap(one, other)
    if one.sort not in ANSWERS or other.sort not in ANSWERS or one.asked is None or other.asked is None:
        return False
    if (
        one.asked.number == other.asked.number
    ):  # ThingsBoard: a chunk's PUBACK comes first, an attribute answer's need not
        return Sort.ATTRIBUTES in (one.sort, other.sort)
    return not (one.asked.at_once and other.asked.at_once)


def _updates_may_swap(one: Line, other: Line) -> bool:
    """Any two downlinks may overtake each other, but the newest values count: they stay behind the older ones."""
    if one.sort in UPDATES and other.sort in UPDATES:
        return one.sort is not other.sort
    known = (*ANSWERS, *UPDATES)
    is_grant = any(line.asked is not None and line.asked.words.startswith("SUBSCRIBE") for line in (one, other))
    return one.sort in known and other.sort in known and not is_grant


def first_difference(server: Sequence[Line], twin: Sequence[Line]) -> tuple[Line | None, Line | None] | None:
    """The first line of each side that the other does not have at any place where it may stand; None when all have.

    Two sequences are the same when allowed swaps make one out of the other: each line of the one is looked for
    in the other, behind nothing but lines with which it may change places.
    """
    rest = list(reversed(twin))  # the next one at the end, where taking it away is cheap
    for line in server:
        place = _place(line, rest)
        if place is None:
            return line, _counterpart(line, rest)
        del rest[place]
    return (None, rest[-1]) if rest else None


def _place(line: Line, rest: list[Line]) -> int | None:
    for place in range(len(rest) - 1, -1, -1):
        found = rest[place]
        if found.words == line.words and all(may_swap(found, before) for before in rest[place + 1 :]):
            return place
    return None


def _counterpart(line: Line, rest: list[Line]) -> Line | None:
    """What the other side said instead: to the same request, else next."""
    if line.asked is not None:
        for found in reversed(rest):
            answers = found.asked is not None and found.asked.words == line.asked.words and found.sort is line.sort
            if answers and found.words != line.words:
                return found
    return rest[-1] if rest else None
