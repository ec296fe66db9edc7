"""Arrows of a sequence diagram: who says what to whom, checked against the message table.

Knows the arrows of PlantUML and the three voices of our diagrams (device, server, operator); refuses to
know how they are drawn. An arrow's label begins with the name of a row of `protocol.messages.TABLE`, so a
picture can be held against a session. The folder of diagrams, the lessons and the generated sequences
all pass through `check_labels`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from otakit.diagrams.source import Line, cleaned, joined, pages, statements
from otakit.errors import DiagramError
from otakit.protocol.messages import TABLE, Direction, Row

DEVICE, SERVER, OPERATOR = "TBDev", "TBSrv", "TBOper"
"""How aliases of participants begin: more devices are ``TBDev1``, ``TBDev2`` and so on."""
WAYS = {
    (DEVICE, SERVER): Direction.TO_SERVER,
    (SERVER, DEVICE): Direction.TO_DEVICE,
    (OPERATOR, SERVER): Direction.OPERATOR_TO_SERVER,
    (SERVER, OPERATOR): Direction.SERVER_TO_OPERATOR,
    (DEVICE, DEVICE): Direction.WITHIN_DEVICE,
    (SERVER, SERVER): Direction.WITHIN_SERVER,
}
MARK = "#C00000"  # red, and besides that bold with a pointer before its label: never by colour alone

_NAME = r'"[^"]*"|[\w.@]+'
_HEAD = r"[<>ox\\/]{0,3}"
_ARROW = re.compile(
    rf"(?P<left>{_NAME}|\[|\?)?\s*"
    rf"(?P<arrow>{_HEAD}-+(?:\[[^\]]*\])?-*{_HEAD})\s*"
    rf"(?P<right>{_NAME}|\]|\?)?\s*"
    r"(?P<life>(?:\+\+|--|\*\*|!!)[^:]*)?(?::(?P<label>.*))?$"
)
_MARKUP = re.compile(r"<[^>]*>|\*\*|//|__|\"\"|~~|▶")
_DECLARED = re.compile(
    rf"(?:create\s+)?(?:participant|actor|boundary|control|entity|database|collections|queue)\s+"
    rf"(?P<name>{_NAME}|[^\s\"]+)(?:\s+as\s+(?P<alias>{_NAME}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow of a source.

    Attributes:
        sender: name or alias of the participant it leaves; empty for a found message.
        receiver: name or alias it points to; empty for a lost message.
        label: the text after the colon.
        both: it has a head at each end.
        life: what it does to life lines: ``++`` opens the receiver's, ``--`` closes the sender's.
    """

    line: Line
    sender: str
    receiver: str
    label: str
    both: bool = False
    life: str = ""

    @property
    def row_name(self) -> str:
        """The first word of the label, its markup aside."""
        found = re.match(r"\w+", plain_label(self.label))
        return found[0] if found else ""


def plain_label(label: str) -> str:
    """A label without its markup."""
    return _MARKUP.sub("", label).strip()


def arrow_of(line: Line) -> Arrow | None:
    """The arrow that a line draws, or None."""
    found = _ARROW.match(line.text.strip())
    if found is None or not (found["left"] or found["right"]):
        return None
    heads = re.sub(r"\[[^\]]*\]", "", found["arrow"])
    left, right = (_plain(found[side] or "") for side in ("left", "right"))
    to_left, to_right = "<" in heads, ">" in heads or re.search(r"-[\\/]", heads) is not None
    if not to_left and not to_right:
        return None
    sender, receiver = (left, right) if to_right else (right, left)
    return Arrow(line, sender, receiver, (found["label"] or "").strip(), to_left and to_right, found["life"] or "")


def _plain(name: str) -> str:
    return "" if name in "[]?" else name.strip('"')


def arrows(source: str) -> list[Arrow]:
    """All arrows in order, those inside notes and comments left out.

    Raises:
        DiagramError: the source is no diagram, or a block of text is never closed.
    """
    lines, _ = cleaned(source)
    found = (arrow_of(line) for page in pages(joined(lines)) for line in statements(page.lines))
    return [arrow for arrow in found if arrow is not None]


