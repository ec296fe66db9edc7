"""The cell magic, in a real IPython."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otakit import notebook

pytestmark = pytest.mark.filterwarnings("ignore")  # IPython's own


@pytest.fixture
def shell() -> Iterator[Any]:
    testing = pytest.importorskip("IPython.testing.globalipapp")
    found = testing.start_ipython() or testing.get_ipython()
    found.run_line_magic("load_ext", "otakit.notebook")
    yield found
    found.run_line_magic("reset", "-f")


@pytest.mark.needs("engine")
def test_a_cell_of_plantuml_is_its_picture(shell: Any) -> None:
    """The value of the cell is a Diagram."""
    drawn = shell.run_cell_magic("plantuml", "", "A -> B : from a cell")
    assert "from a cell" in drawn.svg


@pytest.mark.needs("engine")
def test_a_cell_can_save_its_picture(shell: Any, tmp_path: Path) -> None:
    """By a name behind the magic."""
    shell.run_cell_magic("plantuml", str(tmp_path / "run.svg"), "A -> B")
    assert (tmp_path / "run.svg").is_file()


@pytest.mark.needs("engine")
def test_a_mistake_is_one_line_and_no_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With the line of the cell."""
    assert shell.run_cell_magic("plantuml", "", "A -> B\nloop 3") is None
    assert capsys.readouterr().err == "DiagramError: line 2: `loop` is never closed; write `end` where it ends\n"


@pytest.mark.needs("engine")
def test_warnings_are_told_beside_the_picture(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What the engine advises."""
    shell.run_cell_magic("plantuml", "", "skinparam ParticipantPadding 20\nA -> B : w")
    assert capsys.readouterr().err.startswith("note: the engine advises")


def test_it_registers_itself_where_ipython_runs(shell: Any) -> None:
    """And says so; elsewhere it does nothing."""
    assert notebook.register_in_ipython()
    assert "plantuml" in shell.magics_manager.magics["cell"]


def test_without_ipython_nothing_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary script does not pay for it."""
    monkeypatch.delitem(__import__("sys").modules, "IPython", raising=False)
    assert not notebook.register_in_ipython()
