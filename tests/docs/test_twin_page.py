"""The page on the twin says what the code does: its tables, its commands, its example."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import typer.main

from otakit import cli

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "twin.md").read_text(encoding="utf-8")


def test_tables_are_those_of_the_code(script: Callable[[str], ModuleType]) -> None:
    """A field, a fault or a knob changed without `python docs/twin_page.py` fails here."""
    assert script("twin_page").page(PAGE) == PAGE


def test_options_that_are_named_are_there() -> None:
    """Of `otakit twin` and `otakit certificate`."""
    group = typer.main.get_command(cli.app)
    known = {option for verb in ("twin", "certificate") for each in group.commands[verb].params for option in each.opts}  # type: ignore[attr-defined]  # it is a group
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE))
    assert named
    assert named <= known


def test_files_that_are_named_are_there() -> None:
    assert not [name for name in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE) if not (DOCS / name).exists()]
