"""What one arrow promises: a row of the message table, and what its label says that can be held against a packet.

Of a label count the row's name, topics and filters, the keys of a JSON object, words in capitals, a code at its
beginning, ``{}``, ``0 bytes``, ``without`` a key, and ``{names}``; the rest is prose for people. Refuses to know
packets (`keeping`). `docs/labelling.md` has the rules on half a page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from otakit.diagrams.follow.threads import ANOTHER, EMPTY, WHOLE
from otakit.diagrams.labels import WAYS, Arrow, check_arrow, plain_label, voice_of
from otakit.protocol.messages import Direction

WORDS = frozenset({
    "QUEUED", "INITIATED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED", "FAILED",
    "NOT_FOUND", "FAILURE", "UNKNOWN", "PAYLOAD_TOO_LARGE",
})  # fmt: skip
"""What ThingsBoard and devices say in capitals: `OtaPackageUpdateStatus` and the words on ``v2/fw/error``."""
SEEN = frozenset({Direction.TO_SERVER, Direction.TO_DEVICE, Direction.WITHIN_DEVICE})
"""What an operator does and what a server does inside is on no wire of a device."""
NEVER_NOTED = frozenset({"Write"})
LENGTHS = (WHOLE, ANOTHER, EMPTY)
CODED = frozenset({"ConnAck", "SubAck", "UnsubAck", "PubAck", "PubRec", "PubRel", "PubComp", "Disconnect"})
SCOPES = frozenset({"shared", "client"})
NUMBERED = re.compile(r"[A-Za-z]\w*?\d+")
"""Names that differ in their number only, as F1 and F2, stand for different things."""

TOPIC = re.compile(r"\bv[12](?:/(?:\{[^{}]*\}|\+|[\w-]+|#))+")
NEW, ANY = "new ", "any "
NAME = re.compile(r"\{(new |any )?([A-Za-z]\w*)\}")
_DELETED = re.compile(r'"deleted"\s*:\s*\[([^\]]*)\]')
KEY = re.compile(r'"(\w+)"\s*:\s*(?:"([^"]*)")?')
LISTED = re.compile(r"\b(?:current_)?(?:fw|sw)_\w+")
_WITHOUT = re.compile(r"\bwithout ((?:\w+(?:, | and | or )?)+)")
_CODE = re.compile(r"\b(0x[0-9A-Fa-f]{1,2}|\d{1,3})\b")
_NO_CODE = re.compile(r"MQTT \d(?:\.\d)*|\b(?!0x)[\w.-]*[a-z][\w.-]*\d\S*")
_WRAPPERS = frozenset({"shared", "client", "ts", "values", "sharedKeys", "clientKeys", "params"})


@dataclass(frozen=True, slots=True)
class Name:
    """A ``{name}``.

    Attributes:
        text: one letter is new in each pass of its loop; a longer one keeps what it stands for.
        how: ``new `` for one that this connection has not had, ``any `` for one that is not looked at.
        loop: number of the loop whose passes have it for themselves; 0 for none.
    """

    text: str
    how: str = ""
    loop: int = 0

    @property
    def own(self) -> str:
        """What it is called among all names of a diagram."""
        return f"{self.text} of loop {self.loop}"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a JSON object, and what is promised of its value: a word, a name, or nothing."""

    name: str
    word: str = ""
    stands_for: Name | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic or a filter, and the names in it."""

    text: str
    pattern: re.Pattern[str]
    names: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Promise:
    """One arrow, read.

    Attributes:
        row: the row of the message table.
        nth: its place among the diagram's arrows, from 0.
        line: number of its line; in `file` where that is not empty.
        label: the whole label, for people.
        device: alias of the device at one of its ends.
        deleted: keys that it promises to be deleted.
        without: keys that are not there.
        words: words in capitals outside a JSON object, one of which is said.
        codes: one of these, if any.
        is_empty: no attribute of this kind; None where that may be, too.
        lengths: of a chunk, each that may be.
        is_another: it offers another package than before.
        is_refusal: the answer says no.
        scopes: whose attributes its keys are, ``shared`` or ``client``.
    """

    row: str
    way: Direction
    nth: int
    line: int
    file: str
    label: str
    device: str = ""
    kind: str | None = None
    topics: tuple[Topic, ...] = ()
    keys: tuple[Key, ...] = ()
    deleted: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    codes: frozenset[int] = frozenset()
    is_empty: bool | None = False
    lengths: frozenset[str] = frozenset()
    is_another: bool = False
    is_refusal: bool = False
    scopes: frozenset[str] = SCOPES

    @property
    def can_be_seen(self) -> bool:
        """Whether any recording could hold it."""
        return self.way in SEEN and self.row not in NEVER_NOTED

    @property
    def names(self) -> tuple[Name, ...]:
        """All names of its topics and values."""
        of_values = (key.stands_for for key in self.keys if key.stands_for is not None)
        return (*(name for topic in self.topics for name in topic.names), *of_values)

    def joined(self, other: Promise) -> Promise:
        """One SUBSCRIBE with the filters of both."""
        return replace(self, topics=self.topics + other.topics)

    def owned(self, owners: dict[str, int]) -> Promise:
        """The same, its names given to the loops that have them for themselves."""

        def own(name: Name) -> Name:
            return replace(name, loop=owners.get(name.text, 0))

        topics = tuple(replace(topic, names=tuple(map(own, topic.names))) for topic in self.topics)
        keys = tuple(replace(key, stands_for=key.stands_for and own(key.stands_for)) for key in self.keys)
        return replace(self, topics=topics, keys=keys)

    def __str__(self) -> str:
        """Its line and its label."""
        where = f"line {self.line}" + (f" of {self.file}" if self.file else "")
        return f"{where}: {self.label}"


def promise_of(arrow: Arrow, nth: int) -> Promise:
    """What an arrow promises.

    Args:
        arrow: of a diagram.
        nth: its place among the diagram's arrows.

    Raises:
        DiagramError: the checker cannot read it; with the line and what to do.
    """
    row = check_arrow(arrow)
    if arrow.both:
        raise arrow.line.error("an arrow with two heads says two things; draw one arrow for each")
    ends = [voice_of(arrow.line, name) for name in (arrow.sender, arrow.receiver)]
    label = plain_label(arrow.label)
    text = told(label)
    topics = tuple(_topic(found) for found in TOPIC.findall(text))
    rest = TOPIC.sub(" ", text)
    codes = _codes(rest) if row.name in CODED else frozenset()
    if row.name in ("SubAck", "UnsubAck") and not any(code >= 0x80 for code in codes):
        codes = frozenset()  # which QoS was granted is no matter
    return Promise(
        row=row.name,
        way=WAYS[ends[0], ends[1]],
        nth=nth,
        line=arrow.line.number,
        file=arrow.line.file,
        label=label,
        device=next((name for name in (arrow.sender, arrow.receiver) if name.startswith("TBDev")), ""),
        kind=_kind(text),
        topics=topics,
        keys=_keys(rest),
        deleted=tuple(name for found in _DELETED.findall(rest) for name in re.findall(r'"(\w+)"', found)),
        without=tuple(name for found in _WITHOUT.findall(rest) for name in LISTED.findall(found)),
        is_another=re.search(r"\banother package\b", rest) is not None,
        words=frozenset(re.findall(r"\b[A-Z_]{6,}\b", re.sub(r"\{.*\}", " ", rest))) & WORDS,
        codes=codes,
        is_empty=None if re.search(r"\bor \{\}", rest) else re.match(r"\s*\{\}", rest) is not None,
        lengths=frozenset(word for word in LENGTHS if re.search(rf"\b{word}\b", rest)) or frozenset((WHOLE,)),
        scopes=frozenset(re.findall(r'"(shared|client)(?:Keys)?"', rest)) or SCOPES,
        is_refusal=row.name in CODED and not codes and re.search(r"\brefused\b", rest.partition(",")[0]) is not None,
    )


def told(label: str) -> str:
    """What a label says behind its row's name; the colon between them may be missing."""
    return re.sub(r"^\w+\s*:?", "", label).replace("\\n", " ")


