"""Frames → the words and rows of the report page.

Knows which figures a reader wants to see, and how they are written; refuses to know HTML. `report` calls it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

TONES = {"UPDATED": "good", "FAILED": "bad"}
Row = Mapping[Any, Any]


def records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    """The rows of a frame as dictionaries."""
    return frame.to_dict("records")


# ------------------------------------------------------------------------------------------ updates


def update_card(row: Row) -> dict[str, Any]:
    """What a card of the summary says about one update."""
    facts = {
        "duration": _seconds(row["duration_s"]),
        "image": f"{row['package_bytes']:,} bytes" if _there(row["package_bytes"]) else None,
        "chunks": _chunks(row),
        "requests repeated": f"{row['retries']:,}",
        "bytes in vain": f"{row['bytes_wasted']:,} of {row['bytes_received']:,}",
        "goodput": _rate(row["goodput"]),
        "chunk latency": _latencies(row),
        "in flight": f"{row['most_in_flight']} at most" if _there(row["most_in_flight"]) else None,
    }
    return {
        "kind": str(row["kind"]).capitalize(),
        "outcome": row["outcome"],
        "tone": TONES.get(row["outcome"], "note"),
        "reason": row["reason"] if _there(row["reason"]) else "",
        "steps": _steps(row),
        "facts": [(name, value) for name, value in facts.items() if value],
    }


def _steps(row: Row) -> str:
    title = f"{row['to_title']} " if _there(row["to_title"]) else ""
    before = row["from_version"] if _there(row["from_version"]) else "nothing"
    return f"{title}{before} → {row['to_version'] if _there(row['to_version']) else 'unknown'}"


def _chunks(row: Row) -> str:
    size = f" of {row['chunk_bytes']:,} bytes" if _there(row["chunk_bytes"]) else ""
    return f"{row['chunks']:,}{size}"


def _latencies(row: Row) -> str | None:
    marks = [(name, row[f"latency_{name}_s"]) for name in ("p50", "p95", "p99")]
    if not all(_there(value) for _, value in marks):
        return None
    return ", ".join(f"{name} {value * 1000:,.1f} ms" for name, value in marks)


def title_of(updates: pd.DataFrame) -> str:
    """A headline."""
    if updates.empty:
        return "A recording without an update"
    return _begun(" and ".join(f"{row['kind']} {_steps(row)}" for row in records(updates)))


def lede(updates: pd.DataFrame, chunks: pd.DataFrame) -> str:
    """The page in one or two sentences."""
    if updates.empty:
        return "No device was brought to a package here."
    ends = [f"{row['kind']} {row['outcome']}" for row in records(updates)]
    begin, end = updates["offered_at"].min(), updates["ended_at"].max()
    lasted = f" within {_seconds((end - begin).total_seconds())}" if _there(begin) and _there(end) else ""
    again = int(updates["retries"].sum())
    word = "was" if again == 1 else "were"
    return f"{_begun(', '.join(ends))}{lasted}. {again} of {len(chunks):,} chunk requests {word} repeated."


# --------------------------------------------------------------------------------------- comparison

MEASURES: dict[str, Any] = {
    "outcome": lambda row: row["outcome"],
    "duration": lambda row: _seconds(row["duration_s"]),
    "goodput": lambda row: _rate(row["goodput"]),
    "chunk latency, median": lambda row: _milliseconds(row["latency_p50_s"]),
    "chunk latency, 95 %": lambda row: _milliseconds(row["latency_p95_s"]),
    "chunk latency, 99 %": lambda row: _milliseconds(row["latency_p99_s"]),
    "requests repeated": lambda row: f"{row['retries']:,}",
    "bytes in vain": lambda row: f"{row['bytes_wasted']:,}",
}


def comparison(names: Sequence[str], frames: Sequence[pd.DataFrame]) -> dict[str, Any] | None:
    """The same measures of each run in columns; None for a single run."""
    if len(frames) < 2:
        return None
    tables = [{str(row["kind"]): row for row in records(updates)} for updates in frames]
    kinds = [kind for kind in ("firmware", "software") if any(kind in table for table in tables)]
    rows = [
        [f"{kind}: {measure}", *(text(table[kind]) or "none" if kind in table else "none" for table in tables)]
        for kind in kinds
        for measure, text in MEASURES.items()
    ]
    return {"names": list(names), "rows": rows, "finding": _finding(names, tables, kinds)}


def _finding(names: Sequence[str], tables: Sequence[Row], kinds: Sequence[str]) -> str:
    both = [[table[kind]["duration_s"] for kind in kinds if kind in table] for table in tables[:2]]
    if any(not durations or not all(_there(value) for value in durations) for durations in both):
        return "Not every run ended, so their lengths cannot be compared."
    first, second = max(both[0]), max(both[1])
    if not second or not first:
        return "The same measures of each run."
    slower, faster = (0, 1) if first >= second else (1, 0)
    ratio = max(first, second) / min(first, second)
    return f"“{names[slower]}” took {ratio:,.1f} times as long as “{names[faster]}”."


# ---------------------------------------------------------------------------------------- exchanges


def exchange_row(row: Row) -> dict[str, Any]:
    """A row of the exchange table."""
    irregular = row["attempt"] > 1 or row["outcome"] in ("UNANSWERED", "REFUSED", "OPEN")
    return {
        "at": f"{row['asked_s']:.3f}",
        "name": row["name"],
        "kind": row["kind"] if _there(row["kind"]) else "",
        "said": row["said"] if _there(row["said"]) else "",
        "heard": row["heard"] if _there(row["heard"]) else "",
        "latency": f"{row['latency_s'] * 1000:,.1f}" if _there(row["latency_s"]) else "",
        "outcome": row["outcome"],
        "mark": "odd-one" if irregular else "",
    }


def folded(exchanges: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Regular chunks in a row become one line; the first, the last and every irregular one stay."""
    regular = [place for place, row in enumerate(exchanges) if row["name"] == "ChunkRequest" and not row["mark"]]
    keep = set(range(len(exchanges))) - set(regular)
    for kind in {exchanges[place]["kind"] for place in regular}:
        own = [place for place in regular if exchanges[place]["kind"] == kind]
        keep |= {own[0], own[-1]}
    kept: list[dict[str, Any]] = []
    hidden: list[dict[str, Any]] = []
    for place, row in enumerate(exchanges):
        if place in keep:
            kept += [*_fold(hidden), row]
            hidden = []
        else:
            hidden.append(row)
    return kept + _fold(hidden)


def _fold(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for rows that look alike, none for none, and the row itself for one."""
    if len(rows) < 2:
        return list(rows)
    kinds = " and ".join(sorted({row["kind"] for row in rows}))
    text = f"{len(rows)} regular chunks"
    latencies = sorted(float(row["latency"].replace(",", "")) for row in rows if row["latency"])
    middle = f"{latencies[len(latencies) // 2]:,.1f}" if latencies else ""
    return [{**rows[0], "kind": kinds, "said": text, "heard": "", "latency": middle, "mark": "folded"}]


# -------------------------------------------------------------------------------------------- words


def _begun(sentence: str) -> str:
    """With a capital letter in front, and all other letters as they are."""
    return sentence[:1].upper() + sentence[1:]


def _there(value: Any) -> bool:
    return value is not None and not pd.isna(value)


def _seconds(value: Any) -> str | None:
    return f"{value:,.2f} s" if _there(value) else None


def _milliseconds(value: Any) -> str | None:
    return f"{value * 1000:,.1f} ms" if _there(value) else None


def _rate(value: Any) -> str | None:
    if not _there(value):
        return None
    return f"{value / 1024:,.0f} KiB/s" if value < 1 << 20 else f"{value / (1 << 20):,.1f} MiB/s"
