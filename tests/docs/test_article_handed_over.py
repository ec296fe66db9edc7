"""The article in anyone's Sphinx project: `otakit article` in both forms."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otakit import cli
from otakit.article.handing import Form, article, hand_over
from otakit.article.page import diagrams_of
from otakit.errors import SettingsError

FORMS: tuple[Form, ...] = ("inline", "svg")


def built(folder: Path, builder: str, *extensions: str) -> str:
    """The page as a bare project builds it, where a warning is an error."""
    (folder / "conf.py").write_text(f"extensions = {list(extensions)}\nroot_doc = 'ota-updates'\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder, str(folder)]
    command += [str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    suffix = {"html": "html", "gettext": "pot"}[builder]
    return (folder / "out" / f"ota-updates.{suffix}").read_text(encoding="utf-8")


@pytest.mark.needs("engine")
def test_with_pictures_it_builds_in_any_sphinx(tmp_path: Path) -> None:
    """No extension at all; each picture is a file beside the page."""
    files = hand_over(tmp_path, "svg")
    assert len(files) == 1 + len(diagrams_of(article()))
    page = built(tmp_path, "html")
    assert page.count("<figure") == len(files) - 1
    assert "assigned-while-away.pcapng, packet 3" in page


@pytest.mark.needs("engine")
def test_with_inline_text_it_builds_with_a_uml_directive(tmp_path: Path) -> None:
    """One file, as the first draft was: the diagrams are PlantUML text in it."""
    (page,) = hand_over(tmp_path, "inline")
    text = page.read_text(encoding="utf-8")
    assert text.count(".. uml::\n") == len(diagrams_of(article()))
    assert "@startuml" not in text
    assert built(tmp_path, "html", "otakit.sphinxext").count("<figure") == text.count(".. uml::\n")


def test_each_sentence_can_be_translated(tmp_path: Path) -> None:
    """Sphinx takes the page's text into a catalogue; literal blocks and topics stay out of it."""
    (page,) = hand_over(tmp_path, "inline")
    page.write_text(page.read_text(encoding="utf-8").replace(".. uml::", ".. code-block:: text"), encoding="utf-8")
    catalogue = built(tmp_path, "gettext")
    assert catalogue.count("\nmsgid ") > 200
    assert "assigned-while-away.pcapng" not in catalogue


def test_nothing_of_this_project_is_left_in_it(tmp_path: Path) -> None:
    """No path that only this working tree has."""
    for form in FORMS:
        text = hand_over(tmp_path / form, form)[0].read_text(encoding="utf-8")
        assert "../diagrams" not in text
        assert "../notebooks" not in text
        assert "do not edit" not in text


def test_a_page_of_ones_own_is_not_overwritten(tmp_path: Path) -> None:
    """The same page again is no conflict; another is, and nothing is written then."""
    hand_over(tmp_path)
    hand_over(tmp_path)
    own = tmp_path / "ota-updates.rst"
    own.write_text("my own notes\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="is there already and differs"):
        hand_over(tmp_path, "svg")
    assert [path.name for path in tmp_path.iterdir()] == ["ota-updates.rst"]
    hand_over(tmp_path, overwrite=True)
    assert own.stat().st_size > 30_000


def test_the_verb_says_which_files_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One a line."""
    assert cli.main(["article", "--to", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'ota-updates.rst'}\n"


def test_the_verb_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """It never guesses where a project is."""
    assert cli.main(["article"]) == 2
    assert "--to" in capsys.readouterr().err