def _topic(text: str) -> Topic:
    names = tuple(Name(name, how) for how, name in NAME.findall(text))
    parts = NAME.split(text)  # text, "new " or None, name, text, …
    written = "".join(
        re.escape(part) if at % 3 == 0 else r"(\d+)" if at % 3 == 2 else "" for at, part in enumerate(parts)
    )
    return Topic(text, re.compile(written), names)


def _keys(rest: str) -> tuple[Key, ...]:
    text = _WITHOUT.sub(" ", _DELETED.sub(" ", rest))
    found = []
    for name, value in KEY.findall(text):
        if name in _WRAPPERS:
            continue
        named = NAME.fullmatch(value)
        stands_for = Name(named[2], named[1] or "") if named else None
        counts = value in WORDS or name == "method"
        found.append(Key(name, value if counts else "", stands_for))
    listed = LISTED.findall(re.sub(r'"(?:shared|client)Keys"\s*:\s*"([^"]*)"', r"\1", _without_objects(text)))
    return (*found, *(Key(name) for name in listed))


def _without_objects(text: str) -> str:
    """Names that are listed outside an object, or in the keys of a request."""
    return re.sub(r"\{(?![^{}]*Keys)(?:[^{}]|\{[^{}]*\})*\}", " ", text)


def _codes(rest: str) -> frozenset[int]:
    """The codes at the beginning of a label: all in front of its first comma."""
    head = _NO_CODE.sub(" ", rest.partition(",")[0])
    return frozenset(int(code, 0) for code in _CODE.findall(head))


def _kind(text: str) -> str | None:
    kinds = {
        kind
        for prefix, kind in (("fw", "firmware"), ("sw", "software"))
        if re.search(rf"\bv2/{prefix}/(?!error)|\b(?:current_)?{prefix}_|\b{kind}\b", text)
    }
    return kinds.pop() if len(kinds) == 1 else None
