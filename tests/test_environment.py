"""pyproject.toml, environment.yml and the locks say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]

FROM_CONDA = {
    "python": PROJECT["project"]["requires-python"],
    "pip": "",
    "plantuml": "",
    "jupyterlab": "jupyterlab",
    "paho-mqtt": "paho-mqtt",
    "pandas": "pandas",
    "matplotlib": "matplotlib",
}
"""The one table: conda-forge's name to PyPI's name of the same thing, or to a bound where PyPI has no such thing.

What is not in it comes from PyPI under `pip:`, with the bounds of pyproject.toml.
"""


def _bounds(requirements: list[str]) -> dict[str, str]:
    return {found.name: _sorted(str(found.specifier)) for found in map(Requirement, requirements)}


def _sorted(bounds: str) -> str:
    return ",".join(sorted(filter(None, bounds.split(","))))


WANTED = _bounds(PROJECT["project"]["dependencies"] + GROUPS["lab"])
EVERYTHING = _bounds([line for group in GROUPS.values() for line in group]) | WANTED


def _environment() -> tuple[dict[str, str], list[str]]:
    """What environment.yml takes from conda, name to bounds, and the lines under `pip:`."""
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").partition("\ndependencies:\n")[2].splitlines()
    conda = [line.strip(" -") for line in lines if re.match(r"  - (?!pip:)", line)]
    split = [re.match(r"([\w.-]+)(.*)", line) for line in conda]
    return {found[1]: _sorted(found[2]) for found in split if found}, [
        line.strip().removeprefix("- ") for line in lines if line.startswith("      - ")
    ]


def test_conda_environment_takes_the_packages_of_the_table_with_the_project_s_bounds() -> None:
    """The five that the user named are among them."""
    conda, _ = _environment()
    assert conda == {name: _sorted(WANTED.get(origin, origin) if origin else "") for name, origin in FROM_CONDA.items()}
    assert {"paho-mqtt", "jupyterlab", "pandas", "matplotlib", "plantuml"} <= conda.keys()


def test_conda_environment_takes_all_the_rest_from_pypi_and_otakit_from_here() -> None:
    """Nothing is forgotten, nothing has a bound of its own."""
    _, pip = _environment()
    assert pip.pop() == "-e ."
    assert _bounds(pip) == {name: bounds for name, bounds in WANTED.items() if name not in FROM_CONDA.values()}


def _pins(lock: str) -> dict[tuple[str, str], str]:
    """Pins of a lock: name and marker to version."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    found = re.findall(r"(?m)^([\w.-]+)==(\S+)(?: ; (.+?))? \\$", text)
    return {(name, marker): version for name, version, marker in found}


def test_every_pin_of_the_demo_is_the_pin_of_development() -> None:
    """One resolution, two files: an environment grows and nothing in it changes."""
    demo, dev = _pins("demo.txt"), _pins("dev.txt")
    by_name: dict[str, set[str]] = {}
    for (name, _), version in dev.items():
        by_name.setdefault(name, set()).add(version)
    assert {name for name, _ in demo} <= by_name.keys()
    assert not [pin for pin in demo.items() if pin[1] not in by_name[pin[0][0]]]


def test_demo_stays_small() -> None:
    """A newcomer waits for about fifty packages, and for no JupyterLab."""
    here = [name for name, marker in _pins("demo.txt") if not marker or Marker(marker).evaluate()]
    assert len(here) <= 52
    assert "jupyterlab" not in here


@pytest.mark.parametrize("lock", ["demo.txt", "dev.txt"])
def test_lock_holds_hashes_and_no_addresses(lock: str) -> None:
    """Any index or mirror may serve it, none can change it."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"(?m)^(?=[\w.-]+==)", text)[1:]
    assert len(blocks) == len(_pins(lock))
    assert all("--hash=sha256:" in block for block in blocks)


def test_locks_hold_what_pyproject_asks_for_within_its_bounds() -> None:
    """A bound that moved needs `python kit.py lock`."""
    for lock, wanted in (("demo.txt", WANTED.keys() - _bounds(GROUPS["lab"]).keys()), ("dev.txt", EVERYTHING.keys())):
        pins = {name: version for (name, _), version in _pins(lock).items()}
        wrong = [
            name for name in wanted if not Requirement(name + EVERYTHING[name]).specifier.contains(pins.get(name, "0"))
        ]
        assert not wrong, f"{lock}: {wrong}"
