# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The lessons, made from their solutions: the same notebook with the cells tagged ``solution`` emptied.

    python docs/make_lessons.py             writes notebooks/*.ipynb from notebooks/solutions/*.ipynb
    python docs/make_lessons.py --check     says which of them are stale; ends with 1 then

A solution is edited, its lesson is made. Outputs are taken out of both.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from current import keep_current

LESSONS = Path(__file__).resolve().parent.parent / "notebooks"
SOLUTION = "solution"


def emptied(notebook: dict[str, Any]) -> dict[str, Any]:
    """The lesson: what the reader shall write is taken out, as the cell's own metadata says."""
    return {**notebook, "cells": [_emptied_cell(cell) for cell in notebook["cells"]]}


def _emptied_cell(cell: dict[str, Any]) -> dict[str, Any]:
    if SOLUTION not in cell["metadata"].get("tags", []):
        return cell
    left = cell["metadata"]["otakit"]["empty"].splitlines(keepends=True)
    return {**cell, "metadata": {}, "source": left}


def without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook as it is committed."""
    bare: dict[str, Any] = {"outputs": [], "execution_count": None}
    cells = [{**cell, **bare} if cell["cell_type"] == "code" else cell for cell in notebook["cells"]]
    return {**notebook, "cells": cells}


def text_of(notebook: dict[str, Any]) -> str:
    """As nbformat writes it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> int:
    """Writes the lessons, or with ``--check`` compares them."""
    files: dict[Path, str | bytes] = {}
    for solution in sorted((LESSONS / "solutions").glob("*.ipynb")):
        notebook = without_outputs(json.loads(solution.read_text(encoding="utf-8")))
        files |= {solution: text_of(notebook), LESSONS / solution.name: text_of(emptied(notebook))}
    return keep_current("The lessons, made from their solutions.", files)


if __name__ == "__main__":
    sys.exit(main())
