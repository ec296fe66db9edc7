"""Which packet has earned which fault.

Counts passing packets, for all devices together or for each on its own, and draws a fault's chance from
the plan's seed; refuses to know bytes and what becomes of a packet.
"""

from __future__ import annotations

import hashlib
from collections import Counter as Tally
from collections.abc import Collection

from otakit.faults.values import EACH_DEVICE, Fault, Misstate
from otakit.protocol.messages import AttributesResponse, AttributesUpdate, Kind, Message, Telemetry


def luck(seed: int, *what: object) -> float:
    """A number from 0 (inclusive) to 1 (exclusive), the same for the same seed and `what` on every machine."""
    digest = hashlib.sha256(repr((seed, *what)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


class Counter:
    """Counts passing packets and says which fault a packet has earned.

    Args:
        plan: faults, in any order; of several that one packet earns, the first is carried out.
        seed: decides what is left to chance.
    """

    def __init__(self, plan: Collection[Fault], seed: int = 0) -> None:
        self._plan = tuple(plan)
        self._seed = seed
        self._seen: Tally[tuple[int, str | None]] = Tally()
        self._given: Tally[tuple[int, str | None]] = Tally()

    @property
    def watches(self) -> bool:
        """Whether there is anything to count."""
        return bool(self._plan)

    def hears(
        self, message: str, kind: Kind | None, *, device: str | None = None, says: Message | None = None
    ) -> Fault | None:
        """The fault for this packet; each packet counts once for every fault that watches its message.

        Args:
            message: its row.
            kind: which kind of package it is about, None when its topic does not tell.
            device: whose it is, None while nobody knows.
            says: what it means, for faults that look inside.
        """
        earned = None
        for place, fault in enumerate(self._plan):
            if message in fault.watched and _is_meant(fault, kind, device, says) and self._earns(place, fault, device):
                earned = earned or fault
        return earned

    def _earns(self, place: int, fault: Fault, device: str | None) -> bool:
        counted = (place, device if fault.device == EACH_DEVICE else None)
        self._seen[counted] += 1
        seen = self._seen[counted]
        if seen < fault.nth or (fault.times and self._given[counted] >= fault.times):
            return False
        if fault.probability < 1 and luck(self._seed, "earns", *counted, seen) >= fault.probability:
            return False
        self._given[counted] += 1
        return True


def _is_meant(fault: Fault, kind: Kind | None, device: str | None, says: Message | None) -> bool:
    if fault.device is not None and (device is None or fault.device not in (EACH_DEVICE, device)):
        return False
    if isinstance(fault, Misstate):  # what does not carry the attribute cannot have it wrong
        keys = stated_keys(fault)
        return says is None or any(key in shared_of(says) for key in keys)
    return fault.kind in (None, kind) or (kind is None and fault.kind in _kinds_within(says))


def stated_keys(fault: Misstate) -> tuple[str, ...]:
    """The attributes that a fault is about, with their prefixes."""
    return tuple(f"{kind.value}_{fault.key}" for kind in Kind if fault.kind in (None, kind))


def shared_of(says: Message | None) -> dict[str, object]:
    """The shared attributes that a message carries to a device."""
    body = says.body if isinstance(says, AttributesResponse | AttributesUpdate) else None
    if isinstance(says, AttributesResponse) and isinstance(body, dict):
        body = body.get("shared")
    return body if isinstance(body, dict) else {}


def _kinds_within(says: Message | None) -> list[Kind]:
    """The kinds whose keys a message carries, where its topic does not name one."""
    keys = says.values if isinstance(says, Telemetry) else shared_of(says)
    prefixes = {kind: (f"{kind.value}_", f"current_{kind.value}_") for kind in Kind}
    return [kind for kind in Kind if any(key.startswith(prefixes[kind]) for key in keys)]
