"""A sequence diagram's text → the tree of its promises.

Knows PlantUML's fragments (``alt``, ``opt``, ``loop``, ``par``, ``break``, ``critical``, ``group``) and what their
labels may say: how often, how many at a time, *at any time*. Refuses to know what an arrow means (`promise`) and
what happened (`walk`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from otakit.diagrams.balance import check_balance
from otakit.diagrams.follow import growing as g
from otakit.diagrams.follow import tree as t
from otakit.diagrams.follow.misread import check_label
from otakit.diagrams.follow.promise import Name, Promise, promise_of
from otakit.diagrams.follow.refused import check_page, check_statement
from otakit.diagrams.labels import arrow_of
from otakit.diagrams.source import Line, Page, joined, pages, statements
from otakit.errors import DiagramError

_FRAGMENT = re.compile(r"(alt|opt|loop|par2?|break|critical|group)\b(.*)", re.IGNORECASE)
_ELSE = re.compile(r"(else|also)\b", re.IGNORECASE)
_END = re.compile(r"end(\s+(alt|opt|loop|par2?|break|critical|group))?\s*$", re.IGNORECASE)
_OVERLAP = re.compile(r"(?:at most\s+(\d+)\s+)?(?:unanswered|in flight)", re.IGNORECASE)
_TIMES = re.compile(r"(at most\s+|at least\s+)?(\d+)\s+times?\b", re.IGNORECASE)
_IF_ANY = re.compile(r"\bif any\b", re.IGNORECASE)
_ANY_TIME = re.compile(r"\b(?:at any|any) time\b", re.IGNORECASE)
_CONNECTION = re.compile(r"\bconnection\b", re.IGNORECASE)
_NEWPAGE = re.compile(r"newpage\b")
DEEPEST = 100


def grammar_of(lines: list[Line]) -> t.Node:
    """The promise of a diagram.

    Args:
        lines: of its source, includes resolved.

    Raises:
        DiagramError: no diagram, more than one, an unclosed group, an arrow that cannot be read; with the line.
    """
    found = pages(joined(lines))
    if (cut := next((line for line in lines if _NEWPAGE.match(line.text.strip())), None)) and len(found) > 1:
        raise cut.error("`newpage` begins another picture, and one can be followed; take it out, or make it `== … ==`")
    if len(found) != 1 or found[0].kind != "uml":
        kinds = ", ".join(sorted({page.kind for page in found}))
        raise DiagramError(
            f"one sequence diagram can be followed, this text has {len(found)} pictures ({kinds}); cut it"
        )
    page = found[0]
    check_page(page)
    check_balance(page, "sequence")
    reader = _Reader(page)
    node = reader.whole()
    if not reader.steps:
        raise page.lines[0].error("the diagram has no arrow that a recording could follow")
    return g.changed(node, lambda promise: promise.owned(reader.owners[promise.nth]))


@dataclass(slots=True)
class _Parts:
    """The parts of one fragment while they are read.

    Attributes:
        early: what may come at any time, also before its first arrow: drawn above it.
        late: what may come at any time once it has begun.
        cuts: for each break without an arrow, whether it is the connection's end.
    """

    ordered: list[t.Node] = field(default_factory=list)
    early: list[t.Node] = field(default_factory=list)
    late: list[t.Node] = field(default_factory=list)
    breaks: list[t.Node] = field(default_factory=list)
    cuts: list[bool] = field(default_factory=list)
    has_begun: bool = False

    def body(self) -> t.Node:
        """What happens in order."""
        return g.ordered(tuple(_subscribed_together(self.ordered)))

    def node(self) -> t.Node:
        """All of it."""
        by_connection, cut = any(self.cuts), not all(self.cuts)
        around = t.Around(tuple(self.early), tuple(self.late), tuple(self.breaks), by_connection, cut)
        return g.beside(self.body(), around)


@dataclass(slots=True)
class _OpenLoop:
    """A loop while it is read.

    Attributes:
        names: one-letter names that stand directly in it.
    """

    number: int
    names: set[str] = field(default_factory=set)


class _Reader:
    """Reads the lines of a page once.

    Attributes:
        owners: for each arrow, one-letter name to the number of the loop whose passes have it for themselves.
    """

    def __init__(self, page: Page) -> None:
        self._lines = list(statements(page.lines))
        self._at = 0
        self._loops: list[_OpenLoop] = []
        self._numbers = 0
        self.steps = 0
        self.owners: list[dict[str, int]] = []

    def whole(self) -> t.Node:
        """All of the page."""
        node = self.fragment_body()
        if self._at < len(self._lines):
            raise self._lines[self._at].error("`else` stands in no fragment; open an alt or a par before it")
        return node

    def fragment_body(self, depth: int = 0) -> t.Node:
        """Parts until the fragment that they stand in ends, or its next branch begins."""
        parts = _Parts()
        self._read(parts, depth)
        return parts.node()

    def _read(self, parts: _Parts, depth: int) -> None:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            text = line.text.strip()
            if (arrow := arrow_of(line)) is not None:
                promise = promise_of(arrow, self.steps)
                check_label(promise, line)
                parts.ordered.append(self._step(promise))
                parts.has_begun = True
            elif _END.match(text) or _ELSE.match(text):
                break
            elif (opens := _FRAGMENT.match(text)) is not None:
                if depth > DEEPEST:
                    raise line.error(f"nested deeper than {DEEPEST} fragments; make it flatter")
                self._at += 1
                self._fragment(opens[1].lower(), opens[2], line, parts, depth + 1)
                continue
            else:
                check_statement(line)
            self._at += 1

    def _step(self, promise: Promise) -> t.Node:
        """Names of one letter belong to the outermost loop around it that uses them directly."""
        self.steps += 1
        own: dict[str, int] = {}
        for name in promise.names:
            if len(name.text) == 1 and self._loops:
                home = next((one for one in self._loops if name.text in one.names), self._loops[-1])
                home.names.add(name.text)
                own[name.text] = home.number
        self.owners.append(own)
        step = t.Step(promise)
        return g.choice((step, t.NOTHING)) if promise.row == "Disconnect" else step  # a connection may be lost instead

    def _fragment(self, word: str, label: str, line: Line, parts: _Parts, depth: int) -> None:
        any_time = _ANY_TIME.search(label) is not None
        if word == "loop":
            node = self._loop(label, line, depth, any_time=any_time)
        else:
            branches = self._branches(depth)
            if len(branches) > 1 and word not in ("alt", "par", "par2"):
                raise line.error(f"`{word}` has no branches; `else` belongs to alt and par")
            node = _of_branches(word, branches)
        if word == "break":
            self._break(node, label, parts, depth, any_time=any_time)
        elif any_time:
            lane = g.choice((node, t.NOTHING)) if word != "loop" else node
            (parts.late if parts.has_begun else parts.early).append(lane)
        else:
            parts.ordered.append(node)
            parts.has_begun = True

    def _break(self, instead: t.Node, label: str, parts: _Parts, depth: int, *, any_time: bool) -> None:
        """Its body in place of all that follows in the fragment around it, or of all that is left of that."""
        if not any_time:  # what may come at any time belongs to the whole fragment, wherever it is drawn
            rest = _Parts([], parts.early, parts.late, parts.breaks, parts.cuts, has_begun=True)
            self._read(rest, depth)
            parts.ordered.append(g.choice((instead, rest.body()), is_break=True))
        elif instead is t.NOTHING:
            parts.cuts.append(_CONNECTION.search(label) is not None)
        else:
            parts.breaks.append(instead)

    def _loop(self, label: str, line: Line, depth: int, *, any_time: bool) -> t.Node:
        self._numbers += 1
        mine = _OpenLoop(self._numbers)
        self._loops.append(mine)
        branches = self._branches(depth)
        self._loops.pop()
        if len(branches) > 1:
            raise line.error("`loop` has no branches; `else` belongs to alt and par")
        overlap = _OVERLAP.search(label)
        low, high = _times(_OVERLAP.sub(" ", label))
        if high == 0 or (overlap and overlap[1] and int(overlap[1]) == 0):
            raise line.error("a loop that never runs promises nothing; write a number above 0, or take the loop out")
        names = frozenset(Name(name, loop=mine.number).own for name in mine.names)
        return g.loop(
            mine.number,
            branches[0],
            0 if any_time else low,
            high,
            int(overlap[1] or t.MANY) if overlap else 1,
            names,
            renews=any_time,
        )

    def _branches(self, depth: int) -> list[t.Node]:
        branches = [self.fragment_body(depth)]
        while self._at < len(self._lines) and _ELSE.match(self._lines[self._at].text.strip()):
            self._at += 1
            branches.append(self.fragment_body(depth))
        self._at += 1  # its end
        return branches


def _of_branches(word: str, branches: list[t.Node]) -> t.Node:
    match word:
        case "alt":
            return g.choice(tuple(branches))
        case "par" | "par2":
            return g.lanes(tuple(branches))
        case "opt":
            return g.choice((branches[0], t.NOTHING))
        case "critical":
            return g.critical(branches[0])
    return branches[0]


def _times(label: str) -> tuple[int, int]:
    """How often: once or more, unless the label says ``if any``, ``4 times``, ``at most 4`` or ``at least 4 times``."""
    found = _TIMES.search(label)
    if found is None:
        return 0 if _IF_ANY.search(label) else 1, t.MANY
    word, number = (found[1] or "").strip().lower(), int(found[2])
    return {"": (number, number), "at most": (0, number), "at least": (number, t.MANY)}[word]


def _subscribed_together(parts: list[t.Node]) -> list[t.Node]:
    """Two SUBSCRIBEs right behind each other are one with the filters of both: a device may send either."""
    result: list[t.Node] = []
    for part in parts:
        last = [one.promise.row if isinstance(one, t.Step) else "" for one in result[-2:]]
        row = part.promise.row if isinstance(part, t.Step) else ""
        if row == "Subscribe" and last == ["Subscribe", "SubAck"]:
            first = result[-2]
            assert isinstance(first, t.Step)
            assert isinstance(part, t.Step)
            result[-2:] = [t.Step(first.promise.joined(part.promise))]
        else:
            result.append(part)
    return result
