"""The ``%%plantuml`` cell magic: a cell of PlantUML becomes its picture, or one line about the mistake.

Loaded by ``%load_ext otakit.notebook``, and by itself when otakit is imported in IPython. Knows IPython's
door only; `diagrams.plantuml` draws.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from otakit.errors import OtakitError


def plantuml(line: str, cell: str) -> Any:
    """Draw the cell; ``%%plantuml run.svg`` also saves it (``.puml``, ``.svg`` or ``.png``)."""
    from otakit.diagrams.plantuml import render  # noqa: PLC0415 - registering the magic must cost nothing

    try:
        diagram = render(cell)
        if line.strip():
            diagram.save(Path(line.strip().strip("\"'")))
    except OtakitError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return None
    for warning in diagram.warnings:
        sys.stderr.write(f"note: {warning}\n")
    return diagram


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext otakit.notebook`` calls."""
    shell.register_magic_function(plantuml, "cell", "plantuml")


def register_in_ipython() -> bool:
    """Register the magic when this process runs IPython already; imports nothing, so it is cheap.

    Returns:
        Whether there was an IPython to register with.
    """
    loaded = sys.modules.get("IPython")
    shell = loaded.get_ipython() if loaded is not None and hasattr(loaded, "get_ipython") else None
    if shell is None:
        return False
    load_ipython_extension(shell)
    return True
