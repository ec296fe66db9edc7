"""Whether an event keeps an arrow's promise: row, direction, topic, keys, words, codes and names.

Knows one arrow and one event; refuses to know what came before, except the names bound so far and the
questions that are open (`Here`). Called by `walk` for each step, and to tell what a diagram speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from otakit.diagrams.follow.happened import Happened
from otakit.diagrams.follow.promise import ANY, NEW, NUMBERED, SCOPES, Name, Promise, Topic
from otakit.exchange.question import ACKNOWLEDGEMENTS, QUESTION_OF, refuses
from otakit.protocol import messages as m

Bound = Mapping[str, object]
Updates = tuple[tuple[str, object], ...]
_PREFIXES = {"firmware": "fw_", "software": "sw_", None: ""}
"""``{}``: no attribute of the kind that the diagram is about; none at all where it is about none."""
NO_UPDATES: Updates = ()
_DIGITS = "0123456789"
_HAD = "numbers "


Values = tuple[tuple[Name, object], ...]


@dataclass(slots=True)
class Here:
    """What a step may know beside its event.

    Attributes:
        event: what happened.
        bound: what names and devices stand for.
        is_open: for an answer, whether its question kept an arrow and may still be answered.
        questions: thread to the arrow that its question kept.
        drawn: rows that the diagram draws.
        read: arrow to what `values` found: one event meets the same arrow in many passes.
    """

    event: Happened
    bound: Bound
    is_open: bool
    questions: Mapping[int, Promise]
    drawn: frozenset[str]
    read: dict[Promise, Values | None]

    def within(self, bound: Bound) -> Here:
        """The same within one pass of a loop."""
        return Here(self.event, bound, self.is_open, self.questions, self.drawn, self.read)


def answers(row: str) -> bool:
    """Whether packets of this row answer something."""
    return row in QUESTION_OF or row in ACKNOWLEDGEMENTS


def concerns(promise: Promise, event: Happened) -> bool:
    """Whether the event is one that the arrow speaks of, whatever its numbers and codes are."""
    if event.row != promise.row or event.way is not promise.way:
        return False
    if promise.kind and event.kind and promise.kind != event.kind:
        return False
    if event.packet is None:
        return True
    if event.row == "Subscribe":
        return not promise.topics or any(topic.text in event.own_filters for topic in promise.topics)
    if not event.was_asked:
        return True
    return _has_topic(promise, event) and _hascontent(promise, event)


def keeps(promise: Promise, here: Here) -> Updates | None:
    """What the event binds where it keeps the promise; None where it does not."""
    found = values(promise, here)
    if found is None:
        return None
    updates = _device(promise, here)
    return updates if updates is None or not found else _bound(found, here, updates)


def values(promise: Promise, here: Here) -> Values | None:
    """What the arrow's names stand for in this event; None where it breaks the promise, whatever they stand for."""
    if promise not in here.read:
        here.read[promise] = _values(promise, here)
    return here.read[promise]


def _values(promise: Promise, here: Here) -> Values | None:
    event = here.event
    if event.row != promise.row or not event.was_asked or not concerns(promise, event):
        return None
    if event.packet is None:
        return ()
    if answers(event.row):
        is_meant = here.is_open or event.is_question or not question_is_drawn(event.row, here.drawn)
        return () if is_meant and _has_code(promise, here) else None
    if event.row == "Subscribe":
        return () if all(topic.text in event.filters for topic in promise.topics) else None
    return _named(promise, event) if _has_code(promise, here) else None


def _device(promise: Promise, here: Here) -> Updates | None:
    """An alias is one device; another alias another one."""
    if not promise.device:
        return NO_UPDATES
    key = f"device {promise.device}"
    known = here.bound.get(key)
    if known is not None:
        return NO_UPDATES if known == here.event.device else None
    taken = any(name.startswith("device ") and device == here.event.device for name, device in here.bound.items())
    return None if taken else ((key, here.event.device),)


def question_is_drawn(row: str, drawn: frozenset[str]) -> bool:
    """Whether a diagram draws what packets of this row answer."""
    return row in ACKNOWLEDGEMENTS or QUESTION_OF.get(row) in drawn


def _has_topic(promise: Promise, event: Happened) -> bool:
    packet = event.packet
    assert packet is not None
    if not promise.topics or not packet.topic:
        return True
    return any(topic.pattern.fullmatch(packet.topic) for topic in promise.topics)


def _hascontent(promise: Promise, event: Happened) -> bool:
    packet = event.packet
    assert packet is not None
    if event.row == "ChunkResponse":
        return event.length in promise.lengths
    if promise.is_another and promise.kind not in event.news:
        return False
    if promise.is_empty is not False:
        is_empty = not any(name.startswith(_PREFIXES[promise.kind]) for name in content(event, promise))
        if promise.is_empty or is_empty:
            return is_empty
    if promise.words and not promise.words & set(re.findall(r"[A-Z_]+", packet.text or "")):
        return False
    if not (promise.keys or promise.deleted or promise.without):
        return True
    there = content(event, promise)
    deleted = there.get("deleted")
    return (
        all(key.name in there and (not key.word or there[key.name] == key.word) for key in promise.keys)
        and all(isinstance(deleted, list) and name in deleted for name in promise.deleted)
        and not any(name in there for name in promise.without)
    )


