"""Transition tables as data, and the one rule by which they are read.

A row says: in this state, hearing this, if the guard holds, go there and do that. Rows are tried in
order, the first whose guard holds wins, and what no row hears changes nothing. Knows neither updates
nor connections; `machine` and `connection` bring the rows, the docs draw them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from otakit.client.vocabulary import Action

Subject = TypeVar("Subject")
Actions = list[Action]


@dataclass(frozen=True, slots=True)
class Row(Generic[Subject]):
    """One transition.

    Attributes:
        state: where it starts.
        hears: type of the event.
        when: guard; its name says what it asks.
        goes_to: where it ends.
        does: changes the subject and gives the actions; its name says what it does.
    """

    state: Enum
    hears: type
    when: Callable[[Subject, Any, int], bool]
    goes_to: Enum
    does: Callable[[Subject, Any, int], Actions]


Index = dict[tuple[Enum, type], tuple[Row[Subject], ...]]


def always(_subject: object, _event: object, _now: int) -> bool:
    """The guard that holds."""
    return True


def nothing(_subject: object, _event: object, _now: int) -> Actions:
    """The effect of a row that only says where to go."""
    return []


def each(states: Iterable[Enum], rows: Callable[[Any], Sequence[Row[Subject]]]) -> tuple[Row[Subject], ...]:
    """The same rows for several states."""
    return tuple(row for state in states for row in rows(state))


def index_of(table: Sequence[Row[Subject]]) -> Index[Subject]:
    """Rows by state and event, in the table's order."""
    found: dict[tuple[Enum, type], list[Row[Subject]]] = {}
    for row in table:
        found.setdefault((row.state, row.hears), []).append(row)
    return {key: tuple(rows) for key, rows in found.items()}


def row_for(index: Index[Subject], subject: Subject, state: Enum, event: object, now: int) -> Row[Subject] | None:
    """The first row whose guard holds; None for what is not heard in this state."""
    for row in index.get((state, type(event)), ()):
        if row.when(subject, event, now):
            return row
    return None
