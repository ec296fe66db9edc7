"""Loops, choices and lanes against a brute-force oracle: what a tree promises is what it accepts, and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otakit.diagrams.follow.follows import follows
from otakit.protocol.messages import Direction, Telemetry

UP = Direction.TO_SERVER
LETTERS = "abc"
LONGEST = 6
Tree = tuple[
    Any, ...
]  # ("a",), ("seq", …), ("alt", …), ("opt", x), ("loop", low, high, x), ("par", …), ("break", x, y)


def trees() -> st.SearchStrategy[Tree]:
    """Small trees over three letters."""
    letter = st.sampled_from([(name,) for name in LETTERS])

    def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        several = st.lists(inner, min_size=2, max_size=3)
        return st.one_of(
            several.map(lambda parts: ("seq", *parts)),
            several.map(lambda parts: ("alt", *parts)),
            inner.map(lambda part: ("opt", part)),
            st.tuples(st.sampled_from([(1, 99), (0, 99), (2, 2), (0, 2), (2, 99)]), inner).map(
                lambda pair: ("loop", *pair[0], pair[1])
            ),
            st.lists(inner, min_size=2, max_size=2).map(lambda parts: ("par", *parts)),
            st.tuples(inner, inner).map(lambda pair: ("break", *pair)),
        )

    return st.recursive(letter, grown, max_leaves=6)


# ---- the tree as PlantUML --------------------------------------------------------------------------------------

TIMES = {
    (1, 99): "",
    (0, 99): "if any",
    (2, 2): "2 times",
    (0, 2): "at most 2 times",
    (2, 99): "at least 2 times",
}


def lines(tree: Tree) -> Iterator[str]:
    """Its lines."""
    match tree:
        case ("seq", *parts):
            for part in parts:
                yield from lines(part)
        case ("alt" | "par" as word, first, *others):
            yield from (word, *lines(first))
            for other in others:
                yield from ("else", *lines(other))
            yield "end"
        case ("opt", part):
            yield from ("opt", *lines(part), "end")
        case ("loop", low, high, part):
            yield from (f"loop {TIMES[low, high]}", *lines(part), "end")
        case ("break", instead, rest):  # in a group of its own: a break ends the fragment around it
            yield from ("group", "break", *lines(instead), "end", *lines(rest), "end")
        case (letter,):
            yield f'TBDev -> TBSrv : Telemetry: {{"{letter}":1}}'


# ---- the oracle: every word of a tree, up to a length ----------------------------------------------------------


@cache
def words(tree: Tree) -> frozenset[str]:
    """All words of at most `LONGEST` letters."""
    match tree:
        case ("seq", *parts):
            return joined([words(part) for part in parts])
        case ("alt", *parts):
            return frozenset().union(*map(words, parts))
        case ("opt", part):
            return words(part) | {""}
        case ("break", instead, rest):
            return words(instead) | words(rest)
        case ("par", left, right):
            return frozenset(
                word for one in words(left) for other in words(right) for word in shuffled(one, other) if fits(word)
            )
        case ("loop", low, high, part):
            return looped(low, high, words(part))
    return frozenset({tree[0]})


def looped(low: int, high: int, body: frozenset[str]) -> frozenset[str]:
    found, now = set[str](), frozenset({""})
    for passes in range(min(high, LONGEST + low) + 1):
        if passes >= low:
            found |= now
        now = joined([now, body])
    return frozenset(found)


def joined(parts: list[frozenset[str]]) -> frozenset[str]:
    return frozenset(word for pieces in itertools.product(*parts) if fits(word := "".join(pieces)))


@cache
def shuffled(one: str, other: str) -> frozenset[str]:
    """Every interleaving."""
    if not one or not other:
        return frozenset({one + other})
    first = {one[0] + rest for rest in shuffled(one[1:], other)}
    return frozenset(first | {other[0] + rest for rest in shuffled(one, other[1:])})


def fits(word: str) -> bool:
    return len(word) <= LONGEST


# ---- the claims ------------------------------------------------------------------------------------------------


def accepts(tape: Callable[..., Any], tree: Tree, word: str) -> bool:
    """Whether a session that says these letters follows the diagram."""
    film = tape().connect()
    for letter in word:
        film.publish(UP, Telemetry({letter: 1}))
    return bool(follows(film.entries, "\n".join(lines(tree))))


@settings(max_examples=60, deadline=None)
@given(tree=trees(), data=st.data())
def test_a_word_of_the_tree_is_accepted(tape: Callable[..., Any], tree: Tree, data: st.DataObject) -> None:
    """Whichever way through loops, choices and lanes it takes."""
    there = sorted(words(tree))
    if there:
        word = data.draw(st.sampled_from(there))
        assert accepts(tape, tree, word), (tree, word)


@settings(max_examples=80, deadline=None)
@given(tree=trees(), data=st.data())
def test_a_step_left_out_swapped_or_repeated_is_accepted_only_where_that_is_a_word_too(
    tape: Callable[..., Any], tree: Tree, data: st.DataObject
) -> None:
    """The checker and the oracle agree on every small mutation."""
    there = sorted(word for word in words(tree) if word)
    if not there:
        return
    word = data.draw(st.sampled_from(there))
    at = data.draw(st.integers(0, len(word) - 1))
    mutated = data.draw(
        st.sampled_from([
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :],
        ])
    )  # fmt: skip
    if fits(mutated):
        assert accepts(tape, tree, mutated) is (mutated in words(tree)), (tree, mutated)


@settings(max_examples=60, deadline=None)
@given(tree=trees(), word=st.text(LETTERS, max_size=5))
def test_any_other_text_is_judged_as_the_oracle_does(tape: Callable[..., Any], tree: Tree, word: str) -> None:
    """Words that were not made from the tree; letters that it does not draw are none of its business."""
    spoken_of = "".join(letter for letter in word if f"('{letter}',)" in str(tree))
    assert accepts(tape, tree, word) is (spoken_of in words(tree)), (tree, word)
