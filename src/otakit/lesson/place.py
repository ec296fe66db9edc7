"""Where a lesson runs: which server answers, through which link, in which kernel, under which names."""

from __future__ import annotations

import getpass
import platform
import re
import sys
from pathlib import Path

from otakit.lesson.answers import Said
from otakit.servers import Server, Twin


def where(server: Server) -> Said:
    """One line: which server, which link, which kernel."""
    environment = Path(sys.prefix).name
    return Said(f"{server.label}; kernel: Python {platform.python_version()} of {environment}")


def own(server: Server, name: str) -> str:
    """The name of something that a lesson makes: on a shared server with the reader's prefix, on a twin as it is."""
    if isinstance(server, Twin):
        return name
    try:
        reader = re.sub(r"\W+", "-", getpass.getuser()).strip("-") or "reader"
    except (OSError, KeyError, ImportError):  # no user name here, as in some containers
        reader = "reader"
    return f"{reader}-{name}"