def participants(lines: tuple[Line, ...]) -> dict[str, str]:
    """What each declared participant is called, by its alias."""
    result = {}
    for line in statements(lines):
        if (found := _DECLARED.match(line.text.strip())) is not None:
            name = found["name"].strip('"')
            result[(found["alias"] or name).strip('"')] = name.replace("\\n", " ")
    return result


def check_labels(source: str) -> None:
    """Refuses a diagram whose arrows are not rows of the message table, or point the wrong way.

    Raises:
        DiagramError: with the line; for a misspelt name the nearest one.
    """
    lines, _ = cleaned(source)
    for page in pages(joined(lines)):
        for line in statements(page.lines):
            if re.match(r"return\b", line.text.strip()):
                raise line.error("`return` does not say who tells whom; draw the answer as an arrow of its own")
            if (arrow := arrow_of(line)) is not None:
                check_arrow(arrow)


def check_arrow(arrow: Arrow) -> Row:
    """The row of the message table that an arrow stands for.

    Raises:
        DiagramError: it stands for none, or points the wrong way; with the line and the nearest name.
    """
    row = TABLE.get(arrow.row_name)
    if row is None:
        near = difflib.get_close_matches(arrow.row_name, TABLE, n=1)
        hint = f"; is it {near[0]}?" if near else f": the message table has {', '.join(list(TABLE)[:4])} …"
        said = f"`{arrow.row_name}`" if arrow.row_name else "an empty label"
        raise arrow.line.error(f"{said} is no name of the message table{hint}")
    for sender, receiver in _ends(arrow):
        way = WAYS.get((voice_of(arrow.line, sender), voice_of(arrow.line, receiver)))
        if way not in row.directions:
            allowed = " or ".join(sorted(one.value for one in row.directions))
            came = way.value if way is not None else f"{sender or 'nobody'} to {receiver or 'nobody'}"
            raise arrow.line.error(f"{row.name} goes {allowed}, this arrow goes {came}")
    return row


def _ends(arrow: Arrow) -> Iterator[tuple[str, str]]:
    yield arrow.sender, arrow.receiver
    if arrow.both:
        yield arrow.receiver, arrow.sender


def voice_of(line: Line, name: str) -> str:
    """Which of the three voices a participant is.

    Raises:
        DiagramError: it is none of them.
    """
    for voice in (OPERATOR, SERVER, DEVICE):
        if re.fullmatch(rf"{voice}\d*", name):
            return voice
    if not name:
        raise line.error("an arrow from or to nowhere; name both participants")
    raise line.error(f"participant `{name}` is none of {DEVICE} (a device), {SERVER} (the server), {OPERATOR}")


def mark(source: str, row_name: str, nth: int = 1) -> str:
    """The source with one arrow marked: red, its label bold with a pointer before it.

    Args:
        source: a sequence diagram.
        row_name: a row of the message table.
        nth: which of the arrows with this name, from 1.

    Raises:
        DiagramError: there is no such arrow.
    """
    found = [arrow for arrow in arrows(source) if arrow.row_name == row_name]
    if not 1 <= nth <= len(found):
        raise DiagramError(f"no {row_name} number {nth} to mark: the diagram has {len(found)} arrows of that name")
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = found[nth - 1].line.number - 1
    lines[at] = _marked(lines[at])
    return "\n".join(lines)


def _marked(text: str) -> str:
    found = _ARROW.match(text.strip())
    assert found is not None  # `arrows` has read this very line
    bare = re.sub(r"\[[^\]]*\]", "", found["arrow"])
    dash = bare.index("-") + 1
    arrow = f"{bare[:dash]}[{MARK}]{bare[dash:]}"
    parts = f"▶ {(found['label'] or '').strip()}".split("\\n")  # the engine ends markup at the end of a line
    label = " : " + "\\n".join(f"<color:{MARK}><b>{part}</b></color>" for part in parts)
    ends = (found["left"] or "", arrow, found["right"] or "", found["life"] or "")
    return " ".join(part.strip() for part in ends if part) + label
