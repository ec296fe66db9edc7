"""What is left of a tree while it is walked: values, and what can be said of them without an event.

A state of the walk is one of these with the names bound so far. Knows the shapes of `tree`; refuses to know
events (`walk`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from otakit.diagrams.follow import tree as t
from otakit.diagrams.follow.promise import Promise

Bound = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class InOrder:
    """Within part `at` of an `Ordered`."""

    node: t.Ordered
    at: int
    head: Left


@dataclass(frozen=True, slots=True)
class InLanes:
    """Lanes that have begun, or have not."""

    node: t.Lanes
    lefts: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class InCritical:
    """Within a critical body."""

    left: Left


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of a loop.

    Attributes:
        own: its own names and what they stand for.
        asked: threads of its questions that are open.
        connection: on which it last went on.
    """

    left: Left
    own: Bound
    asked: frozenset[int]
    connection: int


@dataclass(frozen=True, slots=True)
class Passes:
    """A loop that has begun.

    Attributes:
        begun: how many passes began, as far as it matters.
        used: what the names of its passes stood for; numbers of one name as ranges.
        connection: on which `used` holds.
    """

    node: t.Loop
    under_way: tuple[Pass, ...]
    begun: int
    used: tuple[object, ...] = ()
    connection: int = -1

    @property
    def has_enough(self) -> bool:
        """Whether enough passes began."""
        return self.begun >= self.node.low or self.node.body.may_end

    @property
    def has_room(self) -> bool:
        """Whether another pass may begin."""
        waiting = sum(not may_end(one.left) for one in self.under_way)
        return waiting < self.node.overlap and self.begun < self.node.high


@dataclass(frozen=True, slots=True)
class InBeside:
    """A body with lanes beside it.

    Attributes:
        connection: on which its body last went on.
    """

    node: t.Beside
    body: Left
    lanes: tuple[Left, ...]
    connection: int = -1

    @property
    def open_lanes(self) -> int:
        """How many of the lanes may move: those drawn behind its first arrow wait for it."""
        return len(self.lanes) if self.body is not self.node.body else len(self.node.around.early)


Left = t.Node | InOrder | InLanes | InCritical | Passes | InBeside


def may_end(left: Left, *, is_lost: bool = False) -> bool:
    """Whether nothing more has to come.

    Args:
        left: of a tree.
        is_lost: the recording ends with a lost connection, and what stands on it need not go on.
    """
    match left:
        case InOrder(node=node, at=at, head=head):
            return may_end(head, is_lost=is_lost) and all(part.may_end for part in node.parts[at + 1 :])
        case InLanes(lefts=lefts):
            return all(may_end(one, is_lost=is_lost) for one in lefts)
        case InCritical(left=inner):
            return may_end(inner, is_lost=is_lost)
        case Passes():
            waits = not (is_lost and left.node.renews)
            return left.has_enough and all(may_end(one.left, is_lost=is_lost) for one in left.under_way if waits)
        case InBeside(node=node):
            around = all(may_end(one, is_lost=is_lost) for one in left.lanes)
            return around and (
                (is_lost and (node.around.is_cut or node.around.is_cut_by_connection))
                or may_end(left.body, is_lost=is_lost)
            )
    return left.may_end


def may_stop(left: Left, connection: int, *, is_lost: bool) -> bool:
    """Whether what follows may begin; a part that is cut leaves the rest of itself undone.

    Args:
        left: of a tree.
        connection: on which it would begin.
        is_lost: the connection before that one was lost.
    """
    match left:
        case InBeside(node=node):
            is_gone = is_lost and connection not in (-1, left.connection)
            if node.around.is_cut or (node.around.is_cut_by_connection and is_gone):
                return True
            return all(may_stop(one, connection, is_lost=is_lost) for one in (left.body, *left.lanes))
        case InOrder(node=node, at=at, head=head):
            return may_stop(head, connection, is_lost=is_lost) and all(part.may_end for part in node.parts[at + 1 :])
        case Passes():
            return left.has_enough and all(may_stop(one.left, connection, is_lost=is_lost) for one in left.under_way)
        case InLanes(lefts=lefts):
            return all(may_stop(one, connection, is_lost=is_lost) for one in lefts)
        case InCritical(left=inner):
            return may_stop(inner, connection, is_lost=is_lost)
    return left.may_end


