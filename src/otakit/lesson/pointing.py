"""Which arrow of which of the article's diagrams a packet is.

Knows the sections of the article and how an arrow's label resembles a packet; refuses to know how a
diagram is drawn. A step asks it for the diagram with its arrows marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from otakit.diagrams.labels import DEVICE, Arrow, arrows, mark
from otakit.diagrams.plantuml import source_of
from otakit.protocol.messages import Direction

SECTIONS = {
    "AttributesRequest": "request-firmware-attributes",
    "AttributesUpdate": "subscribe-firmware-attributes-updates",
    "RpcRequest": "request-firmware-chunks",
    "ChunkRequest": "request-firmware-chunks",
    "OtaError": "request-firmware-chunks",
    "Telemetry": "report-firmware-status",
}
WHOLE = "whole-update"
LIT = "▶"
"""Stands before the label of an arrow that is marked already."""
Said = tuple[str, str, Direction]
"""Row of the message table, what the packet says, and who says it."""
WIRE_WORD = r"[_/]|[A-Z]{3}|^(accepted|refused)$"
"""What is said on the wire, or follows from one code of it; the other words of a label explain."""
OF_SOFTWARE = {"ChunkRequest", "Telemetry"}
"""Questions that the software's section draws in full."""


def section_of(row_name: str, kind: str | None) -> str:
    """Name of the diagram that shows a question of this row."""
    if kind == "software" and row_name in OF_SOFTWARE:
        return "update-software"
    return SECTIONS.get(row_name, WHOLE)


def pointed(section: str, question: tuple[str, str], answer: tuple[str, str] | None) -> str:
    """The section's diagram as PlantUML text, with the arrows of an exchange marked.

    Args:
        section: name of a diagram of the article.
        question: row of the message table, and what the packet says (topic and payload).
        answer: the same of the answer with content; None for none.
    """
    source = source_of(section)
    found = arrows(source)
    asked = _likest(found, question, range(len(found)))
    if asked is None:
        return source
    marked = mark(source, question[0], _nth(found, asked))
    again = (place for place in range(asked + 1, len(found)) if found[place].row_name == question[0])
    answered = None if answer is None else _likest(found, answer, range(asked + 1, next(again, len(found))))
    return marked if answer is None or answered is None else mark(marked, answer[0], _nth(found, answered))


def lit(section: str, exchanges: Sequence[Sequence[Said]]) -> str:
    """The section's diagram as PlantUML text, with every arrow marked that these exchanges took.

    Args:
        section: name of a diagram of the article.
        exchanges: each with its packets in their order, the question first; what the section does not draw
            lights nothing.
    """
    source = source_of(section)
    for packets in exchanges:
        place: int | None = None
        for number, (row_name, said, direction) in enumerate(packets):
            found = arrows(source)
            first = 0 if place is None else place + 1
            again = (at for at in range(first, len(found)) if found[at].row_name == packets[0][0])
            places = range(first, next(again, len(found)) if number and place is not None else len(found))
            at = _likest(found, (row_name, said), [at for at in places if _goes(found[at], direction)])
            if at is not None and LIT not in found[at].label:
                source = mark(source, row_name, _nth(found, at))
            if not number and direction is Direction.TO_SERVER:
                place = at
    return source


def _goes(arrow: Arrow, direction: Direction) -> bool:
    return arrow.sender.startswith(DEVICE) == (direction is Direction.TO_SERVER)


def _nth(found: list[Arrow], place: int) -> int:
    return sum(arrow.row_name == found[place].row_name for arrow in found[: place + 1])


def _likest(found: list[Arrow], packet: tuple[str, str], places: Iterable[int]) -> int | None:
    """The place of the arrow of this row whose label is most like what was said; the first of equals."""
    row_name, said = packet
    best, likest = float("-inf"), None
    for place in places:
        arrow = found[place]
        if arrow.row_name == row_name and (score := _likeness(arrow.label, said)) > best:
            best, likest = score, place
    return likest


def _likeness(label: str, said: str) -> float:
    """Wire words of the label that were said, less twice those that were not; its English does not count."""
    text = re.sub(r"<[^>]+>|\*\*", "", label)
    words = [word for word in re.findall(r"[\w/+{}]+", text)[1:] if re.search(WIRE_WORD, word)]
    return sum(
        occurs if (occurs := _occurs(word.strip("{}") if "/" not in word else word, said)) else -2 for word in words
    )


def _occurs(word: str, said: str) -> float:
    """1 for a word that occurs as it is, a little less for one with ``{placeholders}``."""
    if "{" not in word or "}" not in word:
        return float(re.search(rf"(?<![\w/]){re.escape(word)}(?![\w/])", said) is not None)
    pattern = re.sub(r"\\{[^{}]*\\}", r"\\d+", re.escape(word))
    return 0.9 * (re.search(rf"(?<![\w/]){pattern}(?![\w/])", said) is not None)
