"""The scripts of docs/, which is a folder of pages and no package, as modules; and the book, built once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """Gives a script of docs/ by its name."""

    def load(name: str) -> ModuleType:
        if str(DOCS) not in sys.path:
            sys.path.append(str(DOCS))
        return importlib.import_module(name)

    return load
