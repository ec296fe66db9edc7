"""A diagram as a value: it saves itself in three forms and shows itself in a notebook."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path

import pytest

from otakit.diagrams import Diagram, picture, render
from otakit.errors import DiagramError, SettingsError


def png_size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.fixture
def small() -> Diagram:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="15">M 中</text></svg>'
    return Diagram("A -> B", svg, "Small", (), "A → B: x")


def test_it_is_saved_as_source_svg_or_png(small: Diagram, tmp_path: Path) -> None:
    """As the name ends."""
    assert small.save(tmp_path / "run.puml").read_text() == "A -> B"
    assert small.save(str(tmp_path / "run.svg")).read_text(encoding="utf-8").startswith("<svg")
    assert small.save(tmp_path / "run.PNG").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "says"), [("run.gif", "not as 'run.gif'"), ("no/such/run.svg", "cannot write")])
def test_what_cannot_be_saved_is_said(small: Diagram, tmp_path: Path, name: str, says: str) -> None:
    """Another ending, or a folder that is not there."""
    with pytest.raises(SettingsError, match=says):
        small.save(tmp_path / name)


def test_a_notebook_gets_html_svg_png_words_and_alternative_text(small: Diagram) -> None:
    """The PNG is twice as large and shown at the size of the SVG."""
    bundle, notes = small._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml", "image/png", "text/plain"}
    assert bundle["text/plain"] == "Small\nA → B: x"
    assert png_size(base64.b64decode(bundle["image/png"])) == (80, 40)
    assert notes["image/png"] == {"alt": "Small. A → B: x", "width": 40, "height": 20}


def test_a_very_large_picture_comes_without_png() -> None:
    """It would take seconds and megabytes."""
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="9000"></svg>'
    assert "image/png" not in Diagram("", svg, "Large", (), "")._repr_mimebundle_()[0]


def test_without_a_font_there_is_no_png_and_the_svg_is_shown(small: Diagram, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a slim container resvg would draw no text and not say so."""
    monkeypatch.setattr(picture, "_has_fonts", lambda: False)
    with pytest.raises(DiagramError, match="no font"):
        _ = small.png
    assert set(small._repr_mimebundle_()[0]) == {"text/html", "image/svg+xml", "text/plain"}


def test_html_shows_the_svg_with_its_words_on_white_paper_that_can_be_scrolled_by_key(small: Diagram) -> None:
    """JupyterLab shows an SVG without its alternative text, and on whatever ground its theme has."""
    shown = small._repr_mimebundle_()[0]["text/html"]
    assert 'alt="Small. A → B: x"' in shown
    assert 'tabindex="0"' in shown
    assert "background:#fff" in shown
    source = re.search(r'base64,([^"]+)"', shown)
    assert source
    assert base64.b64decode(source[1]).decode() == small.svg


def test_words_cannot_break_out_of_the_html() -> None:
    """A label comes from the wire."""
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"></svg>'
    hostile = Diagram("", svg, '"><script>', (), '"><img src=x onerror=alert(1)>')
    assert "><script>" not in hostile.as_html(hostile.text)
    assert "><img src=x" not in hostile.as_html(hostile.text)


@pytest.mark.needs("engine")
def test_letters_of_another_font_are_narrowed_and_not_laid_over_each_other() -> None:
    """Where the reader's machine lacks the font that was measured."""
    svg = render('A -> B : {} <text lengthAdjust="spacing"').svg
    assert svg.count('lengthAdjust="spacingAndGlyphs"') == svg.count("textLength=")
    assert "&lt;text" in svg
    assert 'lengthAdjust="spacing"' in svg


def test_an_svg_that_resvg_refuses_is_one_sentence() -> None:
    """Never an exception of resvg."""
    with pytest.raises(DiagramError, match="resvg refuses"):
        picture.png_of("<svg")


@pytest.mark.needs("engine")
def test_letters_stand_in_the_png() -> None:
    """A diagram with a word has more ink than without."""
    assert len(render("A -> B : a long label, 中文").png) > len(render("A -> B :                      ").png)


def test_a_listing_shows_the_reason_and_the_source() -> None:
    """For a machine that cannot draw: text, escaped."""
    svg = picture.listing(["A -> B : <x>"], "no engine")
    assert "Not drawn: no engine" in svg
    assert "A -&gt; B : &lt;x&gt;" in svg


def test_stacked_pictures_keep_their_sizes() -> None:
    """Under each other, as wide as the widest."""
    one = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20"></svg>'
    two = '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="5"></svg>'
    assert picture.size_of(picture.stacked([one, two])) == (30, 37)
    assert picture.stacked([one]) == one
