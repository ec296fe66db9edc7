"""What a link may do to a device: its delay, its rate and its faults, all as data.

Knows how people write a link (``40 ms, 2 Mbit/s, one answer withheld``) and which packet a fault is
about; refuses to know sockets and clocks. The link carries the plan out on real bytes, the simulated
world in virtual time, and both count with the same `Counter`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from otakit.errors import SettingsError
from otakit.protocol.messages import TABLE, Kind

DEFAULT_WITHHELD = 20
"""The answer that ``one answer withheld`` means: late enough that several are in flight, early enough to watch."""


@dataclass(frozen=True, slots=True)
class Withhold:
    """One packet never arrives; what was sent after it does.

    Attributes:
        message: row of the message table.
        nth: which one, counted from 1 over all connections of the link.
        kind: counts only this kind's packets; None counts both.
    """

    message: str = "ChunkResponse"
    nth: int = DEFAULT_WITHHELD
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """One packet arrives `late_s` seconds after its turn, behind what was sent meanwhile."""

    message: str = "ChunkResponse"
    nth: int = DEFAULT_WITHHELD
    late_s: float = 3.0
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks in place of one packet."""

    message: str = "ChunkResponse"
    nth: int = DEFAULT_WITHHELD
    kind: Kind | None = None


Fault = Withhold | Delay | Cut


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """A path between device and server.

    Attributes:
        round_trip_s: seconds; each way takes half.
        rate_bit_s: bits a second, each way; None for as fast as the machine.
        plan: faults, in any order.
    """

    round_trip_s: float = 0.0
    rate_bit_s: float | None = None
    plan: tuple[Fault, ...] = ()

    @property
    def is_none(self) -> bool:
        """Whether it does nothing at all, so that no relay is needed."""
        return self == LinkSettings()

    def least_s(self, size: int) -> float:
        """The seconds that `size` bytes in one direction cannot beat: serialisation and half the round trip."""
        return self.round_trip_s / 2 + (size * 8 / self.rate_bit_s if self.rate_bit_s else 0.0)

    def describe(self) -> str:
        """As people write it; `parse_link` reads it back."""
        parts = [_in_units(self.round_trip_s * 1000, (("s", 1000.0), ("ms", 1.0)))] if self.round_trip_s else []
        if self.rate_bit_s:
            parts.append(_in_units(self.rate_bit_s, RATES))
        return ", ".join([*parts, *(_fault_text(fault) for fault in self.plan)]) or "none"


class Counter:
    """Counts passing packets and says which fault a packet has earned."""

    def __init__(self, plan: tuple[Fault, ...]) -> None:
        self._plan = plan
        self._seen = [0] * len(plan)

    @property
    def watches(self) -> bool:
        """Whether there is anything to count."""
        return bool(self._plan)

    def hears(self, message: str, kind: Kind | None) -> Fault | None:
        """The fault for this packet; each packet counts once for every fault that watches its message."""
        earned = None
        for place, fault in enumerate(self._plan):
            if fault.message != message or fault.kind not in (None, kind):
                continue
            self._seen[place] += 1
            if self._seen[place] == fault.nth and earned is None:
                earned = fault
        return earned


TIMES = (("s", 1.0), ("ms", 1e-3))
RATES = (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3), ("bit/s", 1.0))
SUBJECTS = {"answer": "ChunkResponse", "request": "ChunkRequest", "status": "Telemetry"}
EXPECTED = (
    'a link is "none" or parts joined by commas: a round trip (40 ms), a rate (2 Mbit/s), faults '
    "(one answer withheld, answer 7 withheld, answer 7 late by 3 s, cut at answer 30)"
)
_NUMBER = r"(\d+(?:\.\d+)?)"
_SUBJECT = r"(?:(firmware|software) )?(answer|request|status|[A-Z][A-Za-z]+) (\d+)"


