# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The kept frames of the foreign clients, from a run of each against the twin.

    python docs/foreign_frames.py             writes tests/real/frames/*.csv

A test of `tests/real/test_foreign_*.py` fails when a run no longer looks like its frame.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs the foreign clients with leave to keep what they did."""
    tests = sorted(str(path) for path in (ROOT / "tests" / "real").glob("test_foreign_*.py"))
    environment = {**os.environ, "KEEP_FRAMES": "1"}
    command = [sys.executable, "-m", "pytest", "-q", *tests]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603 - a fixed command


if __name__ == "__main__":
    sys.exit(main())
