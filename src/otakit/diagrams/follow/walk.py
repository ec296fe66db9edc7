"""Walks the tree of a diagram with what happened: all ways in which it may have gone so far.

Several states at a time, since an event may keep more than one arrow; states that are alike become one. Knows
what a drawing may leave out; leaves to `moves` what one event does to one state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from otakit.diagrams.follow import tree as t
from otakit.diagrams.follow.happened import Happened
from otakit.diagrams.follow.keeping import Here, Values, answers, question_is_drawn
from otakit.diagrams.follow.left import Bound, Left, Next, is_asked, may_end, next_arrows
from otakit.diagrams.follow.moves import Move, asked_after, moves
from otakit.diagrams.follow.promise import Promise
from otakit.diagrams.source import Line
from otakit.errors import DiagramError

MOST_STATES = 500
MOVES_AN_EVENT = 10
MOVES_TO_SPARE = 20_000
"""An ordinary diagram leaves one or two moves for a packet; with more for each, a long recording would take hours."""

Kept = tuple[Promise, Happened]


@dataclass(frozen=True, slots=True)
class State:
    """One way in which it may have gone so far.

    Attributes:
        bound: names and devices.
        asked: threads of the questions that are open outside of loops.
    """

    left: Left
    bound: Bound = ()
    asked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Trail:
    """How a state came about.

    Attributes:
        kept: how many events kept an arrow.
        in_order: how many of these arrows were not of those that may come at any time.
        newest: the last ones.
    """

    kept: int = 0
    in_order: int = 0
    newest: tuple[Kept, ...] = ()


class Walk:
    """All states at once.

    Args:
        node: the promise of a diagram.
        neighbours: how many kept arrows are remembered.
    """

    def __init__(self, node: t.Node, neighbours: int = 2) -> None:
        self._drawn = frozenset(promise.row for promise in t.promises(node))
        self._beside = frozenset(t.promises_beside(node))
        self._questions: dict[int, Promise] = {}
        self._neighbours = neighbours
        self._moves_left = MOVES_TO_SPARE
        self.states: dict[State, Trail] = {State(node): Trail()}

    def hears(self, event: Happened) -> bool:
        """Goes on with an event; False, and no change, where no state allows it.

        Raises:
            DiagramError: the diagram can be read in too many ways.
        """
        found: dict[State, Trail] = {}
        read: dict[Promise, Values | None] = {}
        is_alike = event.is_question or not answers(event.row)  # what an answer is worth depends on what is open
        self._moves_left += MOVES_AN_EVENT
        for state, trail in self.states.items():
            moved = False
            for move in moves(state.left, self._here(state, event, read if is_alike else {})):
                moved = True
                self._moves_left -= 1
                found.setdefault(_after(state, move, event), self._longer(trail, move.promise, event))
                if self._moves_left < 0 or len(found) > MOST_STATES:
                    raise _too_many(move.promise)
            if self._may_pass(state, event, moved=moved):
                found.setdefault(state, trail)
        if not found:
            return False
        self.states = found
        return True

    def _here(self, state: State, event: Happened, read: dict[Promise, Values | None]) -> Here:
        is_open = not event.is_question and _is_open(state, event.thread)
        return Here(event, dict(state.bound), is_open, self._questions, self._drawn, read)

    def _longer(self, trail: Trail, promise: Promise, event: Happened) -> Trail:
        if event.is_question:
            self._questions[event.thread] = promise
        return Trail(
            trail.kept + 1,
            trail.in_order + (promise not in self._beside),
            (*trail.newest[-self._neighbours + 1 :], (promise, event)),
        )

    def _may_pass(self, state: State, event: Happened, *, moved: bool) -> bool:
        """Whether a drawing need not have it: a receipt, a repetition, an answer to what was given up since."""
        if not event.was_asked:
            return False
        is_answer = answers(event.row) and not event.is_question
        if is_answer and not question_is_drawn(event.row, self._drawn):
            return True  # the drawing cannot know which of these answers it is about
        if moved:  # repeated attribute requests are few, so both readings can be kept
            return event.may_be_left_out and event.row == "AttributesRequest"
        return event.may_be_left_out or (is_answer and not _is_open(state, event.thread))

    def is_done(self, *, is_lost: bool) -> bool:
        """Whether nothing more has to come; less has to where the recording ends with a lost connection."""
        return any(may_end(state.left, is_lost=is_lost) for state in self.states)

    @property
    def trail(self) -> Trail:
        """Of the state that came furthest."""
        return max(self.states.values(), key=lambda trail: (trail.in_order, trail.kept))

    def next_arrows(self) -> Iterator[tuple[int, list[Next]]]:
        """For each state, how far it came, and the arrows that may come next."""
        for state, trail in self.states.items():
            yield trail.in_order, list(dict.fromkeys(next_arrows(state.left)))


def _too_many(promise: Promise) -> DiagramError:
    return Line(promise.line, "", promise.file).error(
        "one packet may keep this arrow or others, so the diagram can be read in too many ways; tell its "
        "alternatives apart by topic, key or code, and parallel parts by {names}"
    )


def _is_open(state: State, thread: int) -> bool:
    return thread in state.asked or is_asked(state.left, thread)


def _after(state: State, move: Move, event: Happened) -> State:
    bound = tuple(sorted({**dict(state.bound), **dict(move.updates)}.items())) if move.updates else state.bound
    return State(move.left, bound, asked_after(state.asked, move, event))
