"""What attributes offer and what telemetry reports, read from packets without trust.

Knows the keys with their prefixes (`protocol.package.KEYS`) and takes any value that the wire may
bring; refuses to judge it, which is the machine's business. Called by `updates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from otakit.exchange.decoded import DecodedPacket, clean
from otakit.protocol.messages import AttributesResponse, AttributesUpdate, Kind, Telemetry

LARGEST = 2**63  # what does not fit a column of integers is no size and no time
_WORDS = {text: kind.word for kind in Kind for text in (kind.value, kind.word, kind.name)}


@dataclass(frozen=True, slots=True)
class Offer:
    """A package as announced."""

    title: str
    version: str
    size: int | None

    @property
    def target(self) -> tuple[str | None, str | None]:
        """Title and version."""
        return self.title, self.version


@dataclass(frozen=True, slots=True)
class Report:
    """What one telemetry message says of one kind."""

    kind: str
    status: str | None
    error: str | None
    title: str | None
    version: str | None
    stamped_ns: int | None


def kind_word(value: object) -> str | None:
    """``firmware`` or ``software`` from any way of writing the kind; None for anything else."""
    if isinstance(value, Kind):
        return value.word
    return _WORDS.get(value) if isinstance(value, str) else None


def offers(packet: DecodedPacket) -> dict[str, Offer | None]:
    """Kind to what it is offered; None where the assignment was taken back."""
    says = packet.says
    if not isinstance(says, AttributesResponse | AttributesUpdate) or not isinstance(says.body, dict):
        return {}
    if isinstance(says, AttributesResponse):
        shared = says.body.get("shared")
        return _offered(shared) if isinstance(shared, dict) else {}
    deleted = says.body.get("deleted")
    if isinstance(deleted, list):
        # every assignment deletes fw_tag or fw_url; only the title's going means that nothing is assigned
        return {kind.word: None for kind in Kind if f"{kind.value}_title" in deleted}
    return _offered(says.body)


def _offered(values: Mapping[str, object]) -> dict[str, Offer | None]:
    found: dict[str, Offer | None] = {}
    for kind in Kind:
        title, version = values.get(f"{kind.value}_title"), values.get(f"{kind.value}_version")
        if isinstance(title, str) and isinstance(version, str):
            size = values.get(f"{kind.value}_size")
            fits = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < LARGEST
            found[kind.word] = Offer(clean(title), clean(version), size if fits else None)  # type: ignore[arg-type]  # fits says it is an int
    return found


def reports(packet: DecodedPacket) -> list[Report]:
    """What a telemetry message says of firmware and of software."""
    says = packet.says
    if not isinstance(says, Telemetry):
        return []
    ts_ms = says.ts_ms
    stamped = ts_ms * 1_000_000 if isinstance(ts_ms, int) and 0 < ts_ms < LARGEST // 1_000_000 else None
    return [report for kind in Kind if (report := _report(kind, says.values, stamped)) is not None]


def _report(kind: Kind, values: Mapping[str, object], stamped_ns: int | None) -> Report | None:
    names = (
        f"{kind.value}_state",
        f"{kind.value}_error",
        f"current_{kind.value}_title",
        f"current_{kind.value}_version",
    )
    status, error, title, version = (None if values.get(name) is None else clean(values[name]) for name in names)
    if status is None and title is None and version is None:
        return None
    return Report(kind.word, status, error, title, version, stamped_ns)
