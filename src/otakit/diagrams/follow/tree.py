"""The tree of a diagram's promises: steps in order, choices, loops, lanes without an order, what may come beside.

Values only, each with what can be known before anything happens: which rows it speaks of, with which it may
begin, and whether it may be over without any. `growing` makes them, `grammar` out of a text, `walk` goes through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from otakit.diagrams.follow.promise import Promise

MANY = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One arrow."""

    promise: Promise

    @property
    def may_end(self) -> bool:
        """It has to come."""
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """One part after the other.

    Attributes:
        behind: for each part, the rows of all parts behind it.
    """

    parts: tuple[Node, ...]
    rows: frozenset[str]
    first: frozenset[str]
    may_end: bool
    behind: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One of the branches.

    Attributes:
        is_break: the first one is what a ``break`` has in place of the second.
    """

    branches: tuple[Node, ...]
    rows: frozenset[str]
    first: frozenset[str]
    may_end: bool
    is_break: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """The body again and again.

    Attributes:
        number: counts from 1 in a diagram; names belong to it by this.
        low: so many passes at least.
        high: so many at most.
        overlap: so many passes may wait at a time.
        names: one-letter names; each pass has others.
        renews: a pass ends with its connection, and another may begin.
        told_by: for a row, all its arrows in the body, where each names all `names`: they tell the passes apart.
    """

    number: int
    body: Node
    low: int
    high: int
    overlap: int
    names: frozenset[str]
    renews: bool
    rows: frozenset[str]
    first: frozenset[str]
    may_end: bool
    told_by: Mapping[str, tuple[Promise, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """All lanes, in any interleaving."""

    lanes: tuple[Node, ...]
    rows: frozenset[str]
    first: frozenset[str]
    may_end: bool


@dataclass(frozen=True, slots=True, eq=False)
class Critical:
    """A body in which no other lane may move."""

    body: Node
    rows: frozenset[str]
    first: frozenset[str]
    may_end: bool


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """What may come at any time around a body.

    Attributes:
        early: may come before its first arrow, too.
        late: once it has begun.
        breaks: each in place of all that is left of the body.
        is_cut_by_connection: it may also stop with its connection, without an arrow.
        is_cut: it may also stop, without an arrow, when what follows begins.
    """

    early: tuple[Node, ...] = ()
    late: tuple[Node, ...] = ()
    breaks: tuple[Node, ...] = ()
    is_cut_by_connection: bool = False
    is_cut: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """A body, what may come at any time beside it, and what may end it at any time."""

    body: Node
    around: Around
    rows: frozenset[str]
    first: frozenset[str]
    may_end: bool
    has_critical: bool

    @property
    def lanes(self) -> tuple[Node, ...]:
        """All that may come beside it."""
        return (*self.around.early, *self.around.late)


Node = Step | Ordered | Choice | Loop | Lanes | Critical | Beside
NOTHING = Ordered((), frozenset(), frozenset(), may_end=True, behind=())


def rows_of(node: Node) -> frozenset[str]:
    """All rows that it speaks of."""
    return frozenset((node.promise.row,)) if isinstance(node, Step) else node.rows


def first_of(node: Node) -> frozenset[str]:
    """The rows with which it may begin."""
    return frozenset((node.promise.row,)) if isinstance(node, Step) else node.first


def promises(node: Node) -> Iterator[Promise]:
    """All arrows, in order."""
    match node:
        case Step(promise=promise):
            yield promise
        case Ordered(parts=parts) | Choice(branches=parts) | Lanes(lanes=parts):
            for part in parts:
                yield from promises(part)
        case Loop(body=body) | Critical(body=body):
            yield from promises(body)
        case Beside():
            for part in (node.body, *node.lanes, *node.around.breaks):
                yield from promises(part)


def promises_beside(node: Node) -> Iterator[Promise]:
    """The arrows that may come at any time."""
    match node:
        case Ordered(parts=parts) | Choice(branches=parts) | Lanes(lanes=parts):
            for part in parts:
                yield from promises_beside(part)
        case Loop(body=body) | Critical(body=body):
            yield from promises_beside(body)
        case Beside():
            yield from promises_beside(node.body)
            for part in node.lanes:
                yield from promises(part)
