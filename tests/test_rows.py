"""Each row of the article has one name, under which diagram, stories and code are found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "rows.md"
LINES = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "](../" in line]
NAMES = sorted(path.stem for path in (ROOT / "diagrams").glob("*.puml"))


@pytest.mark.parametrize("name", NAMES)
def test_row_has_diagram_stories_and_code_under_its_name(name: str) -> None:
    """One line of the page, naming the files that carry its name and at least one piece of code a side."""
    (line,) = (line for line in LINES if line.startswith(f"| {name} |"))
    _, _, picture, stories, device, server, _ = line.split("|")
    assert f"diagrams/{name}.svg" in picture
    assert f"tests/stories/test_{name.replace('-', '_')}.py" in stories
    assert "](../src/" in device
    assert "](../src/" in server


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", "\n".join(LINES)))))
def test_page_of_rows_links_to_what_is_there(link: str) -> None:
    """A file that moved takes its link along."""
    assert (PAGE.parent / link).is_file()
