"""What a server does wrong on purpose: a plan of faults, for each device or for all.

Values and their words; `tables` reads them from `lab.toml`, `otakit.twin.faulty` carries them out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from otakit.errors import SettingsError
from otakit.faults.link import LinkSettings, parse_link
from otakit.faults.texts import KNOWN, KNOWN_TO_SERVERS, fault_of, fault_text
from otakit.faults.values import EACH_DEVICE, Fault


@dataclass(frozen=True, slots=True)
class SlowLink:
    """The server's answers travel on a slow path, and what the device sends comes late.

    Attributes:
        link: delay, jitter and rate; faults stand in the plan itself.
        device: a device's name; None for all. Each connection has the rate for itself.
    """

    link: LinkSettings = field(default_factory=LinkSettings)
    device: str | None = None

    def __post_init__(self) -> None:
        """Refuses faults within.

        Raises:
            SettingsError: there are some.
        """
        if self.link.plan:
            raise SettingsError("a slow link has a delay, a jitter and a rate; faults stand in the plan itself")

    def describe(self) -> str:
        """As people write it."""
        device = self.device if self.device != EACH_DEVICE else None
        return f"slow link ({self.link.describe()})" + (f" for {device}" if device else "")


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Faults of a server.

    Attributes:
        faults: in any order; of several that one packet earns, the first is carried out.
        seed: decides what they leave to chance.
    """

    faults: tuple[Fault | SlowLink, ...] = ()
    seed: int = 0

    @property
    def is_none(self) -> bool:
        """Whether nothing goes wrong."""
        return not self.faults

    @property
    def on_packets(self) -> tuple[Fault, ...]:
        """The faults that befall single packets."""
        return tuple(fault for fault in self.faults if not isinstance(fault, SlowLink))

    def slow_link(self, device: str | None) -> LinkSettings | None:
        """The path of a device, None where it is as fast as the machine."""
        for fault in self.faults:
            if isinstance(fault, SlowLink) and fault.device in (None, EACH_DEVICE, device):
                return fault.link
        return None

    def describe(self) -> str:
        """As people write it; `plan_of` reads it back."""
        parts = (fault.describe() if isinstance(fault, SlowLink) else fault_text(fault) for fault in self.faults)
        return ", ".join(parts) or "none"


_SLOW = re.compile(r"slow link \((?P<link>[^()]*)\)(?: for (?P<device>.+))?", re.IGNORECASE)
_COMMA = re.compile(r",(?![^(]*\))")


def plan_of(text: str | ServerPlan | None, *, seed: int = 0) -> ServerPlan:
    """A plan from the way people write it.

    Args:
        text: such as ``answer 3 withheld, taken over at request 10 for pump-7``; ``none``, nothing or None for none.
        seed: decides what the faults leave to chance.

    Raises:
        SettingsError: a part that is none of the known ones; the text names it and lists them.
    """
    if isinstance(text, ServerPlan):
        return text
    parts = (part.strip() for part in _COMMA.split(text or "none"))
    return ServerPlan(tuple(_part(part) for part in parts if part.lower() not in ("none", "")), seed)


def _part(text: str) -> Fault | SlowLink:
    if found := _SLOW.fullmatch(text):
        return SlowLink(parse_link(found["link"]), found["device"])
    try:
        fault = fault_of(text)
    except SettingsError as error:
        raise SettingsError(f"plan: {error}; known are: {KNOWN}, {KNOWN_TO_SERVERS}") from error
    if fault is None:
        raise SettingsError(f"plan: cannot read {text[:60]!r}; known are: {KNOWN}, {KNOWN_TO_SERVERS}")
    return fault
