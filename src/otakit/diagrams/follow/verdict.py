"""The answer: it follows, or the first difference, the arrow promised and the packet seen, both with neighbours.

A value that tells itself as text and as HTML; refuses to know how it was found (`follows`).
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field

from otakit.diagrams.follow.happened import Happened
from otakit.diagrams.follow.promise import Promise
from otakit.exchange import said

NEIGHBOURS = 2
OTHERS = 3


@dataclass(frozen=True)
class Verdict:
    """Whether a session followed a diagram; true or false where a truth value is asked for.

    Attributes:
        name: of the diagram.
        source: its text.
        kept: how many packets and steps kept an arrow.
        promised: the arrow of the first difference; None where nothing was promised any more, or all was kept.
        seen: what came in its place; None where the recording ended.
        others: arrows that would have been right too.
        before: the arrows kept just before it and what kept them, oldest first.
        around: what happened just before and behind, whether the diagram speaks of it or not.
        device: which device it is about, where the recording has several.
        remarks: what was passed over, and what the recording lacks.
    """

    name: str
    source: str = field(default="", repr=False)
    kept: int = 0
    follows: bool = True
    promised: Promise | None = None
    seen: Happened | None = None
    others: tuple[Promise, ...] = ()
    before: tuple[tuple[Promise, Happened], ...] = ()
    around: tuple[Happened, ...] = ()
    device: str = ""
    remarks: tuple[str, ...] = ()
    start_ns: int = field(default=0, repr=False)

    def __bool__(self) -> bool:
        """Whether it followed."""
        return self.follows

    def __str__(self) -> str:
        """One line, or the difference with its neighbours."""
        lines = [self._head()]
        if not self:
            lines += [f"{word:>14}  {text}" for word, text in self._rows()]
        return "\n".join([*lines, *(f"  ({remark})" for remark in self.remarks)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = [f"<p>{'✓' if self else '✗'} <b>{html.escape(self._head())}</b></p>"]
        if not self:
            lines += ['<table style="text-align:left">']
            for word, text in self._rows():
                cell = "th" if word in ("promised", "seen") else "td"
                told = f'<{cell} style="text-align:left">{html.escape(text)}</{cell}>'
                lines.append(f'<tr><td style="text-align:right">{html.escape(word)}</td>{told}</tr>')
            lines.append("</table>")
        return "\n".join([*lines, *(f"<p><small>{html.escape(remark)}</small></p>" for remark in self.remarks)])

    def _head(self) -> str:
        what = f"{self.name}" + (f", device {self.device}" if self.device else "")
        if self:
            return f"follows {what}: {self.kept} packets and steps kept its arrows"
        return f"does not follow {what}: the first difference comes after {self.kept} kept arrows"

    def _rows(self) -> Iterator[tuple[str, str]]:
        """The difference in order: what was kept, promised, seen, and what happened around it."""
        for promise, event in self.before:
            yield "kept", f"{self.shown(event)}   (line {promise.line}: {promise.row})"
        yield "promised", str(self.promised) if self.promised else "nothing more: the diagram ends here"
        for other in self.others:
            yield "or", str(other)
        yield "seen", self.shown(self.seen) if self.seen else "nothing more: the recording ends here"
        for event in self.around:
            yield "before" if self.seen is None or event.place < self.seen.place else "then", self.shown(event)

    def shown(self, event: Happened) -> str:
        """One event in one line."""
        at = f"{(event.at_ns - self.start_ns) / 1e9:.3f} s, "
        if event.packet is None:
            return f"{at}{event.row} {event.kind or ''}".rstrip()
        odd = "" if event.was_asked else ": nobody asked"
        return f"{at}packet {event.packet.number}, {event.row}: {said(event.packet)[:100]}{odd}"
