"""What the README promises: its code runs, its links and pictures are there, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otakit import cli

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_five_lines_update_a_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As they stand there, in an empty folder, on the twin."""
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert "'firmware': 'UPDATED'" in str(names["session"].outcome)  # type: ignore[attr-defined]  # what exec left there


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_and_files_that_are_named_are_there(page: str) -> None:
    """Relative links, pictures, and paths in code type that name a source file."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"\]\((?!http)([^)#]+)\)", text) + re.findall(r"`((?:src|tests|docs|diagrams)/[\w./-]+)`", text)
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]


def test_shell_commands_that_are_named_exist() -> None:
    """Every `otakit VERB` of the README is a verb."""
    verbs = set(re.findall(r"`otakit ([a-z]+)", README))
    known = {command.callback.__name__ for command in cli.app.registered_commands if command.callback}
    assert verbs
    assert verbs <= known


def test_package_opens_with_a_map_of_all_there_is() -> None:
    """Each package of the source is in the docstring of `otakit`."""
    import otakit  # noqa: PLC0415 - not needed for the pages

    packages = {path.parent.name for path in (ROOT / "src" / "otakit").glob("*/__init__.py")}
    missing = [name for name in packages if not re.search(rf"\b{name}\b", otakit.__doc__ or "")]
    assert not missing
