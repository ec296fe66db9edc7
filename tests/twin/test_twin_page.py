"""The page on the twin says what the code does: its tables, its commands, its example."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from otakit import cli

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "twin.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`docs/twin_page.py`, which makes the tables."""
    spec = importlib.util.spec_from_file_location("twin_page", DOCS / "twin_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_those_of_the_code(script: ModuleType) -> None:
    """A field, a fault or a knob changed without `python docs/twin_page.py` fails here."""
    assert script.page(PAGE) == PAGE


def test_options_that_are_named_are_there() -> None:
    """Of `otakit twin` and `otakit certificate`."""
    group = typer.main.get_command(cli.app)
    known = {option for verb in ("twin", "certificate") for each in group.commands[verb].params for option in each.opts}  # type: ignore[attr-defined]  # it is a group
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE))
    assert named
    assert named <= known


def test_files_that_are_named_are_there() -> None:
    assert not [name for name in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE) if not (DOCS / name).exists()]
