"""A recording as text for a terminal: what it is, how it ended, and one frame.

Knows which columns of a frame a person reads first and how wide they may be (`SHOWN`); all of them are in
the frame itself and in `otakit export`. Refuses to know where the text goes. `otakit show` prints it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from otakit.session import Session

SHOWN: dict[str, dict[str, int]] = {
    "packets": {"number": 6, "at_s": 9, "direction": 9, "type": 11, "message": 18, "length": 7, "topic": 40,
                "text": 200},
    "exchanges": {"asked_s": 9, "latency_s": 9, "outcome": 10, "name": 17, "attempt": 7, "said": 40, "heard": 200},
    "chunks": {"kind": 8, "index": 5, "attempt": 7, "asked_s": 9, "latency_s": 9, "received_bytes": 14, "in_flight": 9,
               "outcome": 10},
    "statuses": {"at_s": 9, "kind": 8, "writer": 6, "status": 11, "title": 16, "version": 10, "error": 200},
}  # fmt: skip
"""Columns of each frame in a terminal, with the most characters of each; `updates` are shown one below the other."""

MISSING = ""


def printed(session: Session, what: str, width: int) -> str:
    """The recording in a line or two, then one frame, no line longer than `width` characters."""
    frame = getattr(session, what)
    head = [f"{session.path}: {len(session.packets):,} packets, {_ending(session)}"]
    if session.cut:
        head.append(session.cut)
    body = _cards(frame) if what == "updates" else _table(frame, SHOWN[what])
    return "\n".join([*head, "", *(line[:width].rstrip() for line in body)])


def _ending(session: Session) -> str:
    return ", ".join(f"{kind} {outcome}" for kind, outcome in (session.outcome or {}).items()) or "no update in it"


def _table(frame: pd.DataFrame, shown: dict[str, int]) -> list[str]:
    columns = [[name, *map(_cell, frame[name])] for name in shown]
    rights = [pd.api.types.is_numeric_dtype(frame[name].dtype) for name in shown]
    widths = [min(most, max(map(len, column))) for column, most in zip(columns, shown.values(), strict=True)]
    return [
        "  ".join(_fitted(cell, width, right) for cell, width, right in zip(row, widths, rights, strict=True))
        for row in zip(*columns, strict=True)
    ]


def _cards(updates: pd.DataFrame) -> list[str]:
    """Each update as lines of name and value: it has more columns than a terminal."""
    lines: list[str] = []
    for row in updates.to_dict("records"):
        lines += [f"{name:<17} {_cell(value)}" for name, value in row.items() if _cell(value) != MISSING] + [""]
    return lines or ["no updates"]


def _fitted(cell: str, width: int, right: bool) -> str:
    cut = cell if len(cell) <= width else f"{cell[: width - 1]}…"
    return cut.rjust(width) if right else cut.ljust(width)


def _cell(value: Any) -> str:
    if pd.isna(value):
        return MISSING
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.0f}"  # seconds to a tenth of a millisecond
    # what a peer sent may hold control characters, which would steer the terminal
    return "".join(mark if mark.isprintable() else "·" for mark in " ".join(str(value).split()))
