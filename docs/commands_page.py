# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The reference page of the command line, made from the commands themselves.

python docs/commands_page.py             writes docs/commands.md
python docs/commands_page.py --check     says whether it is stale; ends with 1 then
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

from current import keep_current
from typer.models import ArgumentInfo, CommandInfo

from otakit.cli import app

PAGE = Path(__file__).resolve().parent / "commands.md"
HEAD = """# The command line

Made from `otakit/cli.py` by `docs/commands_page.py`; do not edit.

`otakit VERB --help` says the same in a terminal. Exit status: 0 done, 1 an update or a check failed, 2 asked for what
cannot be done, 130 interrupted. `OTAKIT_DEBUG=1` shows where an error came from.
"""


def page() -> str:
    """The page's text."""
    verbs = {str(each.name or each.callback.__name__): each for each in app.registered_commands if each.callback}
    parts = [HEAD, "| verb | what it does |", "|---|---|"]
    parts += [f"| [`{name}`](#otakit-{name}) | {_paragraphs(verb)[0]} |" for name, verb in verbs.items()]
    parts.append("")
    for name, verb in verbs.items():
        parts += _section(name, verb)
    return "\n".join(parts)


def _paragraphs(verb: CommandInfo) -> list[str]:
    said = inspect.cleandoc((verb.callback and verb.callback.__doc__) or "").split("\n\n")
    return [" ".join(part.split()) for part in said]


def _section(name: str, verb: CommandInfo) -> Iterator[str]:
    yield f"## otakit {name}\n"
    yield from (f"{part}\n" for part in _paragraphs(verb))
    yield from _table(verb.callback)
    if verb.epilog:
        lines = verb.epilog.replace("\b", "").strip().splitlines()
        yield "\n".join([lines[0], "", "```text", *(line.strip() for line in lines[1:]), "```", ""])


def _table(verb: Any) -> Iterator[str]:
    hints, parameters = get_type_hints(verb, include_extras=True), inspect.signature(verb).parameters
    if parameters:
        yield "| written | meaning | without it |"
        yield "|---|---|---|"
        yield from (_row(name, hints[name], parameter.default) for name, parameter in parameters.items())
        yield ""


def _row(name: str, hint: Any, default: Any) -> str:
    kind, told = get_args(hint)[:2]
    if isinstance(told, ArgumentInfo):
        needed = "it is needed" if default is inspect.Parameter.empty else ""
        return f"| `{name.upper()}` | {_cell(told.help)} | {needed} |"
    # typer takes the first name that is written in Annotated for the default
    written = [one for one in (told.default, *(told.param_decls or ())) if str(one).startswith("-")]
    names = ", ".join(written or [f"--{name.replace('_', '-')}"])
    value = "" if kind is bool else f" {_value(kind)}"
    without = "" if default is None or kind is bool else f"`{getattr(default, 'value', default)}`"
    return f"| `{names}{value}` | {_cell(told.help)} | {without} |"


def _value(kind: Any) -> str:
    """How the value of an option is written: one of its words, or what kind of thing it is."""
    plain = next((one for one in get_args(kind) if one is not type(None)), kind)
    if issubclass(plain, Enum):
        return "\\|".join(str(one.value) for one in plain)
    return {int: "NUMBER", Path: "PATH"}.get(plain, "TEXT")


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def main() -> int:
    """Writes the page, or with ``--check`` compares it."""
    return keep_current("The reference page of the command line.", {PAGE: page()})


if __name__ == "__main__":
    sys.exit(main())
