"""Which connections are open, and who hears what.

Knows the limit of connections for a device, eviction, the check for silence and the registration for
attribute updates (`DeviceActorMessageProcessor`); refuses to know bytes. Whoever drives the twin asks
`take_woken` which connections have something to send that they did not ask for.
"""

from __future__ import annotations

from typing import Protocol

from otakit.twin.rules.chance import Chance
from otakit.twin.rules.timers import Timers
from otakit.twin.settings import TwinSettings, nanoseconds

TAKEN_OVER, SILENT, CREDENTIALS_CHANGED = 0x8E, (0x83, 0xA0), 0x98
"""Reason codes of MQTT 5's DISCONNECT; which of the two checks for silence fires first is open."""


class Session(Protocol):
    """One accepted connection."""

    active_at: int
    hears_updates: bool

    def tell(self, body: dict[str, object]) -> None:
        """Sends an attribute update."""

    def end(self, reason_code: int) -> None:
        """Says goodbye and asks to be closed."""


class Sessions:
    """All accepted connections of all devices."""

    def __init__(self, settings: TwinSettings, chance: Chance, timers: Timers) -> None:
        self._settings, self._chance, self._timers = settings, chance, timers
        self._open: dict[str, list[Session]] = {}
        self._owner: dict[Session, str] = {}
        self._woken: dict[Session, None] = {}
        self._checking = False

    def __len__(self) -> int:
        """How many are open."""
        return len(self._owner)

    def opened(self, device_id: str, session: Session, now: int) -> None:
        """A device connected; the oldest of too many is closed."""
        self.gone(session)
        sessions = self._open.setdefault(device_id, [])
        sessions.append(session)
        self._owner[session] = device_id
        while len(sessions) > self._settings.connections_per_device:
            self._end(sessions[0], TAKEN_OVER)
        self._check_later(now)

    def gone(self, session: Session) -> None:
        """A connection is over."""
        device_id = self._owner.pop(session, None)
        if device_id is not None:
            self._open[device_id].remove(session)

    def of(self, device_id: str) -> list[Session]:
        """A device's open connections, oldest first."""
        return list(self._open.get(device_id, ()))

    def tell(self, device_id: str, body: dict[str, object]) -> None:
        """Sends an attribute update to those who subscribed; nothing is kept for others."""
        for session in self.of(device_id):
            if session.hears_updates:
                session.tell(body)
                self._woken[session] = None

    def end_all(self, device_id: str, reason_code: int = CREDENTIALS_CHANGED) -> None:
        """Closes every connection of a device."""
        for session in self.of(device_id):
            self._end(session, reason_code)

    def wake(self, session: Session) -> None:
        """A connection has something to send that it did not ask for just now."""
        self._woken[session] = None

    def take_woken(self) -> list[Session]:
        """The connections that have something to send or want to be closed; empties the list."""
        woken = list(self._woken)
        self._woken.clear()
        return woken

    def _end(self, session: Session, reason_code: int) -> None:
        self.gone(session)
        session.end(reason_code)
        self._woken[session] = None

    def _check_later(self, now: int) -> None:
        if not self._checking:
            self._checking = True
            every = nanoseconds(self._settings.inactivity_check_s)
            self._timers.at(now - now % every + every, self._check)

    def _check(self, now: int) -> None:
        self._checking = False
        limit = nanoseconds(self._settings.inactivity_s)
        for session in list(self._owner):
            if now - session.active_at > limit:
                self._end(session, self._chance.one_of(SILENT))
        if self._owner:
            self._check_later(now)
