# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The tables of `docs/twin.md`, made from their declaration: a lab file's fields, faults, knobs.

python docs/twin_page.py             writes them into the page
python docs/twin_page.py --check     says whether they are stale; ends with 1 then
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from current import keep_current

from otakit.faults import FAULTS, SlowLink
from otakit.twin.lab import FIELDS
from otakit.twin.settings import KNOBS, TwinSettings

PAGE = Path(__file__).resolve().parent / "twin.md"


def lab() -> list[str]:
    """A table for each kind of table."""
    lines = []
    for kind, meanings in FIELDS.items():
        lines += [f"| `[[{kind}]]` | |", "|---|---|"]
        lines += [f"| `{name}` | {meaning} |" for name, meaning in meanings.items()]
        lines.append("")
    return lines[:-1]


def faults() -> list[str]:
    """Each fault with its fields."""
    lines = ["| `do` | what happens | fields |", "|---|---|---|"]
    known: dict[str, type[Any]] = {**FAULTS, "slow_link": SlowLink}
    for word, fault in known.items():
        said = (fault.__doc__ or "").split("\n")[0].rstrip(".")
        names = ", ".join(f"`{each.name}`" for each in fields(fault))
        lines.append(f"| `{word}` | {said} | {names} |")
    return lines


def knobs() -> list[str]:
    """Each knob, its value and ThingsBoard's name of it."""
    default = TwinSettings()
    lines = ["| knob | without it | ThingsBoard's own name |", "|---|---|---|"]
    for name, theirs in KNOBS.items():
        value = getattr(default, name)
        shown = "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        lines.append(f"| `{name}` | {shown} | {f'`{theirs}`' if theirs else ''} |")
    return lines


BLOCKS: dict[str, Callable[[], list[str]]] = {"lab": lab, "faults": faults, "knobs": knobs}


def page(text: str) -> str:
    """The page with its tables as they must be."""
    for name, made in BLOCKS.items():
        opening = f"<!-- made by docs/twin_page.py: {name} -->"
        block = "\n".join([opening, "", *made(), "", "<!-- end -->"])
        found = re.search(f"{re.escape(opening)}.*?<!-- end -->", text, re.DOTALL)
        assert found is not None, f"{PAGE.name} has no place for {name}"
        text = text.replace(found[0], block)
    return text


def main() -> int:
    """Writes the tables, or with ``--check`` compares them."""
    return keep_current("The tables of the page on the twin.", {PAGE: page(PAGE.read_text(encoding="utf-8"))})


if __name__ == "__main__":
    sys.exit(main())
