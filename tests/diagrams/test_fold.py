"""Which chunk exchanges deserve an arrow of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from otakit.diagrams.fold import folded, oddities
from otakit.exchange import Chunk, Exchanges


def chunks_of(tape: Any) -> list[Chunk]:
    story = Exchanges()
    for entry in tape.entries:
        story.feed(entry)
    return story.story.chunks


@pytest.fixture
def download(tape: Any) -> Any:
    """Chunks of these indexes, one after the other."""

    def make(indexes: Iterable[int]) -> Any:
        made = tape().connect().offer(200 * 4096)
        for index in indexes:
            made.chunk(index)
        return made

    return make


def test_a_gap_keeps_the_chunk_behind_it(download: Any) -> None:
    """A chunk out of turn is part of the story."""
    chunks = chunks_of(download([*range(10), *range(15, 30)]))
    found = oddities(chunks)
    odd = {chunk.exchange.question.index for chunk in chunks if found.get(chunk.exchange.number)}
    assert odd == {15}


def test_first_and_last_are_kept_and_the_rest_folds(download: Any) -> None:
    """Nothing else went its own way."""
    chunks = chunks_of(download(range(30)))
    assert len(folded(chunks)) == 28
    assert [word for word in oddities(chunks).values() if word] == []


def test_eight_requests_do_not_fold(download: Any) -> None:
    """They fit on a screen."""
    assert folded(chunks_of(download(range(8)))) == {}
    assert len(folded(chunks_of(download(range(9))))) == 7


def test_jitter_is_no_story_but_lateness_is(tape: Any) -> None:
    """Four times the usual latency, and a tenth of a second more."""
    made = tape().connect().offer(200 * 4096)
    for index in range(20):
        made.chunk(index, wait_ms={5: 120, 9: 400}.get(index, 20))
    chunks = chunks_of(made)
    assert [word for word in oddities(chunks).values() if word] == ["late"]


def test_a_request_never_answered_says_so(tape: Any) -> None:
    """Asked again, it says how often; the first one points down to it."""
    made = tape().connect().offer(200 * 4096).chunk(0).ask(1).wait(5000).ask(1).wait(5000).chunk(1)
    assert list(oddities(chunks_of(made)).values()) == ["", "no answer", "no answer", "asked for the 3rd time"]
