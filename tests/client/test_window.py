"""Which chunk next, how many in flight, and when one is late."""

from __future__ import annotations

import random

import hypothesis.strategies as st
from hypothesis import given

from otakit.client.settings import ns
from otakit.client.window import REACH, Window


def window(size: int = 40_960, width: int = 4) -> Window:
    return Window(size, 4096, width, ns(5))


def opened(width: int = 4, size: int = 40_960) -> Window:
    """After its first answer."""
    it = window(size, width)
    it.ask(0)
    it.arrived(0, 0)
    return it


def asked(it: Window, now: int = 0) -> list[int]:
    indices = []
    while (index := it.ask(now)) is not None:
        indices.append(index)
    return indices


def test_the_first_goes_alone_then_as_many_as_the_window_is_wide() -> None:
    """One answer proves the request id."""
    it = window()
    assert asked(it) == [0]
    it.arrived(0, 0)
    assert asked(it) == [1, 2, 3, 4]


def test_lengths_are_the_chunk_size_and_the_rest() -> None:
    """20,000 bytes: the last has 3,616."""
    it = Window(20_000, 4096, 4, ns(5))
    assert [it.length(index) for index in range(it.count)] == [4096, 4096, 4096, 4096, 3616]


def test_a_size_that_divides_has_no_empty_last_chunk() -> None:
    """8,192 bytes are two chunks."""
    assert Window(8192, 4096, 4, 1).count == 2


def test_a_gap_does_not_stop_the_others_up_to_the_reach() -> None:
    """What must be remembered beyond the gap is bounded."""
    it = opened(width=2, size=4096 * (REACH + 500))
    it.ask(0)
    while (index := it.ask(0)) is not None:
        it.arrived(index, 0)
    assert it.done == REACH + 1
    assert not it.has(1)


def test_an_answer_in_turn_moves_the_deadline_of_those_behind_it() -> None:
    """A slow link serves one after the other: each waits for its turn, not for its request."""
    it = opened()
    asked(it)
    it.arrived(1, ns(4))
    assert it.overdue(ns(5)) == []
    assert it.wake_at == ns(4) + it.patience_ns


def test_an_overtaken_request_keeps_its_own_deadline() -> None:
    """Answers come in the order of the requests, so what was overtaken is lost or late."""
    it = opened()
    asked(it)
    it.arrived(3, ns(1))
    it.arrived(4, ns(2))
    assert it.overdue(ns(5)) == [1, 2]
    assert not it.expects


def test_a_slow_server_is_given_twice_its_slowest_answer() -> None:
    """Bounded at twelve deadlines."""
    it = window()
    it.ask(0)
    it.arrived(0, ns(20))
    assert it.patience_ns == ns(40)
    it.ask(ns(20))
    it.arrived(1, ns(1000))
    assert it.patience_ns == ns(60)


def test_a_repetition_is_asked_before_anything_new() -> None:
    """And knows how often it was asked."""
    it = opened()
    asked(it)
    assert it.again(2) == 2
    assert it.ask(ns(6)) == 2
    assert it.attempt(2) == 2


def test_an_answer_that_comes_while_its_repetition_waits_is_taken() -> None:
    """Nothing is asked for that is there."""
    it = opened()
    asked(it)
    it.again(2)
    assert it.wants(2)
    it.arrived(2, ns(6))
    assert 2 not in asked(it)


def test_afresh_asks_again_for_what_was_in_flight_alone_first() -> None:
    """After a new request id or a new connection."""
    it = opened()
    asked(it)
    it.afresh()
    assert asked(it) == [1]
    it.arrived(1, 0)
    assert asked(it) == [2, 3, 4, 5]


def test_smaller_chunks_keep_the_whole_ones_at_the_front() -> None:
    """Bytes that are there are not fetched again."""
    it = opened()
    smaller = it.resized(1024)
    assert (smaller.prefix, smaller.ask(0)) == (4, 4)


@given(size=st.integers(1, 60_000), chunk=st.integers(1, 9000), width=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_every_chunk_comes_once_whatever_the_order(size: int, chunk: int, width: int, seed: int) -> None:
    """Answers, losses and repetitions in any order end with each chunk there, and never more in flight."""
    chance = random.Random(seed)
    it = Window(size, max(chunk, size // 200 + 1), width, ns(5))
    now, written = 0, []
    while not it.complete:
        now += 1
        asked(it, now)
        assert len(it.in_flight) <= (1 if it.alone else width)
        index = chance.choice(sorted(it.in_flight))
        if chance.random() < 0.2:
            it.again(index)
        else:
            it.arrived(index, now)
            written.append(index)
    assert sorted(written) == list(range(it.count))
    assert it.bytes_done == it.size
