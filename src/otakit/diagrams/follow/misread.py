"""What a label says to people and not to the checker: refused where it would count for nothing, or for never.

A topic that no packet can have would never be kept; a state misspelt, or an object without quotes, would be kept
by anything. Knows one promise, read; refuses to know how it is read (`promise`). Called by `grammar`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from otakit.diagrams.follow.promise import KEY, LISTED, NAME, TOPIC, WORDS, Promise, told
from otakit.diagrams.source import Line
from otakit.protocol.messages import TABLE, row_of_topic
from otakit.protocol.packets import PacketType

_OBJECT = re.compile(r"\{(?:[^{}]|\{[^{}]*\})*\}")
_CAPITALS = re.compile(r"\b[A-Z_]{6,}\b")
_STATES = frozenset({"fw_state", "sw_state"})
_SPEAK = frozenset({"Telemetry", "OtaError"})
ALIKE = 0.8


def check_label(promise: Promise, line: Line) -> None:
    """Refuses a label that cannot mean what it says.

    Args:
        promise: what was read of it.
        line: on which it stands.

    Raises:
        DiagramError: with the line and what to do.
    """
    if not promise.can_be_seen:
        return
    text = told(promise.label)
    if TABLE[promise.row].packet is PacketType.PUBLISH:
        _check_topics(promise, text, line)
    rest = TOPIC.sub(" ", text)
    for found in _OBJECT.findall(rest):
        if re.search(r"\w", found) and '"' not in found and (LISTED.search(found) or not NAME.fullmatch(found)):
            raise line.error(f'`{found[:40]}` is no JSON object; its keys stand in quotes, as {{"fw_state":"UPDATED"}}')
    for word in _words(promise, rest):
        near = difflib.get_close_matches(word.upper(), WORDS, n=1, cutoff=ALIKE)
        hint = f"is it {near[0]}?" if near else f"there are {', '.join(sorted(WORDS))}"
        raise line.error(f"`{word}` is nothing that device or server say; {hint}")


def _check_topics(promise: Promise, text: str, line: Line) -> None:
    for found in TOPIC.finditer(text):
        if text[found.end() :].startswith("/"):
            whole = text[found.start() :].split(maxsplit=1)[0]
            raise line.error(f"the topic `{whole[:60]}` cannot be read; write what differs in braces, as {{any id}}")
    for topic in promise.topics:
        if re.search(r"[+#]", topic.text):
            raise line.error(f"`{topic.text}` is a filter, a packet has a topic; write {{any id}} in place of + or #")
        if (name := next((one for one in _OBJECT.findall(topic.text) if not NAME.fullmatch(one)), None)) is not None:
            raise line.error(f"`{name}` is no name; take letters and digits, as {{id}}, or {{any id}}")
    rows = [row_of_topic(NAME.sub("1", topic.text), promise.way).name for topic in promise.topics]
    if rows and promise.row not in (*rows, "OtherPublish"):
        raise line.error(f"`{promise.topics[0].text}` is a topic of {rows[0]}, not of {promise.row}")


def _words(promise: Promise, rest: str) -> Iterator[str]:
    """What looks like a word in capitals and is none."""
    for name, value in KEY.findall(rest):
        if name in _STATES and value not in WORDS and (value.isupper() or value.upper() in WORDS):
            yield value
    if promise.row in _SPEAK:
        for word in _CAPITALS.findall(_OBJECT.sub(" ", rest)):
            if word not in WORDS and difflib.get_close_matches(word, WORDS, n=1, cutoff=ALIKE):
                yield word
