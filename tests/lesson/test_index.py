"""The table of all lessons, and the marks in the reader's folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from otakit.errors import SettingsError
from otakit.lesson import marks
from otakit.lesson.answers import answer
from otakit.lesson.index import LESSONS, done, index

FILE = Path(marks.FILE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder, in a kernel that has just been started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(marks, "_done", set())
    return tmp_path


def rows_done() -> list[str]:
    return [row[0] for row in index().rows if row[-1]]


def test_the_table_has_every_lesson_in_reading_order() -> None:
    """As text and as HTML."""
    table = index()
    assert [row[0] for row in table.rows] == [lesson.number for lesson in LESSONS]
    assert repr(table).count("\n") == len(LESSONS)
    assert table._repr_html_().count("<tr>") == len(LESSONS) + 1


def test_nothing_is_done_at_first_and_looking_writes_nothing() -> None:
    """A folder that was only looked at stays as it was."""
    assert rows_done() == []
    assert not FILE.exists()


def test_a_lesson_whose_last_cell_ran_is_done_and_the_next_one_is_named() -> None:
    """Twice is once."""
    assert repr(done("00")) == "Lesson 00 is done; 1 of 12 are. Next: 01, Connect and read the first packets."
    assert repr(done("00")).startswith("Lesson 00 is done; 1 of 12 are.")
    assert rows_done() == ["00"]


def test_behind_the_last_lesson_the_first_that_is_left_comes_next() -> None:
    """Then none."""
    assert "Next: 00," in repr(done("11"))
    for lesson in LESSONS:
        last = done(lesson.number)
    assert repr(last).endswith("12 of 12 are. These were all.")


def test_a_lesson_whose_last_exercise_is_right_is_done() -> None:
    """An exercise before it is not enough, nor is a wrong answer."""
    answer("11b", 1.0)
    answer("00b", ...)
    assert rows_done() == []
    assert repr(answer("11b", 5.1)).startswith("11b: right")
    assert rows_done() == ["11"]


def test_marks_are_kept_for_another_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder, beside those that it writes meanwhile."""
    done("03")
    monkeypatch.setattr(marks, "_done", set())
    FILE.write_text(json.dumps({"done": ["03", "05"]}))
    done("04")
    assert rows_done() == ["03", "04", "05"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"done": 7}', '{"done": [null, "02"]}', "\x00\xff"])
def test_a_file_that_holds_something_else_is_no_error(text: str) -> None:
    """What can be read of it is read; the next mark makes it whole."""
    FILE.write_text(text, encoding="latin-1")
    done("06")
    assert "06" in rows_done()
    assert "06" in json.loads(FILE.read_text())["done"]


def test_in_a_folder_that_cannot_be_written_the_mark_lasts_as_long_as_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And that is said; nothing is left behind."""

    def refuse(_path: Path, *_what: object, **_how: object) -> int:
        raise PermissionError

    monkeypatch.setattr(Path, "write_text", refuse)
    assert "This folder cannot be written" in repr(done("02"))
    assert rows_done() == ["02"]
    assert os.listdir() == []  # noqa: PTH208 - pathlib's own was replaced


def test_an_unknown_lesson_is_named() -> None:
    """With those that there are."""
    with pytest.raises(SettingsError, match=r"'99'.*00, 01"):
        done("99")
