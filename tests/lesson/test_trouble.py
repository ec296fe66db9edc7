"""Trouble in a lesson is one line: what is wrong, where, and what to do."""

from __future__ import annotations

import atexit
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import otakit.lesson.trouble as trouble
import otakit.servers.chosen as chosen
import otakit.twin
from otakit.servers import Twin

LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "00-start-here.ipynb"
Run = Callable[[str], list[str]]


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A notebook's, which keeps no history."""
    made = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield made
    made.atexit_operations()  # type: ignore[no-untyped-call]  # IPython's own
    atexit.unregister(made.atexit_operations)
    InteractiveShell.clear_instance()


@pytest.fixture
def run(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A notebook's shell; what a cell shows of an error, as lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chosen, "_shared", [])
    shown: list[str] = []
    monkeypatch.setattr(shell, "_showtraceback", lambda _kind, _error, lines: shown.extend(lines))
    trouble.tell_in_one_line()

    def ran(source: str) -> list[str]:
        shown.clear()
        shell.run_cell(source)  # type: ignore[no-untyped-call]  # as above
        return list(shown)

    return ran


def cells() -> list[str]:
    notebook = nbformat.reads(LESSON.read_text(encoding="utf-8"), nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]  # nbformat's own
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_a_cell_out_of_order_says_which_cells_come_first(run: Run) -> None:
    """The second cell without the first."""
    (line,) = run(next(source for source in cells() if "add_device" in source))
    assert line.startswith("NameError: name 'server' is not defined: a cell further up makes it")
    assert "Run All Above Selected Cell" in line


def test_a_server_that_refuses_the_password_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the server, the user and what to set; the password itself is not in it."""
    with Twin() as twin:
        for name, value in (("SERVER", twin.url), ("USER", "tenant@thingsboard.org"), ("PASSWORD", "no-such-word")):
            monkeypatch.setenv(f"OTAKIT_{name}", value)
        (line,) = run(cells()[0])
    assert line.startswith("ServerRefused: ")
    assert all(word in line for word in (twin.url, "tenant@thingsboard.org", "OTAKIT_PASSWORD"))
    assert "no-such-word" not in line


def test_a_server_that_is_not_there_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its address."""
    for name, value in (("SERVER", "http://127.0.0.1:9"), ("USER", "a"), ("PASSWORD", "b")):
        monkeypatch.setenv(f"OTAKIT_{name}", value)
    (line,) = run(cells()[0])
    assert line.startswith("TransportError: ")
    assert "http://127.0.0.1:9" in line


def test_a_kernel_without_the_twin_s_packages_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And which kernel has them."""
    for part in ("server", "rest"):  # a half import binds the new module to its package: put the old one back
        monkeypatch.setattr(otakit.twin, part, importlib.import_module(f"otakit.twin.{part}"))
    for name in [name for name in sys.modules if name == "otakit.twin.server" or name.startswith("otakit.twin.rest")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    (line,) = run(cells()[0])
    assert line.startswith("SettingsError: the twin needs the package fastapi")
    assert "choose the kernel otakit" in line
    assert f"{sys.executable} -m pip install fastapi" in line


def test_debugging_shows_where_an_error_came_from(
    shell: InteractiveShell, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is shortened then."""
    monkeypatch.setenv("OTAKIT_DEBUG", "1")
    shell.set_custom_exc((), None)  # type: ignore[no-untyped-call]  # as above
    trouble.tell_in_one_line()
    assert "Traceback" in "".join(run("nowhere"))


def test_other_errors_are_shown_whole(run: Run) -> None:
    """They are not ours to shorten."""
    assert "Traceback" in "".join(run("1 / 0"))


def test_importing_the_lessons_is_enough(shell: InteractiveShell) -> None:
    """The first cell of each does."""
    importlib.reload(importlib.import_module("otakit.lesson"))
    assert NameError in shell.custom_exceptions
