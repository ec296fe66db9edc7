"""Which connections are open, and who hears what.

Knows the limit of connections for a device, eviction, the check for silence and the registration for
attribute updates (`DeviceActorMessageProcessor`); refuses to know bytes. Whoever drives the twin asks
`take_woken` which connections have something to send that they did not ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from otakit.twin.rules.chance import Chance
from otakit.twin.rules.timers import Timers
from otakit.twin.settings import TwinSettings, nanoseconds

TAKEN_OVER, SILENT, CREDENTIALS_CHANGED = 0x8E, (0x83, 0xA0), 0x98
"""Reason codes of MQTT 5's DISCONNECT; which of the two checks for silence fires first is open."""
Hear = Callable[["dict[str, object] | None"], None]
"""Takes an attribute update, or None when there will be none any more."""


class Session(Protocol):
    """One device's presence: its own connection, or its place behind a gateway.

    Attributes:
        device_id: whose it is; None before it is accepted.
        active_at: when it last gave a sign of life.
        hears_updates: whether it is registered for attribute updates.
    """

    device_id: str | None
    active_at: int
    hears_updates: bool

    @property
    def outlet(self) -> object:
        """The connection through which it speaks."""

    def tell(self, body: dict[str, object]) -> None:
        """Sends an attribute update."""

    def end(self, reason_code: int) -> None:
        """Says goodbye and asks to be closed."""


class Sessions:
    """All accepted sessions of all devices."""

    def __init__(self, settings: TwinSettings, chance: Chance, timers: Timers) -> None:
        self._settings, self._chance, self._timers = settings, chance, timers
        self._open: dict[str, tuple[Session, ...]] = {}
        self._woken: dict[object, None] = {}
        self._polls: dict[str, dict[Hear, None]] = {}
        self._count = 0
        self._checking = False

    def __len__(self) -> int:
        """How many are open."""
        return self._count

    def opened(self, device_id: str, session: Session, now: int) -> None:
        """A device connected; the oldest of too many is closed."""
        self.gone(session)
        session.device_id = device_id
        self._open[device_id] = (*self._open.get(device_id, ()), session)
        self._count += 1
        while len(there := self._open.get(device_id, ())) > self._settings.connections_per_device:
            self._end(there[0], TAKEN_OVER)
        self._check_later(now)

    def gone(self, session: Session) -> None:
        """A session is over; whose it was stays written on it."""
        there = self._open.get(session.device_id or "", ())
        if session not in there:
            return
        assert session.device_id is not None
        self._count -= 1
        left = tuple(each for each in there if each is not session)
        if left:
            self._open[session.device_id] = left
        else:
            del self._open[session.device_id]

    def of(self, device_id: str) -> tuple[Session, ...]:
        """A device's open sessions, oldest first."""
        return self._open.get(device_id, ())

    def tell(self, device_id: str, body: dict[str, object]) -> None:
        """Sends an attribute update to those who subscribed; nothing is kept for others."""
        for hear in self._polls.pop(device_id, ()):
            hear(body)
        for session in self.of(device_id):
            if session.hears_updates:
                session.tell(body)
                self.wake(session)

    def hear_once(self, device_id: str, hear: Hear) -> Callable[[], None]:
        """The next update goes to `hear`, once; returns what forgets it. For HTTP's long polls, no connections."""
        self._polls.setdefault(device_id, {})[hear] = None
        return lambda: self._forget(device_id, hear)

    def polls_of(self, device_id: str) -> int:
        """How many long polls wait for a device's next update."""
        return len(self._polls.get(device_id, ()))

    def _forget(self, device_id: str, hear: Hear) -> None:
        there = self._polls.get(device_id, {})
        there.pop(hear, None)
        if not there:
            self._polls.pop(device_id, None)

    def end_all(self, device_id: str, reason_code: int = CREDENTIALS_CHANGED) -> None:
        """Closes every session of a device."""
        for hear in self._polls.pop(device_id, ()):
            hear(None)
        for session in self.of(device_id):
            self._end(session, reason_code)

    def wake(self, session: Session) -> None:
        """Its connection has something to send that it did not ask for just now."""
        self.wake_outlet(session.outlet)

    def wake_outlet(self, outlet: object) -> None:
        """A connection that is no session has something to send."""
        self._woken[outlet] = None

    def take_woken(self) -> list[object]:
        """The connections that have something to send or want to be closed; empties the list."""
        woken = list(self._woken)
        self._woken.clear()
        return woken

    def _end(self, session: Session, reason_code: int) -> None:
        self.gone(session)
        session.end(reason_code)
        self.wake(session)

    def _check_later(self, now: int) -> None:
        if not self._checking:
            self._checking = True
            every = nanoseconds(self._settings.inactivity_check_s)
            self._timers.at(now - now % every + every, self._check)

    def _check(self, now: int) -> None:
        self._checking = False
        oldest = now - nanoseconds(self._settings.inactivity_s)
        silent = [each for there in self._open.values() for each in there if each.active_at < oldest]
        for session in silent:
            self._end(session, self._chance.one_of(SILENT))
        if self._open:
            self._check_later(now)
