"""Where a lesson runs: which server answers, through which link, in which kernel, under which names."""

from __future__ import annotations

import getpass
import platform
import re
import sys
from functools import cache
from pathlib import Path

from otakit.lesson.said import Said
from otakit.servers import Server, Twin


def where(server: Server | None = None) -> Said:
    """One line: which server, which link, which kernel; without a server, that none is needed."""
    environment = Path(sys.prefix).name
    label = "no server is needed here" if server is None else server.label
    return Said(f"{label}; kernel: Python {platform.python_version()} of {environment}")


def own(server: Server, name: str) -> str:
    """The name of something that a lesson makes: on a shared server with the reader's prefix, on a twin as it is."""
    if isinstance(server, Twin):
        return name
    try:
        reader = re.sub(r"\W+", "-", getpass.getuser()).strip("-") or "reader"
    except (OSError, KeyError, ImportError):  # no user name here, as in some containers
        reader = "reader"
    return f"{reader}-{name}"


def on_twin(server: Server) -> Twin:
    """Where faults can be made: the server itself when it is a twin, else a twin beside it, one for the process."""
    return server if isinstance(server, Twin) else _beside()


@cache
def _beside() -> Twin:
    return Twin()
