"""The list of scenarios is section 19's: forty-three, each once, each with a sentence."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FILES = sorted(Path(__file__).parent.glob("test_[0-9]*.py"))
SCENARIOS = [
    (path, node)
    for path in FILES
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]


def test_every_number_exists_once() -> None:
    """1 to 43, none twice, none beside."""
    assert [int(node.name.split("_")[2]) for _, node in SCENARIOS] == list(range(1, 44))


def test_a_scenario_is_named_as_its_file() -> None:
    """`test_05_words.py` holds `test_scenario_05_words(stage)` and no other test."""
    for path, node in SCENARIOS:
        assert re.fullmatch(r"test_\d\d_[a-z_]+", path.stem), path.name
        assert node.name == path.stem.replace("test_", "test_scenario_", 1)
        assert [argument.arg for argument in node.args.args] == ["stage"]


def test_a_scenario_says_what_it_claims() -> None:
    """Its docstring is the sentence of section 19 in own words."""
    for _, node in SCENARIOS:
        assert re.fullmatch(r"[A-Z].{30,}\.", ast.get_docstring(node) or "", re.DOTALL), node.name
