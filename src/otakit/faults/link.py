"""A path between device and server: its delay, its jitter, its rate and the faults on it, as data.

Knows how people write a link (``40 ms ± 10 ms, 2 Mbit/s, one answer withheld``); refuses to know sockets and
clocks. The link carries it out on real bytes, the simulated world in virtual time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast, get_args

from otakit.errors import SettingsError
from otakit.faults.counter import luck
from otakit.faults.texts import KNOWN, NUMBER, TIMES, fault_of, fault_text, in_units, unit
from otakit.faults.values import LinkFault

RATES = (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3), ("bit/s", 1.0))
MILLISECONDS = (("s", 1000.0), ("ms", 1.0))
EXPECTED = (
    'a link is "none" or parts joined by commas: a round trip (40 ms, or 40 ms ± 10 ms), a rate (2 Mbit/s, later '
    f"perhaps another: 64 kbit/s after 10 s), faults ({KNOWN})"
)


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """A path between device and server.

    Attributes:
        round_trip_s: seconds; each way takes half.
        rate_bit_s: bits a second, each way and for each connection; None for as fast as the machine.
        plan: faults, in any order.
        jitter_s: by so much the round trip may be longer or shorter; the order of bytes stays, as TCP keeps it.
        later_rates: from so many seconds after the first connection, another rate.
        seed: decides the jitter, and what the faults leave to chance.
    """

    round_trip_s: float = 0.0
    rate_bit_s: float | None = None
    plan: tuple[LinkFault, ...] = ()
    jitter_s: float = 0.0
    later_rates: tuple[tuple[float, float], ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what no link can do.

        Raises:
            SettingsError: a fault of a server's, or one for a device by name; a jitter above the round trip.
        """
        for fault in self.plan:
            if not isinstance(fault, get_args(LinkFault)):
                raise SettingsError(
                    f"link: only a server can do this: {fault_text(fault)}; put it into the twin's plan"
                )
            if fault.device is not None:
                raise SettingsError(
                    f"link: it knows no device's name: {fault_text(fault)}; put it into the twin's plan"
                )
        if not 0 <= self.jitter_s <= self.round_trip_s:
            raise SettingsError(f"link: a jitter is at most the round trip, not {self.jitter_s} s; {EXPECTED}")
        object.__setattr__(self, "later_rates", tuple(sorted(self.later_rates)))

    @property
    def is_none(self) -> bool:
        """Whether it does nothing at all, so that no relay is needed."""
        return self == LinkSettings(seed=self.seed)

    def least_s(self, size: int) -> float:
        """The seconds that `size` bytes in one direction cannot beat: serialisation and half the round trip."""
        fastest = max((rate for _, rate in ((0.0, self.rate_bit_s), *self.later_rates) if rate), default=None)
        shortest = (self.round_trip_s - self.jitter_s) / 2
        return shortest + (size * 8 / fastest if fastest and self.rate_bit_s else 0.0)

    def rate_at(self, since_s: float) -> float | None:
        """Bits a second, so many seconds after the first connection; None for as fast as the machine."""
        due = [rate for after_s, rate in self.later_rates if after_s <= since_s]
        return due[-1] if due else self.rate_bit_s

    def delay_s(self, *what: object) -> float:
        """Seconds that a piece takes one way, without its bits; `what` tells pieces apart."""
        swing = self.jitter_s * (2 * luck(self.seed, "delay", *what) - 1) if self.jitter_s else 0.0
        return (self.round_trip_s + swing) / 2

    def describe(self) -> str:
        """As people write it; `parse_link` reads it back."""
        parts = [in_units(self.round_trip_s * 1000, MILLISECONDS)] if self.round_trip_s else []
        if self.jitter_s:
            parts[0] += f" ± {in_units(self.jitter_s * 1000, MILLISECONDS)}"
        if self.rate_bit_s:
            parts.append(in_units(self.rate_bit_s, RATES))
        for after_s, rate in self.later_rates:
            parts.append(f"{in_units(rate, RATES)} after {in_units(after_s * 1000, MILLISECONDS)}")
        return ", ".join([*parts, *(fault_text(fault) for fault in self.plan)]) or "none"


def parse_link(text: str | LinkSettings | None) -> LinkSettings:
    """A link from the way people write it.

    Args:
        text: such as ``40 ms ± 10 ms, 2 Mbit/s, one answer withheld``; ``none``, nothing or None for no link at all.

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
    try:
        fault = fault_of(part)
    except SettingsError as error:
        raise SettingsError(f"link: {error}; {EXPECTED}") from error
    if fault is None:
        raise SettingsError(f"link: cannot read {part[:60]!r}; {EXPECTED}")
    return replace(settings, plan=(*settings.plan, cast("LinkFault", fault)))  # LinkSettings looks at it itself


def _round_trip(settings: LinkSettings, found: re.Match[str]) -> LinkSettings:
    jitter_s = float(found[3]) * unit(TIMES, found[4]) if found[3] else 0.0
    return replace(settings, round_trip_s=float(found[1]) * unit(TIMES, found[2]), jitter_s=jitter_s)


def _bits(found: re.Match[str]) -> float:
    rate = float(found[1]) * unit(RATES, found[2])
    if rate < 1:
        raise SettingsError(f"link: a rate of {found[0]} moves nothing; {EXPECTED}")
    return rate


def _rate(settings: LinkSettings, found: re.Match[str]) -> LinkSettings:
    return replace(settings, rate_bit_s=_bits(found))


def _later_rate(settings: LinkSettings, found: re.Match[str]) -> LinkSettings:
    later = (float(found[3]) * unit(TIMES, found[4]), _bits(found))
    return replace(settings, later_rates=(*settings.later_rates, later))


_TIME, _BITS = rf"{NUMBER} ?(ms|s)", rf"{NUMBER} ?(Gbit/s|Mbit/s|kbit/s|bit/s)"
PARTS: tuple[tuple[str, Callable[[LinkSettings, re.Match[str]], LinkSettings]], ...] = (
    (rf"{_TIME}(?: ?(?:±|\+/?-) ?{_TIME})?", _round_trip),
    (_BITS, _rate),
    (rf"{_BITS} after {_TIME}", _later_rate),
)
