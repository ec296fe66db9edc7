"""Makes the nodes of a tree, each with what is known of it beforehand; parts without an arrow vanish.

Knows the shapes of `tree`; refuses to know PlantUML. `grammar` calls it, and `follows` to take arrows out that a
recording cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from otakit.diagrams.follow.promise import ANY, Promise
from otakit.diagrams.follow.tree import (
    NOTHING,
    Around,
    Beside,
    Choice,
    Critical,
    Lanes,
    Loop,
    Node,
    Ordered,
    Step,
    first_of,
    promises,
    rows_of,
)


def ordered(parts: tuple[Node, ...]) -> Node:
    """Parts in order; one part stands for itself."""
    there = tuple(part for part in parts if part is not NOTHING)
    if not there:
        return NOTHING
    if len(there) == 1:
        return there[0]
    behind = [frozenset[str]()]
    for part in there[:0:-1]:
        behind.append(behind[-1] | rows_of(part))
    return Ordered(there, _rows(there), _first(there), all(part.may_end for part in there), tuple(reversed(behind)))


def choice(branches: tuple[Node, ...], *, is_break: bool = False) -> Node:
    """One of them."""
    if all(branch is NOTHING for branch in branches):
        return NOTHING
    return Choice(branches, _rows(branches), _firsts(branches), any(branch.may_end for branch in branches), is_break)


def lanes(parts: tuple[Node, ...]) -> Node:
    """All of them, in any interleaving."""
    there = tuple(part for part in parts if part is not NOTHING)
    if len(there) < 2:
        return there[0] if there else NOTHING
    return Lanes(there, _rows(there), _firsts(there), all(part.may_end for part in there))


def critical(body: Node) -> Node:
    """A body that nothing interrupts."""
    return (
        body
        if body is NOTHING or isinstance(body, Step)
        else Critical(body, rows_of(body), first_of(body), body.may_end)
    )


def loop(
    number: int,
    body: Node,
    low: int,
    high: int,
    overlap: int,
    names: frozenset[str] = frozenset(),
    *,
    renews: bool = False,
) -> Node:
    """The body again and again; `names` are its own."""
    if body is NOTHING:
        return NOTHING
    arrows = {row: tuple(one for one in promises(body) if one.row == row) for row in rows_of(body)} if names else {}
    told_by = {row: all_of for row, all_of in arrows.items() if all(names <= _own(one) for one in all_of)}
    return Loop(
        number,
        body,
        low,
        high,
        overlap,
        names,
        renews,
        rows_of(body),
        first_of(body),
        low == 0 or body.may_end,
        told_by,
    )


def _own(promise: Promise) -> set[str]:
    return {name.own for name in promise.names if name.how != ANY}


def beside(body: Node, around: Around) -> Node:
    """A body with what may come at any time."""

    def there(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(node for node in nodes if node is not NOTHING)

    around = replace(around, early=there(around.early), late=there(around.late), breaks=there(around.breaks))
    inner = (*around.early, *around.late, *around.breaks)
    if not (inner or around.is_cut_by_connection or around.is_cut):
        return body
    first = _firsts((body, *around.early, *around.breaks))
    return Beside(
        body, around, _rows((body, *inner)), first, body.may_end, any(_has_critical(node) for node in (body, *inner))
    )


def _has_critical(node: Node) -> bool:
    match node:
        case Critical():
            return True
        case Ordered(parts=parts) | Choice(branches=parts) | Lanes(lanes=parts):
            return any(map(_has_critical, parts))
        case Loop(body=body):
            return _has_critical(body)
        case Beside():
            return node.has_critical
    return False


def changed(node: Node, change: Callable[[Promise], Promise | None]) -> Node:
    """The tree with other promises in it; a step that becomes None is taken out."""

    def each(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(changed(one, change) for one in nodes)

    match node:
        case Step(promise=promise):
            after = change(promise)
            return NOTHING if after is None else Step(after)
        case Ordered(parts=parts):
            return ordered(each(parts))
        case Choice(branches=parts):
            return choice(each(parts), is_break=node.is_break)
        case Lanes(lanes=parts):
            return lanes(each(parts))
        case Critical(body=body):
            return critical(changed(body, change))
        case Loop():
            body = changed(node.body, change)
            return loop(node.number, body, node.low, node.high, node.overlap, node.names, renews=node.renews)
        case Beside():
            around = node.around
            inner = replace(around, early=each(around.early), late=each(around.late), breaks=each(around.breaks))
            return beside(changed(node.body, change), inner)


def _first(parts: tuple[Node, ...]) -> frozenset[str]:
    """The same of parts in order."""
    found = frozenset[str]()
    for part in parts:
        found |= first_of(part)
        if not part.may_end:
            break
    return found


def _firsts(nodes: tuple[Node, ...]) -> frozenset[str]:
    return frozenset(row for node in nodes for row in first_of(node))


def _rows(nodes: tuple[Node, ...]) -> frozenset[str]:
    return frozenset(row for node in nodes for row in rows_of(node))