def content(event: Happened, promise: Promise) -> Mapping[str, object]:
    """Keys and values of what is said; of a request, the keys that it asks for."""
    scopes = promise.scopes
    says = event.packet.says if event.packet is not None else None
    match says:
        case m.Telemetry():
            return says.values
        case m.AttributesRequest():
            return dict.fromkeys(name for scope in scopes for name in getattr(says, scope))
        case m.AttributesResponse() | m.AttributesUpdate() | m.AttributesPublish() | m.RpcRequest() | m.RpcResponse():
            return dict(_flat(says.body, scopes))
    return {}


def _flat(body: object, scopes: frozenset[str]) -> Iterator[tuple[str, object]]:
    if isinstance(body, dict):
        for name, value in body.items():
            if name in SCOPES and isinstance(value, dict):
                if name in scopes:
                    yield from value.items()
            else:
                yield name, value


def _has_code(promise: Promise, here: Here) -> bool:
    """Without a code in its label an answer says yes."""
    event, packet = here.event, here.event.packet
    assert packet is not None
    if event.row in ("SubAck", "UnsubAck"):
        says_no = _refused_filters(here)
        return says_no if promise.codes or promise.is_refusal else not says_no
    code = getattr(packet.says, "reason_code", None)
    if code is None:
        return True
    if promise.codes:
        return code in promise.codes
    return refuses(packet) if promise.is_refusal else not refuses(packet)


def _refused_filters(here: Here) -> bool:
    """Whether one of the filters that the question's arrow names was not granted."""
    question = here.questions.get(here.event.thread)
    named = [topic.text for topic in question.topics] if question is not None else []
    codes = here.event.codes
    return any(codes.get(name, 0) >= 0x80 for name in (named or codes))


def _named(promise: Promise, event: Happened) -> Values:
    packet = event.packet
    assert packet is not None
    found: list[tuple[Name, object]] = [
        (name, int(text)) for name, text in _in_topic(promise.topics, packet.topic or "")
    ]
    named = [(key.name, key.stands_for) for key in promise.keys if key.stands_for is not None]
    if named:
        there = content(event, promise)
        found += [(name, str(there[key])) for key, name in named]
    return tuple(pair for pair in found if pair[0].how != ANY)


def _in_topic(topics: tuple[Topic, ...], text: str) -> Iterator[tuple[Name, str]]:
    for topic in topics:
        if topic.names and (found := topic.pattern.fullmatch(text)) is not None:
            yield from zip(topic.names, found.groups(), strict=True)
            return


def _bound(found: Values, here: Here, before: Updates) -> Updates | None:
    """Binds the names, or compares them with what they stand for."""
    updates: dict[str, object] = {}
    for name, value in found:
        if not _fits(name, value, here, updates):
            return None
    return before + tuple(updates.items())


def _fits(name: Name, value: object, here: Here, updates: dict[str, object]) -> bool:
    if name.loop:
        return _is_same(name.own, value, here, updates)
    if isinstance(value, str):
        others = {other for key, other in here.bound.items() if _is_sibling(key, "name ", name.text)}
        return _is_same(f"name {name.text}", value, here, updates) and value not in others
    return _fits_number(name, value, here, updates)


def _fits_number(name: Name, value: object, here: Here, updates: dict[str, object]) -> bool:
    """Ids count for their connection: ThingsBoard ties them to it, and a new one knows none."""
    on = here.event.connection
    known = _on(here.bound.get(f"number {name.text}"), on)
    so_far = _had(here, name.text, on)
    if NUMBERED.fullmatch(name.text):
        siblings = [key[len(_HAD) :] for key in here.bound if _is_sibling(key, _HAD, name.text)]
        if any(value in _had(here, other, on) for other in siblings):
            return False
    elif (value in so_far) if name.how == NEW else known not in (None, value):
        return False
    if known != value or value not in so_far:
        updates[f"number {name.text}"], updates[_HAD + name.text] = (on, value), (on, so_far | {value})
    return True


def _had(here: Here, text: str, connection: int) -> frozenset[object]:
    """All that a name stood for on this connection."""
    had = _on(here.bound.get(_HAD + text), connection)
    return had if isinstance(had, frozenset) else frozenset()


def _on(pair: object, connection: int) -> object:
    """What stands for a name on this connection."""
    return pair[1] if isinstance(pair, tuple) and pair[0] == connection else None


def _is_same(key: str, value: object, here: Here, updates: dict[str, object]) -> bool:
    if key in here.bound:
        return here.bound[key] == value
    updates[key] = value
    return True


def _is_sibling(key: str, what: str, text: str) -> bool:
    """Whether a key is that of a name which differs from this one in its number only."""
    if not (key.startswith(what) and NUMBERED.fullmatch(text) and key != what + text):
        return False
    other = key[len(what) :]
    return NUMBERED.fullmatch(other) is not None and other.rstrip(_DIGITS) == text.rstrip(_DIGITS)
