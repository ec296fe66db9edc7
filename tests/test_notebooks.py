"""Every lesson runs with each cell twice, every solution from top to bottom."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest

nbclient = pytest.importorskip("nbclient")

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
LONGEST_S = 60

# the kernel's own start, not ours
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def opened(path: Path) -> Any:
    """The notebook, as its file says."""
    return nbformat.reads(path.read_text(encoding="utf-8"), nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]  # nbformat's own


def run(path: Path, folder: Path, times: int = 1) -> Any:
    """Executes a notebook in an empty folder, each cell `times` times in a row."""
    notebook = opened(path)
    cells = []
    for cell in notebook.cells:
        for turn in range(times if cell.cell_type == "code" else 1):
            again = copy.deepcopy(cell)
            again["id"] = f"{cell['id']}-{turn}"
            cells.append(again)
    notebook.cells = cells
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=LONGEST_S, kernel_name="python3", resources=resources).execute()
    return notebook


def texts(notebook: Any) -> str:
    """All that the cells say, as plain text."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "\n".join(said)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs_with_each_cell_twice(path: Path, tmp_path: Path) -> None:
    """No error, the same claims, nobody answered: as a reader who presses the key twice."""
    said = texts(run(path, tmp_path, times=2))
    assert "not answered yet" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solution_is_accepted(path: Path, tmp_path: Path) -> None:
    """Top to bottom, with every exercise answered right."""
    notebook = run(path, tmp_path)
    said = texts(notebook)
    exercises = sum("solution" in cell.metadata.get("tags", []) for cell in notebook.cells)
    assert exercises
    assert said.count(": right, because") == exercises
