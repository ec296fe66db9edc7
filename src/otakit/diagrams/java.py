"""A PlantUML on Java, where this machine has one: the second choice, and only after its canary.

Knows the command line of PlantUML; refuses to trust it: an old one reads any file that a diagram includes
and ignores the variable that forbids it (Debian 12's 1.2020.2, tried). So the first thing it gets is a
diagram that includes a secret; if the secret comes back, it is not used. `plantuml.py` asks `draw`.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

COMMAND = "OTAKIT_PLANTUML"
TIME_LIMIT_S = 60.0


class Mistake(Exception):
    """The diagram is wrong; `line` counts from 1 in the lines given. Never leaves the package."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


def command() -> list[str] | None:
    """How to call it: what `OTAKIT_PLANTUML` says, else `plantuml` on the path (conda's or Debian's)."""
    given = os.environ.get(COMMAND)
    if given:
        return shlex.split(given, posix=os.name != "nt")
    found = shutil.which("plantuml")
    return [found] if found else None


def draw(lines: list[str]) -> str:
    """The picture as SVG.

    Raises:
        LookupError: there is no Java PlantUML here, or it is not trusted; the text says which.
        Mistake: the diagram is wrong.
    """
    found = command()
    if found is None:
        raise LookupError(f"no PlantUML on Java either (set {COMMAND}, or install plantuml)")
    if (reason := _distrust(tuple(found))) is not None:
        raise LookupError(reason)
    done = _call(found, "\n".join(lines) + "\n")
    if (error := re.search(r"ERROR\s+(\d+)\s+(.+)", done.stderr + done.stdout)) is not None:
        raise Mistake(error[2].strip(), int(error[1]) + 1)  # it counts from 0 (1.2020.2, tried)
    if done.returncode or "<svg" not in done.stdout:
        raise LookupError(f"PlantUML on Java failed with code {done.returncode}: {done.stderr.strip()[:120]}")
    svg = done.stdout[done.stdout.index("<svg") :]
    svg = re.sub(r"<\?plantuml.*?\?>|<!--.*?-->", "", svg, flags=re.DOTALL)  # they repeat the source
    return re.sub(r'\b(width|height)="([\d.]+)px"', r'\1="\2"', svg.strip())


@functools.cache
def _distrust(found: tuple[str, ...]) -> str | None:
    """Why this Java is not used; None when it keeps its hands off files."""
    secret = "canary" + os.urandom(8).hex()
    with tempfile.TemporaryDirectory(prefix="otakit-canary-") as room:
        bait = Path(room) / "bait.txt"
        bait.write_text(f"A -> B : {secret}\n", encoding="utf-8")
        try:
            done = _call(list(found), f"@startuml\n!include {bait}\n@enduml\n")
            plain = _call(list(found), "@startuml\nA -> B : canary\n@enduml\n")
        except LookupError as error:
            return str(error)
    if secret in done.stdout:
        return "the PlantUML on Java here reads local files when a diagram asks; not used (1.2026.2 obeys)"
    return None if "<svg" in plain.stdout else f"`{' '.join(found)}` draws nothing: {plain.stderr.strip()[:120]}"


def _call(found: list[str], text: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PLANTUML_SECURITY_PROFILE": "SANDBOX", "JAVA_TOOL_OPTIONS": "-Djava.awt.headless=true"}
    options = ["-tsvg", "-pipe", "-charset", "UTF-8"]
    try:
        return subprocess.run(  # noqa: S603 - the command is the user's own PlantUML, no shell
            [*found, *options], input=text, env=environment, timeout=TIME_LIMIT_S, check=False,
            capture_output=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LookupError(f"PlantUML on Java does not run: {error}") from error
