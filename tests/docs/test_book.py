"""The book: built in two languages without a warning, whole in its links, offline, with what the lessons printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "build" / "docs"
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

Script = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def built() -> Path:
    """Both editions, from what was executed before: a lesson is not executed here."""
    command = [sys.executable, str(ROOT / "docs" / "build_book.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return BOOK


# -------------------------------------------------------------------------------------- as a whole


@pytest.mark.needs("engine")
@pytest.mark.parametrize("edition", ["en", "zh_CN"])
def test_every_lesson_and_page_is_in_the_book(built: Path, edition: str) -> None:
    """Warnings are errors, links lead somewhere, nothing is fetched from outside: the build has checked these."""
    pages = {path.relative_to(built / edition).as_posix() for path in (built / edition).rglob("*.html")}
    wanted = ["index", "ota-updates", "glossary", "frames", "commands", "recording", "client", "diagrams", "teaching"]
    assert {f"{name}.html" for name in (*wanted, "twin", "conformance")} <= pages
    assert {f"lessons/{name}.html" for name in LESSONS} <= pages


@pytest.mark.needs("engine")
def test_the_chinese_edition_is_chinese(built: Path) -> None:
    """Its article is translated, and says so to a browser; each page leads to the other edition."""
    page = (built / "zh_CN" / "ota-updates.html").read_text(encoding="utf-8")
    assert 'lang="zh-CN"' in page
    assert 'href="../en/ota-updates.html"' in page.replace("#/../", "../").replace("./../", "../")
    words = re.sub(r"<[^>]+>", "", page[page.index("<article") : page.index("</article>")])
    assert len(re.findall(r"[\u4e00-\u9fff]", words)) > 1_000


@pytest.mark.needs("engine")
@pytest.mark.parametrize(("edition", "name"), [("en", "English"), ("zh_CN", "中文")])
def test_each_edition_knows_which_it_is(built: Path, edition: str, name: str) -> None:
    """Its own name is no link, the other one's is."""
    page = (built / edition / "glossary.html").read_text(encoding="utf-8")
    choice = page[page.index('class="editions"') :].split("</nav>")[0]
    assert re.findall(r'<span aria-current="true"[^>]*>(.*?)</span>', choice) == [name]
    assert choice.count("<a ") == 1


@pytest.mark.needs("engine")
def test_the_first_page_shows_three_ways(built: Path) -> None:
    """One hour, the article, a device that fails."""
    page = (built / "en" / "index.html").read_text(encoding="utf-8")
    first = page[page.index("Three ways in") : page.index("</table>")]
    rows = [re.findall(r'href="([^"#]+)"', row) for row in first.split("<tr")[2:5]]
    numbers = [[re.sub(r"\D*(\d\d)-.*", r"\1", each) for each in row] for row in rows]
    assert numbers == [["00", "01", "02", "04"], ["ota-updates.html"], ["00", "10", "twin.html"]]


@pytest.mark.parametrize("name", ["commands_page", "frames_page"])
def test_reference_page_says_what_the_code_says(name: str) -> None:
    """Made from commands and columns; a stale one is made anew by the same script."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / f"{name}.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_command_page_shows_names_defaults_and_examples() -> None:
    """As typer's help does."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert "## otakit twin" in page
    assert "| `--mqtt-port NUMBER` | For devices; 0 takes a free one. | `1883` |" in page
    assert "| `--out, -o PATH` | run.svg, run.png or run.puml. |  |" in page
    assert "otakit twin --host 0.0.0.0 --tls --data build/twin" in page


def test_a_second_build_waits_for_the_first(script: Script, tmp_path: Path) -> None:
    """Two processes in one folder would read each other's half-written pages; a killed one holds nobody for ever."""
    book = script("build_book")
    with book.alone(tmp_path):
        assert (tmp_path / "busy").exists()
    assert not (tmp_path / "busy").exists()
    (tmp_path / "busy").touch()
    os.utime(tmp_path / "busy", (1, 1))
    with book.alone(tmp_path):
        assert (tmp_path / "busy").stat().st_mtime > 1


# ----------------------------------------------------------------------------------------- lessons


