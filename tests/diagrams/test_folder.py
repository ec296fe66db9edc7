"""A folder of sources: drawn beside them, checked, and every mistake named with its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from otakit.diagrams import engine
from otakit.diagrams.folder import draw_folder
from otakit.errors import SettingsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "one.puml").write_text("A -> B : one\n!include inner/part.puml", encoding="utf-8")
    (tmp_path / "inner" / "part.puml").write_text("B -> A : part", encoding="utf-8")
    return tmp_path


@pytest.mark.needs("engine")
def test_each_source_is_drawn_once_and_is_current_afterwards(folder: Path) -> None:
    """Folders below it too; includes are read below the folder."""
    assert [outcome.state for outcome in draw_folder(folder)] == ["written", "written"]
    assert "part" in (folder / "one.svg").read_text(encoding="utf-8")
    assert [outcome.state for outcome in draw_folder(folder)] == ["current", "current"]


@pytest.mark.needs("engine")
def test_check_names_what_is_stale_and_writes_nothing(folder: Path) -> None:
    """A missing picture, then one whose source has changed."""
    assert [outcome.state for outcome in draw_folder(folder, check=True)] == ["stale", "stale"]
    assert not (folder / "one.svg").exists()
    draw_folder(folder)
    (folder / "inner" / "part.puml").write_text("B -> A : changed", encoding="utf-8")
    outcomes = draw_folder(folder, check=True)
    assert [outcome.state for outcome in outcomes] == ["stale", "stale"]
    assert not any(outcome.is_good for outcome in outcomes)
    assert "draw it anew" in str(outcomes[0])


@pytest.mark.needs("engine")
def test_a_mistake_does_not_keep_the_others_from_being_drawn(folder: Path) -> None:
    """Its line is told."""
    (folder / "bad.puml").write_text("A -> B\nloop", encoding="utf-8")
    (folder / "latin.puml").write_bytes(b"A -> B : \xff")
    outcomes = {outcome.source.name: outcome for outcome in draw_folder(folder)}
    assert "line 2: `loop` is never closed" in outcomes["bad.puml"].reason
    assert "UTF-8" in outcomes["latin.puml"].reason
    assert outcomes["one.puml"].is_good


def test_no_folder_and_no_source_are_said(tmp_path: Path) -> None:
    """With what was expected."""
    with pytest.raises(SettingsError, match=r"no \.puml file"):
        draw_folder(tmp_path)
    with pytest.raises(SettingsError, match="is no folder"):
        draw_folder(tmp_path / "nothing")


def test_only_the_engine_draws_what_is_committed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing or a Java picture would differ from machine to machine."""

    def unavailable(*_: object) -> engine.Answer:
        raise engine.EngineUnavailable("not here")

    monkeypatch.setattr(engine, "answer", unavailable)
    with pytest.raises(SettingsError, match=r"python kit\.py diagrams"):
        draw_folder(folder)
    assert not (folder / "one.svg").exists()
