"""Every lesson has the form of a lesson: head, rounds, claims, exercises, end; seconds, and nothing is executed."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
import pytest

from otakit.lesson.exercises import EXERCISES
from otakit.lesson.index import LESSONS

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))
EACH = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem[:2])
CHINESE = r"[\u4e00-\u9fff]"
HEAD = (
    r"\A# [A-Z].+",
    r"^中文提要：.*[。！？]$",
    r"^\*\*You will do\*\*",
    r"^\*\*You will learn\*\* to ",
    r"^\*\*You need\*\* ",
    r"\*\*Minutes\*\*: \d+\.",
    r"\*\*In the article\*\*",
    r"^\*\*Runs on\*\*: (twin and ThingsBoard|twin only)\b",
    r"^If the next cell says `No module named 'otakit'`, choose the kernel \*otakit\*.*`make lab`",
)
"""What the first cell says, in this order."""
SECTIONS = (
    "OTA updates",
    "Firmware OTA updates",
    "Request firmware attributes values from the server",
    "Subscribe to firmware attributes updates from the server",
    "Request firmware chunk from the server",
    "Software OTA updates",
    "ThingsBoard Operation",
)
"""Headings of the article."""


def opened(path: Path) -> Any:
    """The notebook, as its file says."""
    return nbformat.reads(path.read_text(encoding="utf-8"), nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]  # nbformat's own


def code_of(path: Path) -> list[str]:
    return [cell.source for cell in opened(path).cells if cell.cell_type == "code"]


def prose_of(path: Path) -> str:
    return "\n\n".join(cell.source for cell in opened(path).cells if cell.cell_type == "markdown")


def lines_of(code: str) -> int:
    return sum(1 for line in code.splitlines() if line.strip())


def calls(path: Path, name: str) -> Iterator[ast.Call]:
    """Each call of a function of this name in the lesson's code."""
    for node in ast.walk(ast.parse("\n".join(code_of(path)))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
            yield node


def test_every_lesson_of_the_index_is_there_and_no_other() -> None:
    """The table that 00 shows is the folder."""
    assert [path.stem[:2] for path in SOLUTIONS] == [lesson.number for lesson in LESSONS]


def test_lessons_are_their_solutions_emptied() -> None:
    """And both are committed without outputs."""
    command = [sys.executable, str(ROOT / "docs" / "make_lessons.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@EACH
def test_head_says_all_in_the_same_order(path: Path) -> None:
    """Title, a Chinese sentence, what is done and learnt, needs, minutes, article, server, kernel."""
    head, at = opened(path).cells[0].source, 0
    for pattern in HEAD:
        found = re.compile(pattern, re.MULTILINE).search(head, at)
        assert found, f"the head lacks, or has too early: {pattern}"
        at = found.end()


@EACH
def test_chinese_sentence_is_one(path: Path) -> None:
    """Long enough to say what the lesson is about, and hardly anything but Chinese."""
    (sentence,) = re.findall(r"^中文提要：(.*)$", opened(path).cells[0].source, re.MULTILINE)
    assert 15 <= len(re.findall(CHINESE, sentence)) <= 120
    assert sentence.count("。") <= 1


@EACH
def test_two_to_four_things_are_learnt(path: Path) -> None:
    """Verbs that can be tested: such as to count, to find."""
    (learnt,) = re.findall(r"^\*\*You will learn\*\*(.*)$", opened(path).cells[0].source, re.MULTILINE)
    assert 2 <= len(re.findall(r"(?:^|,|\band) to ", learnt)) <= 4


@EACH
def test_head_agrees_with_the_index(path: Path) -> None:
    """Title, minutes and the lessons that come before it."""
    head = opened(path).cells[0].source
    (lesson,) = [each for each in LESSONS if each.number == path.stem[:2]]
    (needs,) = re.findall(r"\*\*You need\*\*(.*?)\*\*Minutes\*\*", head, re.DOTALL)
    assert head.splitlines()[0] == f"# {lesson.title}"
    assert f"**Minutes**: {lesson.minutes}." in head
    assert tuple(re.findall(r"\[(\d\d)\]\((?:\d\d-[\w-]+\.ipynb)\)", needs)) == lesson.needs


@EACH
def test_head_names_a_section_of_the_article(path: Path) -> None:
    """By its heading."""
    (where,) = re.findall(r"\*\*In the article\*\*(.*)", opened(path).cells[0].source)
    assert any(f"*{section}*" in where or f"[{section}]" in where for section in SECTIONS), where


@EACH
def test_first_code_is_import_and_server_and_nothing_else(path: Path) -> None:
    """It prints where the lesson runs."""
    *before, last = ast.parse(code_of(path)[0]).body
    assert ast.unparse(last).startswith("where(")
    assert all(isinstance(each, ast.Import | ast.ImportFrom) or "erver" in ast.unparse(each) for each in before)
    assert all(isinstance(each, ast.Import | ast.ImportFrom | ast.Assign) for each in before)


@EACH
def test_lesson_has_twenty_to_forty_five_cells_more_of_them_prose(path: Path) -> None:
    """Never four cells of code in a row; each cell has an id of its own."""
    cells = opened(path).cells
    kinds = [cell.cell_type for cell in cells]
    assert 20 <= len(cells) <= 45
    assert kinds.count("markdown") >= kinds.count("code")
    assert max(len([*run]) for kind, run in groupby(kinds) if kind == "code") <= 3
    assert len({cell["id"] for cell in cells}) == len(cells)


@EACH
def test_cells_fit_a_glance(path: Path) -> None:
    """Three lines, ten at most."""
    lengths = sorted(map(lines_of, code_of(path)))
    assert statistics.median(lengths) <= 3
    assert lengths[int(0.9 * (len(lengths) - 1))] <= 7
    assert lengths[-1] <= 10


@EACH
def test_lesson_goes_in_rounds_of_prediction_and_claim(path: Path) -> None:
    """Two to four; each has a question, a prediction that is not there yet, a comparison, and one line learnt."""
    rounds = re.split(r"^## (?=\d\. )", prose_of(path).split("\n## On your own")[0], flags=re.MULTILINE)[1:]
    assert 2 <= len(rounds) <= 4
    assert [text[0] for text in rounds] == [str(number) for number in range(1, len(rounds) + 1)]
    for text in rounds:
        assert "?" in text.splitlines()[0]
        assert "**Your prediction" in text
        assert "**Learnt**" in text
    guesses = re.findall(r"^guess\w*\b.*= None$", "\n".join(code_of(path)), re.MULTILINE)
    assert len(guesses) >= len(rounds)
    assert len([*calls(path, "compare")]) >= len(rounds)


@EACH
def test_lesson_claims_and_draws(path: Path) -> None:
    """At least two assertions, and a picture."""
    tree = ast.parse("\n".join(code_of(path)))
    assert sum(isinstance(node, ast.Assert) for node in ast.walk(tree)) >= 2
    assert re.search(r"\b(plot_\w+|diagram|watch\w*|grow\w*)\(", "\n".join(code_of(path)))


@EACH
def test_no_cell_waits_or_measures_by_the_clock(path: Path) -> None:
    """No sleep, no stopwatch, no thread of a lesson's own; claims about time are simulated, bounds or counts."""
    assert not re.search(r"\b(sleep|perf_counter|monotonic|asyncio|threading|await|%time)", "\n".join(code_of(path)))


@EACH
def test_lesson_has_exercises_with_hints_and_a_likely_wrong_answer(path: Path) -> None:
    """Named after it, in order; the solution's cell says what is left of it and what a hurried reader may write."""
    number = path.stem[:2]
    cells = [cell for cell in opened(path).cells if "solution" in cell.metadata.get("tags", [])]
    wanted = [f"{number}{letter}" for letter in "abcdef"[: len(cells)]]
    assert len(cells) >= 2
    assert wanted == sorted(name for name in EXERCISES if name.startswith(number))
    for name, cell in zip(wanted, cells, strict=True):
        told = cell.metadata.get("otakit", {})
        for text in (cell.source, told.get("empty", ""), told.get("wrong", "")):
            assert f'answer("{name}", ' in text, f"{name}: source, otakit.empty and otakit.wrong of its cell end so"
        assert "..." in told["empty"]
        assert f"**{name}.**" in prose_of(path)
        assert len(EXERCISES[name].hints) == 3
    assert f'hint("{wanted[0]}")' in prose_of(path)


@EACH
def test_end_matter_is_complete(path: Path) -> None:
    """Three lines, three folded questions, practice, reading, the next lesson; the last cell marks it as done."""
    *_, prose, last = opened(path).cells
    parts = ("## What you have seen", "\n1. ", "\n2. ", "\n3. ", "**Three questions**", "**In practice**",
             "**Read on**")  # fmt: skip
    places = [prose.source.find(part) for part in parts]
    assert all(place >= 0 for place in places), dict(zip(parts, places, strict=True))
    assert places == sorted(places)
    assert prose.source.count("<details><summary>") == prose.source.count("</details>") == 3
    assert re.search(r"\*\*(Next|Back to)\*\*: .*\]\(\d\d-[\w-]+\.ipynb\)", prose.source)
    assert last.source.splitlines()[-1] == f'done("{path.stem[:2]}")'


@EACH
def test_what_a_lesson_links_to_is_there(path: Path) -> None:
    """Lessons, pages and pictures of this repository."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)", prose_of(path))
    missing = [link for link in links if not (NOTEBOOKS / link).exists()]
    assert not missing


@EACH
def test_lesson_tells_what_its_words_mean(path: Path) -> None:
    """First uses of the glossary's terms lead there."""
    assert len(re.findall(r"\]\(\.\./docs/glossary\.\w+#[\w-]+\)", prose_of(path))) >= 2
