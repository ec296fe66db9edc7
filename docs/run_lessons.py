# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""Executes the lessons that nobody has executed since they, or the package, changed; the book shows what they print.

python docs/run_lessons.py            what is missing or old
python docs/run_lessons.py 04 05      only these lessons
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import executed
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

LONGEST_S = 60


def execute(lesson: Path) -> str:
    """Executes one lesson in an empty folder and keeps it; one line about it, beginning with ``failed`` if it did."""
    began = time.monotonic()
    notebook = nbformat.read(lesson, nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]  # nbformat's own
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        try:
            NotebookClient(notebook, timeout=LONGEST_S, kernel_name="python3", resources=place).execute()
        except (CellExecutionError, CellTimeoutError) as error:
            said = [line for line in str(error).splitlines() if line.strip()]
            return f"failed: {lesson.name}: {said[-1] if said else error}"
    executed.keep(lesson, notebook)
    return f"{lesson.name}: {time.monotonic() - began:.0f} s"


def main(numbers: list[str]) -> int:
    """Executes and says so; 1 when one failed."""
    lessons = sorted(executed.ROOT.glob("notebooks/*.ipynb"))
    chosen = [path for path in lessons if (path.name[:2] in numbers if numbers else not executed.is_current(path))]
    failed = False
    with ThreadPoolExecutor(max_workers=2) as pool:
        for told in pool.map(execute, chosen):
            failed = failed or told.startswith("failed")
            sys.stdout.write(f"{told}\n")
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
