"""Two diagrams side by side: what was promised and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from otakit.diagrams.value import Diagram

PANE = "flex:1 1 26em;min-width:0"
PAPER = "overflow:auto;max-height:44em;background:#fff;border:1px solid #8888"


@dataclass(frozen=True)
class Beside:
    """Two diagrams, the first on the left.

    Attributes:
        names: what is said above each.
    """

    left: Diagram
    right: Diagram
    names: tuple[str, str] = ("Promised", "Happened")

    def __repr__(self) -> str:
        """The messages of both, in words."""
        return "\n\n".join(f"{name}: {each!r}" for name, each in zip(self.names, (self.left, self.right), strict=True))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """HTML, two panes that scroll by themselves; one below the other where the page is narrow."""
        del include, exclude  # Jupyter takes what it wants
        panes = "".join(map(_pane, self.names, (self.left, self.right)))
        return {
            "text/html": f'<div style="display:flex;flex-wrap:wrap;gap:1em">{panes}</div>',
            "text/plain": repr(self),
        }


def _pane(name: str, drawn: Diagram) -> str:
    alt = f"{name}: {drawn.title}. {drawn.text}".replace("\n", "; ")
    head = f"<p><b>{escape(name)}</b>: {escape(drawn.title)}</p>"
    return f'<div style="{PANE}">{head}<div style="{PAPER}">{drawn.as_html(alt)}</div></div>'


def beside(promised: Diagram, happened: Diagram) -> Beside:
    """Puts a promise and a run side by side.

    Example:
        >>> beside(otakit.diagram("whole-update"), session.diagram())
    """
    return Beside(promised, happened)