def a_lesson(*code: str, prose: str = "# A lesson") -> dict[str, Any]:
    cells = [{"cell_type": "markdown", "id": "head", "metadata": {}, "source": [prose]}]
    for number, text in enumerate(code):
        cells.append({"cell_type": "code", "id": f"c{number}", "metadata": {}, "source": text, "outputs": []})
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def lesson(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lesson that was executed and printed *two*."""
    executed = script("executed")
    monkeypatch.setattr(executed, "KEPT", tmp_path / "executed")
    path = tmp_path / "04-a-lesson.ipynb"
    path.write_text(json.dumps(a_lesson("1 + 1")), encoding="utf-8")
    shown = a_lesson("1 + 1")
    shown["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "two"}]
    executed.keep(path, shown)
    return path


def outputs(notebook: dict[str, Any]) -> list[Any]:
    return [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_book_shows_what_a_lesson_printed_when_it_was_executed(script: Script, lesson: Path) -> None:
    """Also when its prose has changed since."""
    lesson.write_text(json.dumps(a_lesson("1 + 1", prose="# Better words")), encoding="utf-8")
    assert outputs(script("executed").with_outputs(lesson))[0][0]["text"] == "two"
    assert "# 04 · Better words" in script("book").page_of(lesson)


def test_the_book_shows_nothing_that_other_code_printed(script: Script, lesson: Path) -> None:
    """The lesson's code has changed: it is shown without outputs, and is executed by the next `make docs`."""
    lesson.write_text(json.dumps(a_lesson("1 + 2")), encoding="utf-8")
    assert outputs(script("executed").with_outputs(lesson)) == [[]]
    assert not script("executed").is_current(lesson)


def test_a_lesson_is_executed_again_when_the_package_is_newer(script: Script, lesson: Path, tmp_path: Path) -> None:
    """What it prints may change with the package."""
    executed = script("executed")
    os.utime(tmp_path / "executed" / lesson.name, (2_000_000_000, 2_000_000_000))
    assert executed.is_current(lesson)
    os.utime(tmp_path / "executed" / lesson.name, (1, 1))
    assert not executed.is_current(lesson)


@pytest.mark.parametrize("text", ["", "{", '{"cells": ['])
def test_a_damaged_file_of_outputs_is_no_output(script: Script, lesson: Path, tmp_path: Path, text: str) -> None:
    """Somebody may be writing it."""
    (tmp_path / "executed" / lesson.name).write_text(text, encoding="utf-8")
    assert outputs(script("executed").with_outputs(lesson)) == [[]]


@pytest.mark.parametrize(
    ("written", "in_the_book"),
    [
        ("a [chunk](../docs/glossary.rst#term-chunk) of", "a {term}`chunk <chunk>` of"),
        ("its [ids](../docs/glossary.rst#term-request-id)", "its {term}`ids <request id>`"),
        ("[frames](../docs/frames.md)", "[frames](../frames.md)"),
        ("[picture](../diagrams/whole-update.svg)", "[picture](../../diagrams/whole-update.svg)"),
        ("[next](05-report-the-firmware-status.ipynb)", "[next](05-report-the-firmware-status.ipynb)"),
    ],
)
def test_a_link_of_a_lesson_leads_to_the_same_place_in_the_book(script: Script, written: str, in_the_book: str) -> None:
    """From notebooks/ it leads into the working tree."""
    assert script("book").in_the_book(written) == in_the_book


# ------------------------------------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('<a href="other.html#there">', []),
        ('<a href="#here"><i id="here">', []),
        ('<a href="https://example.org/gone">', []),
        ('<a href="../zh_CN/not-built.html">', []),
        ('<a href="gone.html">', ["page.html: gone.html leads nowhere"]),
        ('<a href="other.html#gone">', ["page.html: other.html#gone leads nowhere"]),
        ('<a href="#gone">', ["page.html: #gone leads nowhere"]),
        ('<img src="gone.svg">', ["page.html: gone.svg leads nowhere"]),
        ('<a href="../../outside.html">', ["page.html: ../../outside.html leads nowhere"]),
        ('<script src="https://example.org/x.js">', ["page.html: fetches https://example.org/x.js"]),
        ('<link rel="stylesheet" href="//example.org/x.css">', ["page.html: fetches //example.org/x.css"]),
    ],
)
def test_link(script: Script, tmp_path: Path, body: str, told: list[str]) -> None:
    """Inside the book it leads to a page and a place in it; outside it is not followed; nothing is fetched."""
    folder = tmp_path / "books" / "en"
    folder.mkdir(parents=True)
    (folder / "page.html").write_text(body)
    (folder / "other.html").write_text('<p id="there">')
    assert script("links").broken(folder, beside=tmp_path / "books") == told


# ------------------------------------------------------------------------------------- translation


def catalogue(*entries: tuple[str, str], mark: str = "") -> str:
    return "\n\n".join(
        f"{mark}msgid {json.dumps(one)}\nmsgstr {json.dumps(two, ensure_ascii=False)}" for one, two in entries
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (catalogue(("An image", "镜像"), ("Send ``fw_state``.", "发送 ``fw_state``。")), []),
        (catalogue(("An image", "镜像")), ["missing: Send ``fw_state``."]),
        (catalogue(("An image", ""), ("Send ``fw_state``.", "发送 ``fw_state``。")), ["missing: An image"]),
        (
            catalogue(("An image", "镜像"), ("Send ``fw_state``.", "发送 ``fw_state``。"), mark="#, fuzzy\n"),
            ["fuzzy: An image", "fuzzy: Send ``fw_state``."],
        ),
        (
            catalogue(("An image", "镜像"), ("Send ``fw_state``.", "发送 ``sw_state``。")),
            ["other literals: Send ``fw_state``."],
        ),
    ],
)
def test_gap_in_a_translation(script: Script, given: str, told: list[str]) -> None:
    """A sentence without a translation, with a doubtful one, or with another literal, is named."""
    template = catalogue(("An image", ""), ("Send ``fw_state``.", ""))
    assert script("catalogues").gaps(template, given) == told
