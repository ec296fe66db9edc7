"""The first difference between a promise and a run, side by side: two short diagrams, a few arrows each.

Knows which arrows and packets stand around the difference, which a verdict says; leaves finding it to
`diagrams.follow` and drawing to `diagrams`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from otakit.diagrams.follow import Verdict
from otakit.diagrams.follow.happened import Happened
from otakit.diagrams.labels import DEVICE, SERVER, Arrow, arrows, mark
from otakit.diagrams.plantuml import render
from otakit.diagrams.value import Diagram
from otakit.diagrams.writing import arrow as written
from otakit.diagrams.writing import shown
from otakit.errors import SettingsError
from otakit.exchange import said
from otakit.protocol.messages import Direction

ENDS = {
    Direction.TO_SERVER: (DEVICE, SERVER),
    Direction.TO_DEVICE: (SERVER, DEVICE),
    Direction.WITHIN_DEVICE: (DEVICE, DEVICE),
}
HEAD = (
    "skinparam shadowing false",
    "skinparam sequenceMessageAlign left",
    "skinparam maxMessageSize 260",
    f'participant "Device" as {DEVICE} order 10',
    f'participant "ThingsBoard Server" as {SERVER} order 20',
)
PANE = "flex:1 1 26em;min-width:0"
PAPER = "overflow:auto;background:#fff;border:1px solid #8888"


@dataclass(frozen=True)
class Beside:
    """Two diagrams, the promise on the left.

    Attributes:
        promised: the arrows that were kept, and marked the one that was not.
        happened: the packets that kept them, marked the one that came in its place, and what followed.
    """

    promised: Diagram
    happened: Diagram

    def __repr__(self) -> str:
        """The messages of both, in words."""
        return f"Promised:\n{self.promised.text}\n\nHappened:\n{self.happened.text}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """HTML, two panes; one below the other where the page is narrow."""
        del include, exclude  # Jupyter takes what it wants
        panes = _pane("Promised", self.promised) + _pane("Happened", self.happened)
        return {
            "text/html": f'<div style="display:flex;flex-wrap:wrap;gap:1em">{panes}</div>',
            "text/plain": repr(self),
        }


def _pane(name: str, drawn: Diagram) -> str:
    alt = f"{name}: {drawn.text}".replace("\n", "; ")
    return f'<div style="{PANE}"><p><b>{escape(name)}</b></p><div style="{PAPER}">{drawn.as_html(alt)}</div></div>'


def beside(verdict: Verdict) -> Beside:
    """The arrow that was not kept beside what came in its place, each with its neighbours.

    Args:
        verdict: of ``session.follows``.

    Raises:
        SettingsError: there is no difference to show.

    Example:
        >>> beside(session.follows("whole-update"))
    """
    if verdict:
        raise SettingsError(f"the session follows {verdict.name}: there is no difference; show verdict.diagram()")
    drawn = arrows(verdict.source)
    promised = [drawn[promise.nth] for promise, _ in verdict.before]
    left = [_of_promise(arrow) for arrow in promised]
    if verdict.promised is not None:
        left.append(_marked(_of_promise(drawn[verdict.promised.nth])))
    right = [_of_event(event) for _, event in verdict.before]
    if verdict.seen is not None:
        right.append(_marked(_of_event(verdict.seen)))
        right += [_of_event(event) for event in verdict.around if event.place > verdict.seen.place]
    return Beside(_diagram(left), _diagram(right))


def _diagram(lines: Sequence[str]) -> Diagram:
    return render("\n".join(("@startuml", *HEAD, "...", *lines, "...", "@enduml")))


def _of_promise(arrow: Arrow) -> str:
    return arrow.line.text.strip()


def _of_event(event: Happened) -> str:
    asks = event.is_question or event.way is not Direction.TO_DEVICE
    text = shown(said(event.packet), 100) if event.packet is not None else ""
    return written(*ENDS[event.way], event.row, text, answers=not asks)


def _marked(line: str) -> str:
    """One arrow by itself, marked as the diagrams of the kit mark."""
    (only,) = arrows(f"@startuml\n{line}\n@enduml")
    return mark(f"@startuml\n{line}\n@enduml", only.row_name).split("\n")[1]
