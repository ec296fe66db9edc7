"""Does what happened follow what was drawn: the events, the tree and the walk put together.

Knows which events a diagram speaks of, and which arrow to name where they part. Pure; `diagrams.held` gives it
files and names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from otakit.captured import Entry
from otakit.diagrams.follow import growing as g
from otakit.diagrams.follow import tree as t
from otakit.diagrams.follow.astray import is_astray, resembles
from otakit.diagrams.follow.grammar import grammar_of
from otakit.diagrams.follow.happened import Happened, happened, holds_inner_steps
from otakit.diagrams.follow.keeping import answers, concerns, question_is_drawn
from otakit.diagrams.follow.left import Next
from otakit.diagrams.follow.promise import Promise
from otakit.diagrams.follow.verdict import NEIGHBOURS, OTHERS, Verdict
from otakit.diagrams.follow.walk import Walk
from otakit.diagrams.source import Line, cleaned
from otakit.errors import DiagramError
from otakit.exchange import Exchanges
from otakit.protocol.messages import Direction


def follows(
    story: Exchanges | Iterable[Entry], source: str | list[Line], name: str = "the diagram", *, cut: str | None = None
) -> Verdict:
    """Holds what happened against a diagram.

    Args:
        story: exchanges, or captured packets and notes.
        source: PlantUML text whose arrows begin with rows of the message table, or its lines, includes resolved.
        name: of the diagram, for the answer's words.
        cut: what the recording lacks at its end.

    Raises:
        DiagramError: the diagram cannot be followed; with the line.
    """
    if not isinstance(story, Exchanges):
        entries, story = story, Exchanges()
        for entry in entries:
            story.feed(entry)
    lines = cleaned(source)[0] if isinstance(source, str) else source
    whole = grammar_of(lines)
    has_inner = holds_inner_steps(story)
    node = g.changed(
        _of_one_kind(whole), lambda promise: promise if _is_visible(promise, has_inner=has_inner) else None
    )
    remarks = _remarks(whole, has_inner=has_inner)
    if node is t.NOTHING:
        raise DiagramError("no arrow of the diagram can be in this recording; " + "; ".join(remarks))
    text = source if isinstance(source, str) else "\n".join(line.text for line in source)
    blank = Verdict(name, text, remarks=remarks, start_ns=story.start_ns)
    all_events, lost, unanswered = happened(story)
    blank = replace(blank, remarks=(*remarks, *_not_counted(story, unanswered)))
    verdicts = [
        _held(node, events, replace(blank, device=device), lost, cut) for device, events in _by_device(node, all_events)
    ]
    return _together(verdicts)


def _not_counted(story: Exchanges, unanswered: int) -> Iterator[str]:
    if unanswered:
        told = f"{unanswered} question{'s' * (unanswered > 1)} that a lost connection left without an answer"
        yield f"passed over: {told}"
    if unread := sum(packet.message is None for packet in story.packets):
        yield f"passed over: {unread} packet{'s' * (unread > 1)} that cannot be decoded"


def _together(verdicts: list[Verdict]) -> Verdict:
    """Of all devices: the first that does not follow, since a verdict is true only where all do."""
    first, kept = verdicts[0], sum(one.kept for one in verdicts)
    if len(verdicts) == 1:
        return first
    for one in verdicts:
        if not one.follows:
            return one
    return replace(first, kept=kept, device="", remarks=(*first.remarks, f"each of {len(verdicts)} devices by itself"))


def _of_one_kind(node: t.Node) -> t.Node:
    """A diagram that speaks of firmware only means the firmware wherever it does not say."""
    kinds = {promise.kind for promise in t.promises(node)} - {None}
    if len(kinds) != 1:
        return node
    (kind,) = kinds
    return g.changed(node, lambda promise: promise if promise.kind else replace(promise, kind=kind))


def _is_visible(promise: Promise, *, has_inner: bool) -> bool:
    return promise.can_be_seen and (has_inner or promise.way is not Direction.WITHIN_DEVICE)


def _remarks(node: t.Node, *, has_inner: bool) -> tuple[str, ...]:
    """What the recording cannot hold, in words."""
    hidden = {promise.way for promise in t.promises(node) if not _is_visible(promise, has_inner=has_inner)}
    told = []
    if hidden & {Direction.OPERATOR_TO_SERVER, Direction.SERVER_TO_OPERATOR, Direction.WITHIN_SERVER}:
        told.append("what the operator does and what the server does inside is not on this wire")
    if not has_inner and Direction.WITHIN_DEVICE in hidden:
        told.append("the steps within the device are not in a recording of a foreign client")
    return tuple(f"passed over: {text}" for text in told)


def _by_device(node: t.Node, events: list[Happened]) -> list[tuple[str, list[Happened]]]:
    """The events of each device by itself, where the diagram draws one device only."""
    devices = list(dict.fromkeys(event.device for event in events if event.packet is not None))
    drawn = {promise.device for promise in t.promises(node)} - {""}
    if len(drawn) > 1 or len(devices) < 2:
        return [("", events)]
    return [(device, [event for event in events if event.device == device]) for device in devices]


def _held(node: t.Node, events: list[Happened], blank: Verdict, lost: frozenset[int], cut: str | None) -> Verdict:
    spoken_of = _concerned(list(t.promises(node)), events)
    walk = Walk(node, NEIGHBOURS)
    for event in spoken_of:
        if not walk.hears(event):
            return _Difference(walk, events, blank).at(event)
    ends: tuple[str, ...] = () if cut is None else (f"the recording is {cut}",)
    last = next((event.connection for event in reversed(events) if event.packet is not None), -1)
    if walk.is_done(is_lost=last in lost):
        return replace(blank, kept=walk.trail.kept, remarks=(*blank.remarks, *ends))
    verdict = _Difference(walk, events, blank).at(None)
    if not spoken_of:
        ends = ("nothing that the diagram speaks of is in the recording", *ends)
    elif cut is not None:
        ends = (f"so far it follows; {ends[0]}",)
    return replace(verdict, remarks=(*verdict.remarks, *ends))


def _concerned(promises: list[Promise], events: list[Happened]) -> list[Happened]:
    """What the diagram speaks of: of answers, those to its own questions."""
    by_row: dict[str, list[Promise]] = {}
    for promise in promises:
        by_row.setdefault(promise.row, []).append(promise)
    drawn = frozenset(by_row)
    found, asked = [], set()
    for event in events:
        arrows = by_row.get(event.row)
        if event.is_question and _is_astray(promises, event):
            found.append(event)
        elif arrows is None:
            if event.is_question and not answers(event.row):
                continue
        elif answers(event.row) and not event.is_question and question_is_drawn(event.row, drawn):
            if event.thread in asked:
                found.append(event)
        elif any(concerns(arrow, event) for arrow in arrows):
            found.append(_in_part(event, arrows) if event.row == "Subscribe" else event)
            if event.is_question:
                asked.add(event.thread)
    return found


def _is_astray(promises: list[Promise], event: Happened) -> bool:
    """Whether it can only be one of the arrows gone wrong."""
    return not any(concerns(one, event) for one in promises) and any(is_astray(one, event) for one in promises)


def _in_part(event: Happened, arrows: list[Promise]) -> Happened:
    """A SUBSCRIBE with some of an arrow's filters: the one with the last of them keeps it."""
    is_whole = any({topic.text for topic in arrow.topics} <= event.filters for arrow in arrows)
    return event if is_whole else replace(event, may_be_left_out=True)


