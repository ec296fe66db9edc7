# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""What the documentation takes from the code, made from the code: the client's states as diagrams.

    python docs/generate.py             writes diagrams/made/*.puml and the SVG beside each
    python docs/generate.py --check     says which of them are stale; ends with 1 then

Stands outside the package because a state diagram is made from two neighbours, `client` and `diagrams`,
that do not know each other.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from otakit.client import connection, machine
from otakit.client.table import Row, always, nothing
from otakit.diagrams.folder import draw_folder
from otakit.errors import OtakitError

MADE = Path(__file__).resolve().parent.parent / "diagrams" / "made"
HEAD = """hide empty description
skinparam shadowing false
skinparam defaultFontSize 12
skinparam stateBackgroundColor #E3ECF7
skinparam stateBorderColor #46617F
skinparam arrowColor #46617F"""


MANY = 4  # from so many states on, one event that leads to one state is drawn once and written elsewhere


def state_diagram(title: str, table: Sequence[Row[Any]], first: str, last: str) -> str:
    """A transition table as a state diagram.

    A row that stays in its state is written into the state's box. So is an event that leads from many
    states to one: its arrow is drawn from the first of them only, or nobody could follow the lines.

    Args:
        title: what stands above it.
        table: rows in order.
        first: name of the state where it begins.
        last: name of the state where it ends.
    """
    states = list(dict.fromkeys(name for row in table for name in (row.state.name, row.goes_to.name)))
    common = _common(table)
    lines = ["@startuml", f"title {title}", "", HEAD, "", f"[*] --> {first}"]
    for state in states:
        own = [row for row in table if row.state.name == state]
        lines.append(f"state {state}")
        told = [_inside(row) for row in own if row.goes_to.name == state]
        told += _elsewhere([row for row in own if row in common and row.goes_to.name != state])
        lines += [f"{state} : {text}" for text in dict.fromkeys(told)]
    lines.append("")
    for source in states:
        for target in states:
            rows = [
                row for row in table if (row.state.name, row.goes_to.name) == (source, target) and row not in common
            ]
            if rows and source != target:
                lines.append(f"{source} --> {target} : " + "\\n".join(dict.fromkeys(_across(row) for row in rows)))
    return "\n".join([*lines, f"{last} --> [*]", "@enduml", ""])


def _common(table: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The rows whose event leads from many states to the same one, those of the first such state left out."""
    sources: dict[tuple[type, str], list[str]] = {}
    for row in table:
        if row.state is not row.goes_to:
            sources.setdefault((row.hears, row.goes_to.name), []).append(row.state.name)
    many = {key: names[0] for key, names in sources.items() if len(set(names)) >= MANY}
    return [row for row in table if many.get((row.hears, row.goes_to.name), row.state.name) != row.state.name]


def _elsewhere(rows: Sequence[Row[Any]]) -> list[str]:
    """Where common events lead, one line a target; long lists are broken."""
    lines = []
    for target in dict.fromkeys(row.goes_to.name for row in rows):
        names = list(dict.fromkeys(row.hears.__name__ for row in rows if row.goes_to.name == target))
        lines += [f"→ **{target}**: {', '.join(names[at : at + 3])}" for at in range(0, len(names), 3)]
    return lines


def _guard(row: Row[Any]) -> str:
    return "" if row.when is always else f" [{_words(row.when)}]"


def _inside(row: Row[Any]) -> str:
    does = "" if row.does is nothing else f" → {_words(row.does)}"
    return f"{row.hears.__name__}{_guard(row)}{does}"


def _across(row: Row[Any]) -> str:
    return f"{row.hears.__name__}{_guard(row)}"


def _words(function: Any) -> str:
    """A guard or an effect in words: the name it has in the code."""
    return str(re.sub(r"_+", " ", function.__name__).strip())


def made() -> dict[str, str]:
    """Every generated source by its file name."""
    job = state_diagram("States of an update on the device", machine.TABLE, "IDLE", "ENDED")
    line = state_diagram("States of the device's connection", connection.TABLE, *_ends(connection.TABLE))
    return {"client-states.puml": job, "connection-states.puml": line}


def _ends(table: Sequence[Row[Any]]) -> tuple[str, str]:
    """First and last state of a table: the order in which they are declared."""
    names = [state.name for state in type(table[0].state)]
    return names[0], names[-1]


def main() -> int:
    """Write what is stale, or only name it."""
    parser = argparse.ArgumentParser(description="Make what the documentation takes from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing, only name what is stale")
    check = parser.parse_args().check
    stale = []
    for name, text in made().items():
        path = MADE / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(f"stale: {path}: the table has changed; run python docs/generate.py")
            if not check:
                MADE.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
    try:
        outcomes = draw_folder(MADE, check=check)
    except OtakitError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    wrong = [str(outcome) for outcome in outcomes if not outcome.is_good]
    told = (stale if check else []) + wrong
    sys.stdout.write("\n".join(told or [str(outcome) for outcome in outcomes]) + "\n")
    return 1 if told else 0


if __name__ == "__main__":
    raise SystemExit(main())
