# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""Figures of the lessons: how many cells, how long, how much is claimed and asked.

python docs/lesson_figures.py            a line for each lesson, and the sums
python docs/lesson_figures.py --time     also executes each once, one after the other, and says how long it took
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LESSONS = Path(__file__).resolve().parent.parent / "notebooks"
HEAD = ("lesson", "cells", "code", "median", "p90", "longest", "rounds", "claims", "exercises", "seconds")


def cells_of(path: Path) -> list[dict[str, Any]]:
    """The cells, each with its source as one text."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def lines_of(code: str) -> int:
    """Lines that are not blank."""
    return sum(1 for line in code.splitlines() if line.strip())


def figures_of(path: Path) -> list[Any]:
    """What stands in one line of the table, without the time."""
    cells = cells_of(path)
    code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    lengths = [lines_of(source) for source in code]
    rounds = sum(cell["source"].startswith("## ") and cell["source"][3:4].isdigit() for cell in cells)
    claims = sum(line.startswith("assert ") for source in code for line in source.splitlines())
    exercises = sum('answer("' in source for source in code)
    return [path.stem[:2], len(cells), len(code), *spread(lengths), rounds, claims, exercises]


def spread(lengths: list[int]) -> list[int]:
    """Median, 90th percentile and maximum."""
    ordered = sorted(lengths)
    return [int(statistics.median_low(ordered)), ordered[int(0.9 * (len(ordered) - 1))], ordered[-1]]


def seconds_of(path: Path) -> float:
    """How long it takes to execute, kernel included."""
    import nbclient  # noqa: PLC0415 - only with --time
    import nbformat  # noqa: PLC0415

    notebook = nbformat.reads(path.read_text(encoding="utf-8"), nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]  # nbformat's own
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    return time.monotonic() - began


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Figures of the lessons.")
    parser.add_argument("--time", action="store_true", help="execute each once")
    wants_time = parser.parse_args().time
    paths = sorted(LESSONS.glob("*.ipynb"))
    rows = [[*figures_of(path), f"{seconds_of(path):.1f}" if wants_time else "-"] for path in paths]
    lengths = [lines_of(cell["source"]) for path in paths for cell in cells_of(path) if cell["cell_type"] == "code"]
    sums = [sum(row[at] for row in rows) for at in range(1, 9)]
    whole = f"{sum(float(row[-1]) for row in rows):.1f}" if wants_time else "-"
    rows.append(["all", *sums[:2], *spread(lengths), *sums[5:], whole])
    for row in [HEAD, *rows]:
        sys.stdout.write("".join(f"{cell!s:>10}" for cell in row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