def is_locked(left: Left) -> bool:
    """Whether a critical part is under way in it."""
    match left:
        case InCritical(left=inner):
            return not may_end(inner)
        case InOrder(head=head):
            return is_locked(head)
        case InLanes(lefts=lefts):
            return any(is_locked(one) for one in lefts)
        case Passes(under_way=under_way):
            return any(is_locked(one.left) for one in under_way)
        case InBeside():
            return is_locked(left.body) or any(is_locked(one) for one in left.lanes)
    return False


def is_asked(left: Left, thread: int) -> bool:
    """Whether a question of this thread is open in one of its passes."""
    match left:
        case InOrder(head=head):
            return is_asked(head, thread)
        case InCritical(left=inner):
            return is_asked(inner, thread)
        case InLanes(lefts=lefts):
            return any(is_asked(one, thread) for one in lefts)
        case Passes(under_way=under_way):
            return any(thread in one.asked or is_asked(one.left, thread) for one in under_way)
        case InBeside():
            return is_asked(left.body, thread) or any(is_asked(one, thread) for one in left.lanes)
    return False


@dataclass(frozen=True, slots=True)
class Next:
    """An arrow that may come next.

    Attributes:
        has_to: nothing else may come in its stead.
        is_beside: it may come at any time.
    """

    promise: Promise
    has_to: bool
    is_beside: bool = False


def next_arrows(left: Left, *, has_to: bool = True, is_beside: bool = False) -> Iterator[Next]:
    """All arrows that may come next."""
    match left:
        case t.Step(promise=promise):
            yield Next(promise, has_to, is_beside)
        case InOrder(node=node, at=at, head=head):
            yield from _in_order((head, *node.parts[at + 1 :]), has_to, is_beside)
        case t.Ordered(parts=parts):
            yield from _in_order(parts, has_to, is_beside)
        case t.Critical(body=inner) | InCritical(left=inner):
            yield from next_arrows(inner, has_to=has_to, is_beside=is_beside)
        case _:
            yield from _of_several(left, has_to, is_beside)


def _of_several(left: Left, has_to: bool, is_beside: bool) -> Iterator[Next]:
    match left:
        case t.Choice(branches=(instead, rest), is_break=True):
            yield from next_arrows(instead, has_to=False, is_beside=True)
            yield from next_arrows(rest, has_to=has_to and not rest.may_end, is_beside=is_beside)
        case t.Choice(branches=parts):
            yield from _all(parts, has_to and not left.may_end, is_beside)
        case t.Lanes(lanes=lefts) | InLanes(lefts=lefts):
            yield from _all(lefts, has_to, is_beside)
        case t.Loop():
            yield from next_arrows(left.body, has_to=has_to and not left.may_end, is_beside=is_beside)
        case Passes():
            yield from _all(tuple(one.left for one in left.under_way), has_to, is_beside)
            if left.has_room:
                yield from next_arrows(left.node.body, has_to=False, is_beside=is_beside)
        case t.Beside():
            yield from next_arrows(left.body, has_to=has_to, is_beside=is_beside)
            yield from _all((*left.around.early, *left.around.breaks), has_to=False, is_beside=True)
        case InBeside(node=node):
            yield from next_arrows(left.body, has_to=has_to, is_beside=is_beside)
            yield from _all(left.lanes[: left.open_lanes], has_to=has_to, is_beside=True)
            yield from _all(node.around.breaks, has_to=False, is_beside=True)


def _in_order(parts: tuple[Left, ...], has_to: bool, is_beside: bool) -> Iterator[Next]:
    for part in parts:
        may = may_end(part)
        yield from next_arrows(part, has_to=has_to and not may, is_beside=is_beside)
        if not may:
            return


def _all(parts: tuple[Left, ...], has_to: bool, is_beside: bool) -> Iterator[Next]:
    for part in parts:
        yield from next_arrows(part, has_to=has_to and not may_end(part), is_beside=is_beside)
