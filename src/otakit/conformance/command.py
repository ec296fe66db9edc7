"""The command: reads what is asked for, shows progress, writes the table, says how it ended.

Knows the terminal, the environment and exit statuses (0 all the same or not applicable, 1 differences, 2 it could
not run, 130 interrupted); leaves the run to `runner`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from getpass import getpass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from otakit.conformance.asked import OPTIONS, Asked, understood
from otakit.conformance.judging import Outcome, Row
from otakit.conformance.leftovers import leftovers, remove
from otakit.conformance.runner import Login, Runner
from otakit.conformance.table import STYLES, Head, show, written
from otakit.errors import OtakitError, SettingsError
from otakit.servers import ThingsBoard
from otakit.settings import is_debugging

SAME, DIFFERENT, CANNOT_RUN, INTERRUPTED = 0, 1, 2, 130
HELP = """\
make conformance SERVER=http://host:8080 [MQTT=host:1883] [NAME=value ...]
python -m otakit.conformance SERVER=… (the same)

Puts a ThingsBoard that is running already beside otakit's twin: plays every scenario on both, in MQTT 3.1.1 and 5,
then the operator's calls and one whole client update, and writes what is the same and what differs into
build/conformance/<host>/table.md and table.csv, with a recording of each side.

{options}

The tenant administrator's name and password are read from OTAKIT_USER and OTAKIT_PASSWORD, or asked for. Take a
tenant for tests: everything made there is named otakit-check-… and is removed again.

For example:
  OTAKIT_USER=tenant@thingsboard.org OTAKIT_PASSWORD=tenant make conformance SERVER=http://192.168.1.20:8080
  make conformance SERVER=… ONLY=5,12 VERSION=5                      two scenarios, MQTT 5 only
  make conformance SERVER=… KNOBS=inactivity_s=10,dispatch_spacing_s=0    it was started with these settings
  make conformance SERVER=… CLEAN=1                                  removes what a run that was killed left

Exit status: 0 all the same or not applicable, 1 something differs, 2 it could not run.
docs/conformance.md says how to read the table and how to start a ThingsBoard for it.
"""


def main(words: Sequence[str] | None = None) -> None:
    """The process."""
    given = sys.argv[1:] if words is None else list(words)
    if not given or given[0] in ("-h", "--help", "help"):
        sys.stdout.write(help_text())
        sys.exit(SAME if given else CANNOT_RUN)
    try:
        sys.exit(run(understood(given), Console()))
    except OtakitError as error:
        if is_debugging():
            raise
        sys.exit(_said(f"conformance: {' '.join(str(error).split())}", CANNOT_RUN))
    except KeyboardInterrupt:
        sys.exit(_said("conformance: interrupted; what was made is removed", INTERRUPTED))


def help_text() -> str:
    """What it does, every option, examples."""
    width = max(map(len, OPTIONS))
    return HELP.format(options="\n".join(f"  {name:<{width}}  {meaning}" for name, meaning in OPTIONS.items()))


def run(asked: Asked, console: Console) -> int:
    """One run; its exit status.

    Raises:
        OtakitError: it cannot begin.
    """
    login = _login()
    if asked.clean:
        return _clean(asked, login, console)
    runner = Runner(asked, login)
    head = Head(
        runner.server.server.label,
        runner.twin.server.label,
        f"{datetime.now().astimezone():%Y-%m-%d %H:%M %z}",
        runner.knobs,
    )
    interrupted = False
    try:
        if left := runner.left_before():
            console.print(f"{left} things of an earlier run are still there; CLEAN=1 removes them", style="yellow")
        _play(runner, console)
    except KeyboardInterrupt:
        interrupted = True
        console.print("interrupted: tidying up", style="yellow")
    finally:
        runner.close()
    head = Head(head.server, head.twin, head.date, head.knobs, "interrupted" if interrupted else "")
    path = written(runner.folder, head, runner.rows)
    show(console, head, runner.rows)
    console.print(f"written to {path}, with table.csv and the recordings beside it", highlight=False, soft_wrap=True)
    if interrupted:
        return INTERRUPTED
    return DIFFERENT if any(row.outcome is Outcome.DIFFERENT for row in runner.rows) else SAME


def _play(runner: Runner, console: Console) -> None:
    """Plays; a bar in a terminal, a line for each row elsewhere."""
    bar = Progress(
        BarColumn(24), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False), console=console, transient=True,
    )  # fmt: skip
    task = bar.add_task("")

    def told(words: str, done: int, of: int) -> None:
        bar.update(task, description=words[: max(20, console.width - 50)], completed=done, total=of)

    context: Any = bar if console.is_terminal else nullcontext()
    with context:
        for row in runner.play(told):
            if row.outcome is not Outcome.SAME or not console.is_terminal:
                console.print(_line(row), soft_wrap=True)


def _line(row: Row) -> Text:
    version = f" MQTT {row.version.label}" if row.version else ""
    text = Text(f"{row.name}{version}: ")
    text.append(row.outcome.value, STYLES[row.outcome])
    return text.append(f" {row.why or ('' if row.version else row.sentence)}".rstrip())


def _clean(asked: Asked, login: Login, console: Console) -> int:
    """Removes what runs that were killed left."""
    with ThingsBoard(asked.server, asked.mqtt, login.user, login.password) as there:
        found = leftovers(there.operator)
        failed = remove(there.operator, found)
    console.print(f"{len(found) - len(failed)} of {len(found)} things of earlier runs removed from {there.label}")
    for line in failed:
        console.print(line, markup=False, highlight=False)
    return CANNOT_RUN if failed else SAME


def _login() -> Login:
    """From the environment, else asked for.

    Raises:
        SettingsError: nobody is there to be asked.
    """
    user, password = os.environ.get("OTAKIT_USER", ""), os.environ.get("OTAKIT_PASSWORD")
    if (not user or password is None) and not sys.stdin.isatty():
        raise SettingsError("set OTAKIT_USER and OTAKIT_PASSWORD: a tenant administrator of that server")
    if not user:
        user = input("ThingsBoard user (tenant administrator): ").strip()
    return Login(user, getpass("ThingsBoard password: ") if password is None else password)


def _said(text: str, status: int) -> int:
    sys.stderr.write(f"{text}\n")
    return status
