"""The outcome, written down: a table in the terminal, as Markdown and as CSV.

Knows rows and how they are shown; refuses to know how they came about. Paths of recordings are relative to the
table, so that the folder can be sent to somebody as it is.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from otakit.conformance.judging import Outcome, Row

COLUMNS = ("scenario", "claim", "MQTT", "outcome", "why", "where", "server", "twin", "recordings")
STYLES = {Outcome.SAME: "green", Outcome.DIFFERENT: "bold red", Outcome.NOT_APPLICABLE: "yellow"}
SHOWN = 160
"""Characters of a packet in the terminal; the files have all of them."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the table.

    Attributes:
        server: the server that was asked, in one line.
        twin: what it was put beside.
        date: of the run.
        knobs: how the server is said to be configured where it is not as shipped.
        ended_early: why the run did not reach its end.
    """

    server: str
    twin: str
    date: str
    knobs: Mapping[str, object] = field(default_factory=dict)
    ended_early: str = ""


def counted(rows: Sequence[Row]) -> str:
    """How many of each outcome."""
    found = Counter(row.outcome for row in rows)
    return ", ".join(f"{found[outcome]} {outcome.value}" for outcome in Outcome)


def cells(row: Row) -> tuple[str, ...]:
    """A row as texts, in the order of `COLUMNS`."""
    there = row.difference
    sides = (there.where, there.server, there.twin) if there else ("", "", "")
    version = row.version.label if row.version else ""
    return (row.name, row.sentence, version, row.outcome.value, row.why, *sides, " ".join(row.recordings))


def as_csv(rows: Iterable[Row]) -> str:
    """One line a row, for machines."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(cells(row) for row in rows)
    return out.getvalue()


def as_markdown(head: Head, rows: Sequence[Row]) -> str:
    """For people, and for whoever they send it to."""
    knobs = ", ".join(f"{name}={value}" for name, value in head.knobs.items()) or "as shipped"
    lines = [
        "# Is the twin what this server is?",
        "",
        f"- server: {head.server}",
        f"- beside it: {head.twin}",
        f"- run: {head.date}{f'; ended early: {head.ended_early}' if head.ended_early else ''}",
        f"- configured: {knobs}",
        f"- outcome: {counted(rows)}",
        *(f"- to play more: {wanted}" for wanted in settings_wanted(rows)),
        "",
        "| # | claim | MQTT | outcome | first difference: server | twin | recordings |",
        "|---|---|---|---|---|---|---|",
        *(_markdown_row(row) for row in rows),
        "",
    ]
    return "\n".join(lines)


def settings_wanted(rows: Iterable[Row]) -> list[str]:
    """Why scenarios were left out, each reason once with the scenarios that it keeps out."""
    wanted: dict[str, list[str]] = {}
    for row in rows:
        if row.outcome is Outcome.NOT_APPLICABLE and row.name not in (names := wanted.setdefault(row.why, [])):
            names.append(row.name)
    return [f"scenario {', '.join(names)}: {why}" for why, names in wanted.items()]


def _markdown_row(row: Row) -> str:
    name, sentence, version, outcome, why, where, server, twin, _ = map(_escaped, cells(row))
    links = " ".join(f"[{'server' if place == 0 else 'twin'}]({path})" for place, path in enumerate(row.recordings))
    said = f"{why}<br>{where}: {server}" if server else why
    return f"| {name} | {sentence} | {version} | {outcome} | {said} | {twin} | {links} |"


def _escaped(text: str) -> str:
    """Text in a cell of a Markdown table."""
    for sign, instead in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("*", "\\*"), ("`", "\\`"), ("\n", " ")):
        text = text.replace(sign, instead)
    return text


def written(folder: Path, head: Head, rows: Sequence[Row]) -> Path:
    """Writes both files; the path of the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.csv").write_text(as_csv(rows), encoding="utf-8")
    path = folder / "table.md"
    path.write_text(as_markdown(head, rows), encoding="utf-8")
    return path


def show(console: Console, head: Head, rows: Sequence[Row]) -> None:
    """The table in the terminal: what is the same in short, what differs with both sides."""
    table = RichTable(title=f"{head.server}\nbeside {head.twin}", title_justify="left", show_lines=False)
    for name in ("#", "MQTT", "outcome"):
        table.add_column(name, no_wrap=True)
    table.add_column("claim, and what differs", overflow="fold")
    for row in rows:
        version = row.version.label if row.version else ""
        table.add_row(row.name, version, Text(row.outcome.value, STYLES[row.outcome]), _story(row))
    console.print(table)
    console.print(counted(rows), highlight=False)
    for wanted in settings_wanted(rows):
        console.print(f"to play more, {wanted}", style="yellow", highlight=False)


def _story(row: Row) -> Text:
    """Plain text, whatever a server sent: nothing in it is markup."""
    text = Text(row.sentence, no_wrap=True, overflow="ellipsis")
    if row.outcome is Outcome.DIFFERENT:
        text = Text(row.sentence, overflow="fold")
        text.append(f"\n{row.why}", "red")
        if row.difference is not None:
            text.append(f"\n{row.difference.where}")
            text.append(f"\n  server: {_cut(row.difference.server)}\n  twin:   {_cut(row.difference.twin)}")
    return text


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
