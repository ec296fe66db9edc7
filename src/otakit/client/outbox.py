"""Telemetry on its way to the server: stamped, in order, kept until it is acknowledged.

Knows that ThingsBoard keeps one row for each key and millisecond, so times increase strictly; that what
was not acknowledged when a connection broke must be said again (the same time makes it the same row); and
that without times of our own two statuses must not arrive together. Refuses to know connections. Called
by `core`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from otakit.client.events import Status
from otakit.client.settings import Settings, ns
from otakit.client.talk import telemetry
from otakit.client.vocabulary import Report
from otakit.protocol.messages import Kind, Telemetry

GAP_NS = ns(0.002)
"""Between an acknowledgement and the next telemetry when the server stamps: more than its millisecond."""


@dataclass(slots=True)
class Line:
    """One telemetry message; `report` is None for the current titles and versions."""

    message: Telemetry
    report: Report | None = None
    due_at: int = 0


@dataclass(slots=True)
class Outbox:
    """What the device has to say.

    Attributes:
        waiting: not sent yet on this connection.
        flying: sent, not acknowledged, by token.
    """

    settings: Settings
    waiting: deque[Line] = field(default_factory=deque)
    flying: dict[int, Line] = field(default_factory=dict)
    _last_ms: int = 0
    _not_before: int = 0

    @property
    def empty(self) -> bool:
        """Whether all is said and acknowledged."""
        return not self.waiting and not self.flying

    def put(self, values: Mapping[str, object], wall_ns: int, report: Report | None = None) -> None:
        """Takes a message; its time is the moment when it became true."""
        stamp = None
        if self.settings.timestamps:
            stamp = self._last_ms = max(wall_ns // 1_000_000, self._last_ms + 1)
        self.waiting.append(Line(Telemetry(dict(values), stamp), report))

    def put_report(self, report: Report, wall_ns: int) -> None:
        """Takes a status."""
        self.put(telemetry(report), wall_ns, report)

    def next(self, now: int, token: int) -> Telemetry | None:
        """The message to send now, from then on flying under `token`."""
        if not self.waiting or self._must_wait(now):
            return None
        line = self.waiting.popleft()
        line.due_at = now + ns(self.settings.request_deadline_s)
        self.flying[token] = line
        return line.message

    def _must_wait(self, now: int) -> bool:
        return not self.settings.timestamps and (bool(self.flying) or now < self._not_before)

    def acknowledged(self, token: int, now: int) -> Report | None:
        """PUBACK; gives the status that is with the server now."""
        line = self.flying.pop(token, None)
        self._not_before = now + GAP_NS
        return line.report if line is not None else None

    def overdue(self, now: int) -> list[Report]:
        """Statuses that are no longer waited for."""
        late = [token for token, line in self.flying.items() if line.due_at <= now]
        lines = [self.flying.pop(token) for token in late]
        return [line.report for line in lines if line.report is not None]

    def connection_lost(self) -> None:
        """What flew waits again; what runs now is said anew on each connection anyway."""
        lines = [*self.flying.values(), *self.waiting]
        self.flying.clear()
        self.waiting = deque(line for line in lines if line.report is not None)

    def abandon(self) -> list[tuple[Kind, Status]]:
        """Nothing can be said any more; gives the statuses that the server never heard."""
        lines = [*self.flying.values(), *self.waiting]
        self.flying.clear()
        self.waiting.clear()
        return [(line.report.kind, line.report.status) for line in lines if line.report is not None]

    @property
    def wake_at(self) -> int | None:
        """When an acknowledgement is late."""
        return min((line.due_at for line in self.flying.values()), default=None)

    @property
    def speaks_at(self) -> int | None:
        """When the next message may go although nothing else happens."""
        waits = self.waiting and not self.flying and not self.settings.timestamps
        return self._not_before if waits else None
