"""One event and what is left of a tree: every way in which the event may come next.

A function for each shape of `tree` and `left`. Knows no PlantUML and no packets: `keeping` says whether an event
keeps one arrow. Called by `walk`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from otakit.diagrams.follow import tree as t
from otakit.diagrams.follow.happened import Happened
from otakit.diagrams.follow.keeping import Here, Updates, keeps, values
from otakit.diagrams.follow.left import (
    InBeside,
    InCritical,
    InLanes,
    InOrder,
    Left,
    Pass,
    Passes,
    is_asked,
    is_locked,
    may_end,
    may_stop,
)
from otakit.diagrams.follow.promise import Promise
from otakit.diagrams.follow.used import with_used
from otakit.exchange.question import ACKNOWLEDGEMENTS

MOST_TAILS = 8
"""Passes of an overlapping loop that could go on but need not; older ones are taken to be over."""


class Move(NamedTuple):
    """One way in which an event is kept.

    Attributes:
        left: of the tree.
        updates: what it binds.
        promise: the arrow.
        asks: threads that are open from now on.
        drops: a break: what was asked before it is waited for no more.
    """

    left: Left
    updates: Updates
    promise: Promise
    asks: frozenset[int] = frozenset()
    drops: bool = False


def _with(move: Move, left: Left) -> Move:
    """The same move in a larger tree."""
    return Move(left, move.updates, move.promise, move.asks, move.drops)


def moves(left: Left, here: Here) -> Iterator[Move]:
    """Every way in which the event may come next."""
    return _MOVES[type(left)](left, here)


def _of_step(left: t.Step, here: Here) -> Iterator[Move]:
    updates = keeps(left.promise, here)
    if updates is not None:
        event = here.event
        opens = event.is_question and not event.is_last
        yield Move(t.NOTHING, updates, left.promise, frozenset((event.thread,)) if opens else frozenset())


def _of_ordered(left: t.Ordered, here: Here) -> Iterator[Move]:
    if here.event.row in left.first:
        yield from _from(left, 0, left.parts[0], here)


def _of_in_order(left: InOrder, here: Here) -> Iterator[Move]:
    yield from _from(left.node, left.at, left.head, here)


def _from(node: t.Ordered, at: int, head: Left, here: Here) -> Iterator[Move]:
    while True:
        for move in moves(head, here):
            yield _with(move, _behind(node, at, move.left, here.event))
        if here.event.row not in node.behind[at] or not may_stop(
            head, here.event.connection, is_lost=here.event.after_loss
        ):
            return
        at += 1
        head = node.parts[at]


def _behind(node: t.Ordered, at: int, left: Left, event: Happened) -> Left:
    if left is not t.NOTHING:
        return InOrder(node, at, left) if at + 1 < len(node.parts) else left
    at += 1
    if at < len(node.parts) and event.packet is not None and event.is_question and not event.needs_ack:
        part = _without_acknowledgement(node.parts[at])
        if part is t.NOTHING:
            at += 1
        elif at < len(node.parts):
            return InOrder(node, at, part) if at + 1 < len(node.parts) else part
    if at >= len(node.parts):
        return t.NOTHING
    return InOrder(node, at, node.parts[at]) if at + 1 < len(node.parts) else node.parts[at]


def _without_acknowledgement(part: t.Node) -> Left:
    """What is awaited behind a question at QoS 0: nobody acknowledges it."""
    if isinstance(part, t.Step):
        return t.NOTHING if part.promise.row in ACKNOWLEDGEMENTS else part
    if isinstance(part, t.Lanes):
        lefts = tuple(_without_acknowledgement(lane) for lane in part.lanes)
        return part if lefts == part.lanes else InLanes(part, lefts)
    return part


def _of_choice(left: t.Choice, here: Here) -> Iterator[Move]:
    if here.event.row in left.first:
        for branch in left.branches:
            yield from moves(branch, here)


def _of_lanes(left: t.Lanes, here: Here) -> Iterator[Move]:
    if here.event.row in left.first:
        yield from _of_in_lanes(InLanes(left, left.lanes), here)


def _of_in_lanes(left: InLanes, here: Here) -> Iterator[Move]:
    for at in _free(left.lefts, here.event):
        for move in moves(left.lefts[at], here):
            lefts = (*left.lefts[:at], move.left, *left.lefts[at + 1 :])
            done = all(one is t.NOTHING for one in lefts)
            yield move._replace(left=t.NOTHING if done else InLanes(left.node, lefts))


def _free(lefts: tuple[Left, ...], event: Happened) -> Iterator[int]:
    """The lanes that may move: a packet in one that is in a critical part; the device's own steps go on."""
    locked = next((at for at, one in enumerate(lefts) if is_locked(one)), None) if event.packet is not None else None
    yield from range(len(lefts)) if locked is None else (locked,)


def _of_critical(left: t.Critical, here: Here) -> Iterator[Move]:
    if here.event.row in left.first:
        yield from _of_in_critical(InCritical(left.body), here)


def _of_in_critical(left: InCritical, here: Here) -> Iterator[Move]:
    for move in moves(left.left, here):
        yield move if move.left is t.NOTHING else move._replace(left=InCritical(move.left))


def _of_loop(left: t.Loop, here: Here) -> Iterator[Move]:
    if here.event.row in left.first:
        yield from _of_passes(Passes(left, (), 0), here)


def _of_passes(left: Passes, here: Here) -> Iterator[Move]:
    if here.event.row not in left.node.rows:
        return
    asker = _asker(left, here.event)
    for at in _that_may(left, here) if asker is None else (asker,):
        one = left.under_way[at]
        inner = here.within({**here.bound, **dict(one.own)}) if one.own else here
        for move in moves(one.left, inner):
            yield from _passes_after(left, left.begun, left.under_way, at, move, here)
    if asker is None:
        yield from _of_new_pass(left, here)


