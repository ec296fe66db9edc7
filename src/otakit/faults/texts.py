"""Faults as people write them: ``answer 3 withheld``, ``2 % of answers late by 1 s``, ``cut at request 7``.

One sentence for each fault, written by `fault_text` and read back by `fault_of`; refuses to know what a
link or a server is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from otakit.errors import SettingsError
from otakit.faults import values as v
from otakit.faults.values import DEFAULT_WITHHELD, Fault
from otakit.protocol.messages import Kind

TIMES = (("s", 1.0), ("ms", 1e-3))
SUBJECTS = {
    "answer": "ChunkResponse",
    "request": "ChunkRequest",
    "status": "Telemetry",
    "attributes": v.ATTRIBUTES,
    "connection": "Connect",
}
"""Short words for the rows that faults are mostly about; every other row goes by its own name."""
NUMBER = r"(\d+(?:\.\d+)?)"
_MANY = {"answer": "answers", "request": "requests", "status": "statuses", "connection": "connections"}
_ONE = {many: one for one, many in _MANY.items()}
_WORD = rf"{'|'.join((*_ONE, *SUBJECTS))}|[A-Z][A-Za-z]+"
_SUBJECT = (
    rf"(?:{NUMBER.replace('(', '(?P<percent>', 1)} % of |(?P<each>each ))?(?:(?P<kind>firmware|software) )?"
    rf"(?P<word>{_WORD})(?: from)?(?: (?P<nth>\d+))?(?: up to (?P<times>\d+) times)?"
)
_LATE = rf"(?P<late>{NUMBER}) ?(?P<unit>ms|s)"


def fault_of(text: str) -> Fault | None:
    """The fault that a sentence names, None when it is none of the known ones.

    Raises:
        SettingsError: one that cannot be: a row that is not there, a packet 0.
    """
    text, device = _without_device(text.strip())
    if text.lower() == "one answer withheld":
        return v.Withhold(device=device)
    for pattern, build in SENTENCES:
        if found := re.fullmatch(pattern, text, re.IGNORECASE):
            fault: Fault = build(found, **_aimed(found), device=device)
            return fault
    return None


def fault_text(fault: Fault) -> str:
    """As people write it; `fault_of` reads it back."""
    if fault == v.Withhold():
        return "one answer withheld"
    return _sentence(fault, _subject(fault)) + _for_device(fault.device)


def _sentence(fault: Fault, subject: str) -> str:
    match fault:
        case v.Delay() | v.Reorder():
            return WORDS[type(fault)].format(subject, plain(fault.late_s))
        case v.Truncate(to_bytes=to_bytes):
            return f"{subject} truncated to {to_bytes} bytes"
        case v.Misstate(key=key, value=value):
            return f"{key} {'wrong' if value is None else repr(value)} in {subject}"
        case v.RefuseChunk(word=word):
            return f"{subject} refused with {word}"
        case v.RefuseConnect(code=code):
            return f"{subject} refused with 0x{code:02X}"
        case v.Reassign(title="", version=""):
            return f"unassigned at {subject}"
        case v.Reassign(title=title, version=version):
            return f"reassigned to {title!r} {version!r} at {subject}"
        case _:
            return WORDS[type(fault)].format(subject)


WORDS: dict[type, str] = {
    v.Withhold: "{} withheld",
    v.Delay: "{} late by {} s",
    v.Duplicate: "{} duplicated",
    v.Reorder: "{} out of order within {} s",
    v.Corrupt: "{} corrupted",
    v.Cut: "cut at {}",
    v.Silence: "silent at {}",
    v.EvictCache: "cache evicted at {}",
    v.RateLimit: "rate limit at {}",
    v.TakeOver: "taken over at {}",
}
"""The sentences that need the subject, and at most a time."""


def _subject(fault: Fault) -> str:
    words = {message: word for word, message in SUBJECTS.items()}
    word = words.get(fault.message, fault.message)
    kind = f"{fault.kind.word} " if fault.kind else ""
    chance = f"{plain(fault.probability * 100)} % of " if fault.probability < 1 else ""
    if not chance and fault.times == 1:
        return f"{kind}{word} {fault.nth}"
    first = f" from {fault.nth}" if fault.nth > 1 else ""
    most = f" up to {fault.times} times" if fault.times else ""
    return f"{chance or 'each '}{kind}{_MANY.get(word, word) if chance else word}{first}{most}"


def _aimed(found: re.Match[str]) -> dict[str, object]:
    word = found["word"]
    one = _ONE.get(word.lower(), word.lower())
    several = bool(found["percent"] or found["each"])
    if not several and not found["nth"]:
        raise SettingsError(f"which {word} is meant? Write {word} 3, or each {word}")
    return {
        "message": SUBJECTS.get(one, word),
        "nth": int(found["nth"] or 1),
        "kind": Kind[found["kind"].upper()] if found["kind"] else None,
        "times": int(found["times"] or (0 if several else 1)),
        "probability": float(found["percent"]) / 100 if found["percent"] else 1.0,
    }


def _without_device(text: str) -> tuple[str, str | None]:
    what, word, device = text.rpartition(" for ")
    if not word:
        return text, None
    return what, v.EACH_DEVICE if device == "each device" else device


def _for_device(device: str | None) -> str:
    return "" if device is None else " for each device" if device == v.EACH_DEVICE else f" for {device}"


def _late(found: re.Match[str]) -> float:
    return float(found["late"]) * unit(TIMES, found["unit"])


def _stated(found: re.Match[str], **aimed: object) -> Fault:
    text = found["value"]
    value = None if text is None else text[1:-1] if text[0] == "'" else int(text)
    return v.Misstate(key=found["key"].lower(), value=value, **aimed)  # type: ignore[arg-type]  # a sentence's fields


def _with(fault: Callable[..., Fault], **read: Callable[[re.Match[str]], object]) -> Callable[..., Fault]:
    """Builds a fault from a sentence: its own fields are read by name, the others are handed over."""
    return lambda found, **aimed: fault(**{name: get(found) for name, get in read.items()}, **aimed)


SENTENCES: tuple[tuple[str, Callable[..., Fault]], ...] = (
    (rf"{_SUBJECT} withheld", _with(v.Withhold)),
    (rf"{_SUBJECT} late by {_LATE}", _with(v.Delay, late_s=_late)),
    (rf"{_SUBJECT} duplicated", _with(v.Duplicate)),
    (rf"{_SUBJECT} out of order within {_LATE}", _with(v.Reorder, late_s=_late)),
    (rf"{_SUBJECT} out of order", _with(v.Reorder)),
    (rf"{_SUBJECT} corrupted", _with(v.Corrupt)),
    (rf"{_SUBJECT} truncated to (?P<to>\d+) bytes", _with(v.Truncate, to_bytes=lambda found: int(found["to"]))),
    (rf"(?P<key>{'|'.join(v.STATED)}) (?:wrong|(?P<value>-?\d+|'[^']*')) in {_SUBJECT}", _stated),
    (rf"cut at {_SUBJECT}", _with(v.Cut)),
    (rf"silent at {_SUBJECT}", _with(v.Silence)),
    (rf"cache evicted at {_SUBJECT}", _with(v.EvictCache)),
    (rf"{_SUBJECT} refused with (?P<code>0x[0-9a-f]+)",
     _with(v.RefuseConnect, code=lambda found: int(found["code"], 16))),
    (rf"{_SUBJECT} refused with (?P<refusal>[A-Z_]+)",
     _with(v.RefuseChunk, word=lambda found: found["refusal"].upper())),
    (rf"rate limit at {_SUBJECT}", _with(v.RateLimit)),
    (rf"taken over at {_SUBJECT}", _with(v.TakeOver)),
    (rf"unassigned at {_SUBJECT}", _with(v.Reassign)),
    (rf"reassigned to '(?P<title>[^']*)' '(?P<version>[^']*)' at {_SUBJECT}",
     _with(v.Reassign, title=lambda found: found["title"], version=lambda found: found["version"])),
)  # fmt: skip
"""Each sentence with the fault that it builds; the subject says which packets."""
KNOWN = (
    "one answer withheld, answer 7 late by 3 s, cut at answer 30, answer 3 duplicated, answer 3 out of order, "
    "answer 3 corrupted, answer 3 truncated to 100 bytes, checksum wrong in each attributes, silent at request 9, "
    f"2 % of answers withheld; ``one answer`` is answer {DEFAULT_WITHHELD}"
)
KNOWN_TO_SERVERS = (
    "cache evicted at request 20, request 3 refused with NOT_FOUND, connection 1 refused with 0x88, rate limit at "
    "status 2, taken over at request 10, reassigned to 'pump' '1.11' at request 10, unassigned at request 10, slow "
    "link (300 ms, 100 kbit/s); each may end with: for pump-7, for each device"
)


def unit(units: tuple[tuple[str, float], ...], name: str) -> float:
    """The factor of a unit, by its name in any case."""
    return next(factor for known, factor in units if known.lower() == name.lower())


def in_units(value: float, units: tuple[tuple[str, float], ...]) -> str:
    """A value in the largest unit in which it is 1 or more."""
    name, factor = next((pair for pair in units if value >= pair[1]), units[-1])
    return f"{plain(value / factor)} {name}"


def plain(number: float) -> str:
    """Without an exponent, which nobody reads back, and without needless zeros."""
    return f"{number:.9f}".rstrip("0").rstrip(".")
