"""The declaration of the columns, and the page made from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otakit.columns import COLUMNS, column_names

SCRIPT = Path(__file__).resolve().parent.parent.parent / "docs" / "frames_page.py"


def test_reference_page_says_what_the_declaration_says() -> None:
    """A column changed without `python docs/frames_page.py` fails here."""
    said = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_has_a_sentence_and_one_name(name: str) -> None:
    """Seconds and bytes are told by the unit, the clock by the name."""
    assert len(set(column_names(name))) == len(COLUMNS[name])
    for column in COLUMNS[name]:
        assert column.sentence.endswith(".")
        assert column.unit in ("", "s", "bytes", "count", "bytes/s")
        assert column.name.endswith("_s") == (column.unit == "s"), column.name
