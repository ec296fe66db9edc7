"""Which lessons this reader has done: a file in the reader's folder, else in memory.

Touches that one file and never fails: a folder that cannot be written, or a file that holds something else,
loses a mark and nothing more. `answer` and the last cell of each lesson write it, the index reads it.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

FILE = ".lessons-done.json"
"""In the folder that the notebook runs in: ``my-notebooks/`` after ``make lab``."""

_done: set[str] = set()


def done_so_far() -> set[str]:
    """Numbers of the lessons that are done."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        kept = json.loads(Path(FILE).read_text(encoding="utf-8"))["done"]
        _done.update(number for number in kept if isinstance(number, str))
    return set(_done)


def mark_done(number: str) -> bool:
    """Notes that a lesson is done; whether that could be kept in the folder."""
    done = sorted(done_so_far() | {number})
    _done.update(done)
    fresh = Path(f"{FILE}.{os.getpid()}.new")
    try:
        fresh.write_text(json.dumps({"done": done}) + "\n", encoding="utf-8")
        fresh.replace(FILE)  # in one piece: two lessons may be open at the same time
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        return False
    return True
