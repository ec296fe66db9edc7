"""PlantUML on Java: used only when there is no engine, and only after its canary. Played by a script here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from otakit.diagrams import engine, java
from otakit.diagrams.plantuml import render
from otakit.errors import DiagramError

OBEYS = """
import os, sys
text = sys.stdin.read()
assert os.environ["PLANTUML_SECURITY_PROFILE"] == "SANDBOX"
if "foo bar" in text:
    number = text.split("\\n").index("foo bar")
    sys.exit(print(f"ERROR\\n{number}\\nSyntax Error?", file=sys.stderr) or 200)
print('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="10px" height="5px"><text>J</text>'
      "<!--source--><?plantuml 1?></svg>")
"""
READS = """
import re, sys
text = sys.stdin.read()
for name in re.findall(r"!include (.*)", text):
    text += open(name).read()
print(f"<svg><text>{text}</text></svg>")
"""


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object) -> engine.Answer:
        raise engine.EngineUnavailable("the diagram engine is not here")

    monkeypatch.setattr(engine, "answer", unavailable)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    java._distrust.cache_clear()


def plays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    path = tmp_path / "java.py"
    path.write_text(script)
    monkeypatch.setenv(java.COMMAND, f'"{sys.executable}" "{path}"')


@pytest.mark.usefixtures("no_engine")
def test_a_java_that_keeps_its_hands_off_files_draws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a warning that says who drew; ground and words as with the engine."""
    plays(monkeypatch, tmp_path, OBEYS)
    drawn = render("A -> B : by java")
    assert drawn.drawn_by == "java"
    assert "drawn by PlantUML on Java" in drawn.warnings[0]
    assert drawn.svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="5" role="img"')
    assert "source" not in drawn.svg
    assert "<?" not in drawn.svg


@pytest.mark.usefixtures("no_engine")
def test_its_errors_have_the_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the engine's."""
    plays(monkeypatch, tmp_path, OBEYS)
    with pytest.raises(DiagramError, match="Syntax Error") as caught:
        render("A -> B : x2\nfoo bar")
    assert caught.value.line == 2


@pytest.mark.usefixtures("no_engine")
def test_a_java_that_reads_the_canary_is_never_given_a_diagram(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Debian 12's reads any file; the source is shown as text instead, with the reason."""
    plays(monkeypatch, tmp_path, READS)
    drawn = render("A -> B : hidden")
    assert drawn.drawn_by == "listing"
    assert "reads local files" in drawn.warnings[0]
    assert "A -&gt; B : hidden" in drawn.svg


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    ("script", "says"),
    [("import sys; sys.exit(3)", "draws nothing"), (None, "no PlantUML on Java either")],
)
def test_without_any_way_to_draw_the_source_is_shown_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str | None, says: str
) -> None:
    """A notebook goes on."""
    if script is not None:
        plays(monkeypatch, tmp_path, script)
    drawn = render(f"A -> B : {says}")
    assert drawn.drawn_by == "listing"
    assert says in drawn.warnings[0]
    assert "Not drawn: the diagram engine is not here" in drawn.svg


@pytest.mark.usefixtures("no_engine")
def test_a_command_that_does_not_run_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception of the operating system."""
    monkeypatch.setenv(java.COMMAND, "/no/such/program")
    assert "does not run" in render("A -> B : nothing runs").warnings[0]


@pytest.mark.needs("plantuml")
def test_the_plantuml_of_this_machine_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever it is, the verdict is a sentence or trust."""
    monkeypatch.delenv(java.COMMAND, raising=False)
    java._distrust.cache_clear()
    verdict = java._distrust(tuple(java.command() or ()))
    assert verdict is None or "not used" in verdict or "draws nothing" in verdict
