# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The recordings that the article's examples are cut out of, from seeded runs in virtual time.

    python docs/make_runs.py             writes docs/runs/*.pcapng
    python docs/make_runs.py --check     says which are stale; ends with 1 then

The same bytes on every machine: a test makes them anew and compares. Afterwards: python docs/make_article.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from current import keep_current

from otakit.article.by_hand import BY_HAND, played_by_hand
from otakit.article.stories import STORIES, played_in_memory
from otakit.record.writing import entries_to_bytes

RUNS = Path(__file__).resolve().parent / "runs"


def made() -> Iterator[tuple[Path, bytes]]:
    """Each recording's file and content; of an image's chunk the first 32 bytes are kept."""
    for story in STORIES:
        entries, outcome = played_in_memory(story)
        notes = {"what": story.sentence, "link": story.link}
        content = b"".join(entries_to_bytes(entries, keep="head", notes=notes, outcome=outcome))
        yield RUNS / f"{story.name}.pcapng", content
    for hand in BY_HAND:
        content = b"".join(entries_to_bytes(played_by_hand(hand), keep="head", notes={"what": hand.sentence}))
        yield RUNS / f"{hand.name}.pcapng", content


def main() -> int:
    """Writes the recordings, or with ``--check`` compares them."""
    files = dict(made())
    left_over = [path for path in RUNS.glob("*.pcapng") if path not in files]
    return keep_current("The recordings of the article.", files, left_over)


if __name__ == "__main__":
    sys.exit(main())