@dataclass(frozen=True, slots=True)
class _Difference:
    """Where the walk cannot go on."""

    walk: Walk
    events: Sequence[Happened]
    blank: Verdict

    def at(self, event: Happened | None) -> Verdict:
        """The verdict, with the arrow that was most likely meant."""
        trail = self.walk.trail

        def rank(arrow: Next) -> tuple[int, int]:
            return _rank(arrow, event)

        by_state = [(far, sorted(arrows, key=rank)) for far, arrows in self.walk.next_arrows() if arrows]
        # of several readings the one that came furthest; in it, the first arrow that stands in the way
        first = sorted(by_state, key=lambda pair: (-pair[0], rank(pair[1][0])[0], -pair[1][0].promise.nth))
        chosen = first[0][1][0].promise if first else None
        others = [one.promise for one in sorted((one for _, arrows in by_state for one in arrows), key=rank)]
        others = [promise for promise in others if promise is not chosen]
        seen = self._nearest(chosen, event, trail.newest[-1][1] if trail.newest else None)
        return replace(
            self.blank,
            follows=False,
            kept=trail.kept,
            promised=chosen,
            seen=seen,
            others=tuple(dict.fromkeys(others))[:OTHERS],
            before=trail.newest,
            around=tuple(self._around(seen)),
            remarks=(*self.blank.remarks, *_on_names(chosen, event)),
        )

    def _nearest(self, promised: Promise | None, event: Happened | None, last: Happened | None) -> Happened | None:
        """What came in the arrow's place: what the diagram did not know at all, if it resembles the arrow."""
        if promised is None or (event is not None and event.row == promised.row):
            return event
        for one in self.events:
            if (last is None or one.place > last.place) and (event is None or one.place < event.place):
                alike = one.way is promised.way and (one.row == "OtherPublish" or resembles(promised, one))
                if (
                    alike
                    and (one.row == "Subscribe" or not one.may_be_left_out)
                    and (promised.kind is None or one.kind in (None, promised.kind))
                ):
                    return one
        return event

    def _around(self, seen: Happened | None) -> list[Happened]:
        if seen is None:
            return list(self.events[-NEIGHBOURS:])
        at = next(place for place, event in enumerate(self.events) if event is seen)
        return [*self.events[max(0, at - NEIGHBOURS) : at], *self.events[at + 1 : at + 1 + NEIGHBOURS]]


def _on_names(chosen: Promise | None, event: Happened | None) -> Iterator[str]:
    """Where only what a name stands for can be wrong, what names stand for."""
    if chosen is None or event is None or not concerns(chosen, event):
        return
    if kept := dict.fromkeys(f"{{{name.text}}}" for name in chosen.names if len(name.text) > 1 and not name.how):
        yield f"{', '.join(kept)}: kept as it was; one letter is another in each pass of its loop, {{any …}} is any"


def _rank(arrow: Next, event: Happened | None) -> tuple[int, int]:
    """The arrow gone wrong first; of the same row; in the way before beside it; those that must come."""
    alike = event is not None and arrow.promise.row == event.row
    if (
        event is not None
        and event.is_question
        and not concerns(arrow.promise, event)
        and is_astray(arrow.promise, event)
    ):
        return (-9, arrow.promise.nth)
    return (2 * arrow.is_beside - 3 * (alike and not arrow.is_beside) - arrow.has_to, arrow.promise.nth)
