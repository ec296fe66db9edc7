"""A sequence diagram as a value: who takes part, what is drawn, and what no longer fits on a sheet.

Knows the limits of one drawing and how its source is put together; refuses to know packets. Made by
`sequence`, read by `plantuml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from otakit.diagrams import writing as w
from otakit.diagrams.labels import SERVER

MAX_ARROWS = 150
PAUSE_S = 1.0  # a silence of this length is drawn
HEAD = """skinparam shadowing false
skinparam sequenceMessageAlign left
skinparam maxMessageSize 560
skinparam noteBackgroundColor #FFF8E1
skinparam noteBorderColor #B0A070
skinparam sequenceGroupBackgroundColor #ECEFF4
skinparam participantBackgroundColor #E3ECF7
skinparam participantBorderColor #46617F"""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing drawn: an arrow, a loop of arrows, or a mark between them.

    Attributes:
        at_ns: when it happened.
        lines: its PlantUML.
        arrows: how many arrows these lines draw.
        until_ns: when it was over; 0 for what takes no time.
    """

    at_ns: int
    lines: tuple[str, ...]
    arrows: int = 0
    until_ns: int = 0


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence diagram of what happened.

    Attributes:
        title: what became of the updates.
        participants: alias and name, devices first.
        left_out: devices beyond the limit.
    """

    title: str
    participants: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    left_out: int = 0

    @property
    def source(self) -> str:
        """The diagram as PlantUML; it passes `labels.check_labels`."""
        lines = ["@startuml", f"title {w.shown(self.title)}", "", HEAD, ""]
        lines += [f'participant "{w.shown(name)}" as {alias} order {10 * number}'
                  for number, (alias, name) in enumerate(self.participants, 1)]  # fmt: skip
        if self.left_out:
            lines.append(w.note(SERVER, f"{w.count(self.left_out, 'more device')} not drawn"))
        lines += ["", *(line for step in _paused(_capped(self.steps)) for line in step.lines), "@enduml", ""]
        return "\n".join(lines)


def _capped(steps: tuple[Step, ...]) -> Iterator[Step]:
    """All steps, or the beginning and the end with the count of what stands between."""
    arrows = sum(step.arrows for step in steps)
    if arrows <= MAX_ARROWS:
        yield from steps
        return
    spent, kept_first = 0, 0
    while spent < MAX_ARROWS * 2 // 3:
        spent += steps[kept_first].arrows
        kept_first += 1
    kept_last = len(steps)
    while spent < MAX_ARROWS and kept_last > kept_first:
        kept_last -= 1
        spent += steps[kept_last].arrows
    between = steps[kept_first:kept_last]
    yield from steps[:kept_first]
    if between:
        text = f"{w.count(sum(step.arrows for step in between), 'message')} not drawn"
        yield Step(between[0].at_ns, (w.delay(text),))
    yield from steps[kept_last:]


def _paused(steps: Iterable[Step]) -> Iterator[Step]:
    """The same steps, with a mark where nothing happened for a while."""
    before: Step | None = None
    for step in steps:
        silence = (step.at_ns - max(before.at_ns, before.until_ns)) / 1e9 if before is not None else 0.0
        if silence >= PAUSE_S:
            yield Step(step.at_ns, (w.delay(w.duration(silence)),))
        yield step
        before = step