def parse_link(text: str | LinkSettings | None) -> LinkSettings:
    """A link from the way people write it.

    Args:
        text: such as ``40 ms, 2 Mbit/s, one answer withheld``; ``none``, nothing or None for no link at all.

    Raises:
        SettingsError: a part that is none of the known ones; the text names it and lists them.
    """
    if isinstance(text, LinkSettings):
        return text
    settings = LinkSettings()
    for part in (piece.strip() for piece in (text or "none").split(",")):
        if part.lower() not in ("none", ""):
            settings = _with_part(settings, part)
    return settings


def _with_part(settings: LinkSettings, part: str) -> LinkSettings:
    for pattern, apply in PARTS:
        if found := re.fullmatch(pattern, part, re.IGNORECASE):
            return apply(settings, found)
    raise SettingsError(f"link: cannot read {part[:60]!r}; {EXPECTED}")


def _unit(units: tuple[tuple[str, float], ...], name: str) -> float:
    return next(factor for unit, factor in units if unit.lower() == name.lower())


def _round_trip(settings: LinkSettings, found: re.Match[str]) -> LinkSettings:
    return replace(settings, round_trip_s=float(found[1]) * _unit(TIMES, found[2]))


def _rate(settings: LinkSettings, found: re.Match[str]) -> LinkSettings:
    rate = float(found[1]) * _unit(RATES, found[2])
    if rate < 1:
        raise SettingsError(f"link: a rate of {found[0]} moves nothing; {EXPECTED}")
    return replace(settings, rate_bit_s=rate)


def _plus(settings: LinkSettings, fault: Fault) -> LinkSettings:
    if fault.message not in TABLE:
        raise SettingsError(f"link: {fault.message!r} is no row of the message table; {EXPECTED}")
    if fault.nth < 1:
        raise SettingsError(f"link: packets are counted from 1, not from {fault.nth}; {EXPECTED}")
    return replace(settings, plan=(*settings.plan, fault))


def _subject(found: re.Match[str]) -> tuple[str, int, Kind | None]:
    kind = Kind[found[1].upper()] if found[1] else None
    return SUBJECTS.get(found[2].lower(), found[2]), int(found[3]), kind


def _withheld(settings: LinkSettings, found: re.Match[str]) -> LinkSettings:
    return _plus(settings, Withhold(*_subject(found)))


def _late(settings: LinkSettings, found: re.Match[str]) -> LinkSettings:
    message, nth, kind = _subject(found)
    return _plus(settings, Delay(message, nth, float(found[4]) * _unit(TIMES, found[5]), kind))


def _cut(settings: LinkSettings, found: re.Match[str]) -> LinkSettings:
    return _plus(settings, Cut(*_subject(found)))


PARTS: tuple[tuple[str, Callable[[LinkSettings, re.Match[str]], LinkSettings]], ...] = (
    (rf"{_NUMBER} ?(ms|s)", _round_trip),
    (rf"{_NUMBER} ?(Gbit/s|Mbit/s|kbit/s|bit/s)", _rate),
    (r"one answer withheld", lambda settings, _: _plus(settings, Withhold())),
    (rf"{_SUBJECT} withheld", _withheld),
    (rf"{_SUBJECT} late by {_NUMBER} ?(ms|s)", _late),
    (rf"cut at {_SUBJECT}", _cut),
)


def _in_units(value: float, units: tuple[tuple[str, float], ...]) -> str:
    unit, factor = next((pair for pair in units if value >= pair[1]), units[-1])
    return f"{_plain(value / factor)} {unit}"


def _plain(number: float) -> str:
    """Without an exponent, which `parse_link` does not read, and without needless zeros."""
    return f"{number:.9f}".rstrip("0").rstrip(".")


def _fault_text(fault: Fault) -> str:
    if fault == Withhold():
        return "one answer withheld"
    words = {message: word for word, message in SUBJECTS.items()}
    kind = f"{fault.kind.word} " if fault.kind else ""
    subject = f"{kind}{words.get(fault.message, fault.message)} {fault.nth}"
    match fault:
        case Withhold():
            return f"{subject} withheld"
        case Delay(late_s=late_s):
            return f"{subject} late by {_plain(late_s)} s"
        case Cut():
            return f"cut at {subject}"
