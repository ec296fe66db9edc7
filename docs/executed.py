# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""What the lessons printed: notebooks with outputs in ``build/executed/``, kept by whoever executed them.

The tests execute every lesson, and `run_lessons.py` those that nobody has executed since lesson or package
changed; the book shows what they printed. Knows files only; Jupyter is the business of its callers.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "executed"


def keep(lesson: Path, notebook: Any) -> Path:
    """Keep a lesson as it was executed; in one piece, since a book may be built meanwhile."""
    path = KEPT / lesson.name
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)
    return path


def with_outputs(lesson: Path) -> dict[str, Any]:
    """The lesson as it is now, with what its code printed; without, when that has changed since or was never run."""
    notebook = _opened(lesson)
    cells, kept = _code_cells(notebook), _code_cells(_kept(lesson))
    if [_source(cell) for cell in cells] == [_source(cell) for cell in kept]:
        for cell, shown in zip(cells, kept, strict=True):
            cell["outputs"] = shown["outputs"]
    return notebook


def is_current(lesson: Path) -> bool:
    """Whether it was executed as it is, by the package as it is."""
    code = [[_source(cell) for cell in _code_cells(each)] for each in (_opened(lesson), _kept(lesson))]
    if code[0] != code[1]:
        return False
    return (KEPT / lesson.name).stat().st_mtime > max(
        path.stat().st_mtime for path in (ROOT / "src" / "otakit").rglob("*.py")
    )


def _opened(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _kept(lesson: Path) -> dict[str, Any]:
    try:
        return _opened(KEPT / lesson.name)
    except (OSError, ValueError):  # never executed, or it is being written
        return {"cells": []}


def _code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])
