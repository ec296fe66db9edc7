# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""Files that are made from something else: written where they are stale, or with ``--check`` only named.

Knows the one command line that the scripts of this folder share; refuses to know what any of them makes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def keep_current(what: str, made: Mapping[Path, str | bytes], left_over: Sequence[Path] = ()) -> int:
    """Reads the script's command line and writes its files, or compares them.

    Args:
        what: the script makes, for ``--help``.
        made: each file with its content.
        left_over: files that are made no longer.

    Returns:
        Exit status: 1 when ``--check`` finds one that is stale.
    """
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when something is stale")
    check = parser.parse_args().check
    stale = [path for path, content in made.items() if not _is_current(path, content)]
    if check:
        for path in (*stale, *left_over):
            sys.stderr.write(f"{path.name} is stale: python docs/{Path(sys.argv[0]).name}\n")
        return 1 if stale or left_over else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        _write(path, made[path])
    for path in left_over:
        path.unlink()
    return 0


def _is_current(path: Path, content: str | bytes) -> bool:
    if not path.is_file():
        return False
    return content == (path.read_bytes() if isinstance(content, bytes) else path.read_text(encoding="utf-8"))


def _write(path: Path, content: str | bytes) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8", newline="\n")