def _of_new_pass(left: Passes, here: Here) -> Iterator[Move]:
    node, connection = left.node, here.event.connection
    if left.begun >= node.high or here.event.row not in t.first_of(node.body):
        return
    if len([one for one in left.under_way if not _gives_way(node, one, here.event)]) >= node.overlap:
        return
    others = _tails(left) if node.overlap > 1 else ()
    under_way = (*others, Pass(node.body, (), frozenset(), connection))
    begun = min(left.begun + 1, max(node.low, node.high if node.high < t.MANY else 0))
    for move in moves(node.body, here):
        yield from _passes_after(left, begun, under_way, len(others), move, here)


def _that_may(left: Passes, here: Here) -> Iterable[int]:
    """The passes that the event may belong to: where numbers tell them apart, those with its numbers."""
    told_by = left.node.told_by.get(here.event.row)
    if told_by is None or len(left.under_way) < 2:
        return range(len(left.under_way))
    names = left.node.names
    found = [
        sorted((name.own, value) for name, value in of_arrow if name.own in names)
        for promise in told_by
        if (of_arrow := values(promise, here)) is not None
    ]
    return [at for at, one in enumerate(left.under_way) if len(one.own) < len(names) or list(one.own) in found]


def _asker(left: Passes, event: Happened) -> int | None:
    """The pass that asked what is answered now, or asked again: the event is meant for no other."""
    if left.node.overlap > 1 and event.packet is not None:
        for at, one in enumerate(left.under_way):
            if event.thread in one.asked or is_asked(one.left, event.thread):
                return at
    return None


def _gives_way(node: t.Loop, one: Pass, event: Happened) -> bool:
    is_gone = node.renews and event.connection not in (-1, one.connection)
    return is_gone or may_stop(one.left, event.connection, is_lost=event.after_loss)


def _tails(left: Passes) -> tuple[Pass, ...]:
    done = [one for one in left.under_way if may_end(one.left)]
    over = set(map(id, done[: max(0, len(done) - MOST_TAILS)]))
    return tuple(one for one in left.under_way if id(one) not in over)


def _passes_after(
    left: Passes, begun: int, under_way: tuple[Pass, ...], at: int, move: Move, here: Here
) -> Iterator[Move]:
    """The loop after one of its passes moved: what the pass binds for itself stays with it."""
    one, event, names = under_way[at], here.event, left.node.names
    news = [pair for pair in move.updates if pair[0] in names] if names else []
    own = tuple(sorted({**dict(one.own), **dict(news)}.items())) if news else one.own
    used, connection = left.used, left.connection
    if news and len(own) == len(names):
        known = used if connection == event.connection else ()
        now_used = with_used(known, tuple(value for _, value in own))
        if now_used is None:
            return
        used, connection = now_used, event.connection
    asked = asked_after(one.asked, move, event)
    on = event.connection if event.connection >= 0 else one.connection
    is_over = move.left is t.NOTHING
    rest = (*under_way[:at], *(() if is_over else (Pass(move.left, own, asked, on),)), *under_way[at + 1 :])
    updates = tuple(pair for pair in move.updates if pair[0] not in names) if news else move.updates
    after = Passes(left.node, rest, begun, used, connection)
    # where a pass is over, others may still wait for its answers
    yield Move(after, updates, move.promise, asked if is_over else frozenset())


def asked_after(asked: frozenset[int], move: Move, event: Happened) -> frozenset[int]:
    """The questions that are open after a move."""
    if move.drops:
        return move.asks
    if event.is_last and event.thread in asked:
        return asked - {event.thread}
    return asked | move.asks if move.asks else asked


def _of_beside(left: t.Beside, here: Here) -> Iterator[Move]:
    if here.event.row in left.first:
        yield from _of_in_beside(InBeside(left, left.body, left.lanes), here)


def _of_in_beside(left: InBeside, here: Here) -> Iterator[Move]:
    if here.event.row not in left.node.rows:
        return
    node, event = left.node, here.event
    lanes = left.lanes[: left.open_lanes]
    free = list(_free((left.body, *left.lanes), event)) if node.has_critical else range(len(lanes) + 1)
    on = event.connection if event.connection >= 0 else left.connection
    if 0 in free:
        for move in moves(left.body, here):
            yield _with(move, InBeside(node, move.left, left.lanes, on))
    for at, lane in enumerate(lanes):
        if at + 1 in free or _renews(lane, event):
            for move in moves(lane, here):
                after = (*left.lanes[:at], move.left, *left.lanes[at + 1 :])
                yield _with(move, InBeside(node, left.body, after, on))
    for instead in node.around.breaks:
        if event.row in t.first_of(instead):
            for move in moves(instead, here):
                yield move._replace(drops=True)


def _renews(lane: Left, event: Happened) -> bool:
    return isinstance(lane, Passes) and any(_gives_way(lane.node, one, event) for one in lane.under_way)


_MOVES: dict[type, Callable[[Any, Here], Iterator[Move]]] = {
    t.Step: _of_step,
    t.Ordered: _of_ordered,
    t.Choice: _of_choice,
    t.Lanes: _of_lanes,
    t.Critical: _of_critical,
    t.Loop: _of_loop,
    t.Beside: _of_beside,
    InOrder: _of_in_order,
    InLanes: _of_in_lanes,
    InCritical: _of_in_critical,
    Passes: _of_passes,
    InBeside: _of_in_beside,
}
