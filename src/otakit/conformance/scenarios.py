"""The scenarios, found in a folder of tests: each a function of one stage, with a sentence.

Knows how a scenario is named (`test_scenario_NN_words(stage)` in `test_*.py`); refuses to know what it does.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from otakit.conformance.stage import Stage
from otakit.errors import SettingsError

HOME = Path(__file__).resolve().parents[3] / "tests" / "conformance"
"""Where the scenarios are in a clone; a wheel has none."""
_NAME = re.compile(r"test_scenario_(\d+)(?:_(\w+))?")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One claim about ThingsBoard.

    Attributes:
        number: as section 19 counts.
        name: the function's, unique.
        sentence: what it claims.
    """

    number: int
    name: str
    sentence: str
    play: Callable[[Stage], None]


def scenarios(folder: Path = HOME, only: Collection[int] = ()) -> list[Scenario]:
    """The scenarios of a folder in the order of their numbers; `only` these numbers where some are given.

    Raises:
        SettingsError: there are none, or none of a number.
    """
    found = sorted(_all(folder), key=lambda each: (each.number, each.name))
    if not found:
        raise SettingsError(f"scenarios: {folder} has no test_scenario_NN(stage); run this in a clone of otakit")
    missing = sorted(set(only) - {each.number for each in found})
    if missing:
        known = f"there are {found[0].number} to {found[-1].number}"
        raise SettingsError(f"ONLY: there is no scenario {', '.join(map(str, missing))}; {known}")
    return [each for each in found if not only or each.number in only]


def _all(folder: Path) -> Iterator[Scenario]:
    for path in sorted(folder.glob("test_*.py")):
        for name, function in vars(_module(path)).items():
            found = _NAME.fullmatch(name)
            if found and callable(function) and list(inspect.signature(function).parameters) == ["stage"]:
                yield Scenario(int(found[1]), name, _sentence(function), function)


def _module(path: Path) -> ModuleType:
    """The module of a file, loaded once."""
    name = f"otakit_scenarios.{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, ImportError):
                raise SettingsError(f"scenarios: {path.name} needs {error.name}; `make` brings it") from error
            raise
    return sys.modules[name]


def _sentence(function: Callable[..., object]) -> str:
    """The first paragraph of the docstring, on one line."""
    text = inspect.getdoc(function) or ""
    return " ".join(text.partition("\n\n")[0].split()) or function.__name__.replace("_", " ")
