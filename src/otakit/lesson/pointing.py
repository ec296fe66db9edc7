"""Which arrow of which of the article's diagrams a packet is.

Knows the sections of the article and how an arrow's label resembles a packet; refuses to know how a
diagram is drawn. A step asks it for the diagram with its arrows marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

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
Said = tuple[str, str, Direction]
"""Row of the message table, what the packet says, and who says it."""
WIRE_WORD = r"[_/]|[A-Z]{3}|^(accepted|refused|deleted|whole|another|again|more)$"
"""What is said on the wire, or follows from it; the other words of a label explain."""
PLACEHOLDER = r"\{[a-z][a-z0-9 ]*(?:\+ ?1)?\}"
"""A number of the wire: ``{id}``, ``{new id}``, ``{any n}``."""
ACKNOWLEDGEMENTS = {"PubAck", "SubAck", "UnsubAck"}
"""Many stand in a diagram: only the one right behind its question is meant."""
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
    answered = None if answer is None else _answer(found, asked, answer)
    for place in (asked, answered):
        source = source if place is None else mark(source, found[place].row_name, _nth(found, place))
    return source


def lit(section: str, exchanges: Sequence[Sequence[Said]]) -> str:
    """The section's diagram as PlantUML text, with every arrow marked that these exchanges took.

    Args:
        section: name of a diagram of the article.
        exchanges: each with its packets in their order, the question first; what the section does not draw
            lights nothing.
    """
    source = source_of(section)
    found = arrows(source)
    for place in sorted({place for packets in exchanges for place in _taken(found, packets)}):
        source = mark(source, found[place].row_name, _nth(found, place))
    return source


def _taken(found: list[Arrow], packets: Sequence[Said]) -> Iterator[int]:
    """The places of the arrows that one exchange took."""
    asked: int | None = None
    last: int | None = None
    for number, (row_name, said, direction) in enumerate(packets):
        if number and direction is Direction.TO_SERVER:  # the acknowledgement of the packet before it
            follows = last is not None and last + 1 < len(found) and found[last + 1].row_name == row_name
            last = last + 1 if last is not None and follows else None
        elif asked is None:
            last = _likest(found, (row_name, said), _to(found, direction))
            asked = last if direction is Direction.TO_SERVER else None
        else:
            last = _answer(found, asked, (row_name, said))
        if last is not None:
            yield last
        elif not number:
            return  # what the section does not ask, it does not answer either


def _answer(found: list[Arrow], asked: int, answer: tuple[str, str]) -> int | None:
    """The place of an answer: before the same is asked again, or if none is drawn there, anywhere behind."""
    behind = [place for place in _to(found, Direction.TO_DEVICE) if place > asked]
    again = next((at for at in range(asked + 1, len(found)) if found[at].row_name == found[asked].row_name), len(found))
    near = _likest(found, answer, [place for place in behind if place < again])
    return _likest(found, answer, behind) if near is None and answer[0] not in ACKNOWLEDGEMENTS else near


def _to(found: list[Arrow], direction: Direction) -> list[int]:
    return [place for place, arrow in enumerate(found) if _goes(arrow, direction)]


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
    text = re.sub(PLACEHOLDER, "{id}", re.sub(r"<[^>]+>|\*\*", "", label))
    promised, _, excluded = text.partition(" without ")
    score = sum(_occurs(word, said) or -2.0 for word in _wire_words(promised))
    return score - sum(2.0 for word in _wire_words(excluded) if _occurs(word, said))


def _wire_words(text: str) -> list[str]:
    bare = (word if "/" in word else word.strip("{}") for word in re.findall(r"[\w/+{}]+", text))
    return [word for word in bare if re.search(WIRE_WORD, word)]


def _occurs(word: str, said: str) -> float:
    """1 for a word that occurs as it is, a little less for each of its ``{placeholders}``."""
    if "{" not in word or "}" not in word:
        return float(re.search(rf"(?<![\w/]){re.escape(word)}(?![\w/])", said) is not None)
    pattern = re.sub(r"\\{[^{}]*\\}", r"\\d+", re.escape(word))
    return (1 - 0.1 * word.count("{")) * (re.search(rf"(?<![\w/]){pattern}(?![\w/])", said) is not None)
