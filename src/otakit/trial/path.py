"""The link in virtual time: serialisation, delay, the faults of a plan, and who meddles with packets.

Says when which bytes arrive; carries nothing. Pure; used by `world`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from otakit.client.settings import ns
from otakit.faults import Counter, Cut, Delay, LinkSettings, Withhold
from otakit.protocol.messages import Direction, message_of, row_of
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Packet, Publish, Version

Meddler = Callable[[Direction, Packet], Iterable[bytes] | None]
"""Sees each packet before it is sent; gives the bytes to send in its place, or None to leave it alone."""


class Path:
    """The way between device and server, both directions.

    Args:
        link: delay, rate and faults.
        meddler: see `Meddler`.
    """

    def __init__(self, link: LinkSettings, meddler: Meddler | None) -> None:
        self._link, self._meddler = link, meddler
        self._counter = Counter(link.plan)
        self._free = {Direction.TO_SERVER: 0, Direction.TO_DEVICE: 0}

    def idle_ns(self, direction: Direction, now: int) -> int:
        """How long what is sent now takes when it has no bytes: it comes behind all that was sent before."""
        return max(0, self._free[direction] - now) + ns(self._link.round_trip_s / 2)

    def clear(self, now: int) -> None:
        """The connection is over: what waited to be sent down is dropped by its sender."""
        self._free[Direction.TO_DEVICE] = now

    def send(self, direction: Direction, raw: bytes, version: Version, now: int) -> list[tuple[int, bytes | None]]:
        """When each packet arrives that is sent in place of this one; None for a break of the connection."""
        packet = decode(raw, version)
        instead = self._meddler(direction, packet) if self._meddler is not None else None
        return [
            sent
            for each in ([raw] if instead is None else instead)
            for sent in self._one(direction, each, version, now)
        ]

    def _one(self, direction: Direction, raw: bytes, version: Version, now: int) -> list[tuple[int, bytes | None]]:
        packet = decode(raw, version)
        meant = message_of(packet.topic, packet.payload, direction) if isinstance(packet, Publish) else None
        fault = self._counter.hears(row_of(packet, direction).name, getattr(meant, "kind", None))
        if isinstance(fault, Withhold):
            return []
        if isinstance(fault, Cut):
            return [(self.idle_ns(direction, now), None)]
        late_ns = ns(fault.late_s) if isinstance(fault, Delay) else 0
        return [(self._takes(direction, raw, now) + late_ns, raw)]

    def _takes(self, direction: Direction, raw: bytes, now: int) -> int:
        rate = self._link.rate_bit_s
        self._free[direction] = max(now, self._free[direction]) + (round(len(raw) * 8e9 / rate) if rate else 0)
        return self.idle_ns(direction, now)
