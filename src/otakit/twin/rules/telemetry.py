"""What the server remembers of a device: attributes by scope, telemetry as history and latest.

Knows ThingsBoard's storage rules: history keyed by (key, time), so two values of one millisecond leave
one; latest replaced only by a time that is not older (`SqlLatestInsertTsRepository`). Refuses to know
who wrote a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from otakit.twin.rules.changes import Changes, Noted
from otakit.twin.rules.values import FormatError, Numeral, Value, stored_members

MILLISECOND = 1_000_000
"""Nanoseconds in one: ThingsBoard stamps in milliseconds."""


class TimestampError(ValueError):
    """A ``ts`` that is no number: outside the errors that ThingsBoard's handler knows."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute's value and the millisecond it was written in."""

    value: Value
    ts_ms: int


Attributes = dict[str, Attribute]


class Telemetry:
    """Time series of one device."""

    def __init__(self) -> None:
        self._history: dict[str, dict[int, Value]] = {}
        self._latest: dict[str, tuple[int, Value]] = {}
        self._changes: Changes | None = None
        self._owner = ""

    def observe(self, changes: Changes, device_id: str) -> None:
        """From now on each row that changes is noted."""
        self._changes, self._owner = changes, device_id

    def restore(self, key: str, latest: tuple[int, Value], history: dict[int, Value]) -> None:
        """Puts back what was kept of a key."""
        self._latest[key], self._history[key] = latest, history

    def write(self, ts_ms: int, values: Mapping[str, Value]) -> None:
        """Stores values under one time."""
        if self._changes is not None:
            for key in values:
                note = self._changes.written if key in self._latest else self._changes.moved
                note(("series", self._owner, key))
                self._changes.written(("history", self._owner, key, ts_ms))
        for key, value in values.items():
            self._history.setdefault(key, {})[ts_ms] = value
            if key not in self._latest or ts_ms >= self._latest[key][0]:
                self._latest[key] = (ts_ms, value)

    def keep_newest(self, keys: Iterable[str], most: int) -> None:
        """Forgets the oldest values of keys that have a tenth more than `most`: seldom, since it sorts them."""
        for key in keys:
            history = self._history.get(key, {})
            if len(history) <= most + most // 10:
                continue
            for ts_ms in sorted(history)[: len(history) - most]:
                del history[ts_ms]
                if self._changes is not None:
                    self._changes.written(("history", self._owner, key, ts_ms))

    @property
    def keys(self) -> list[str]:
        """Every key that was ever written, in the order of its first."""
        return list(self._latest)

    def __contains__(self, key: str) -> bool:
        """Whether a key was ever written."""
        return key in self._latest

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._latest)

    def latest(self, key: str) -> tuple[int, Value] | None:
        """The newest (time, value) of a key."""
        return self._latest.get(key)

    def between(self, key: str, start_ms: int, end_ms: int, *, ascending: bool = False) -> list[tuple[int, Value]]:
        """History from `start_ms` (inclusive) to `end_ms` (exclusive), newest first unless told otherwise."""
        rows = [(ts, value) for ts, value in self._history.get(key, {}).items() if start_ms <= ts < end_ms]
        return sorted(rows, key=lambda row: row[0], reverse=not ascending)

    def at(self, key: str, ts_ms: int) -> Value | None:
        """The value of a key at one time."""
        return self._history.get(key, {}).get(ts_ms)

    def delete(self, keys: Iterable[str]) -> None:
        """Forgets keys with all their history."""
        for key in keys:
            if self._changes is not None:
                self._changes.moved(("series", self._owner, key))
            self._history.pop(key, None)
            self._latest.pop(key, None)


@dataclass(slots=True)
class Memory:
    """Everything remembered of one device."""

    shared: Attributes = field(default_factory=dict)
    client: Attributes = field(default_factory=dict)
    server: Attributes = field(default_factory=dict)
    telemetry: Telemetry = field(default_factory=Telemetry)

    def observe(self, changes: Changes, device_id: str) -> None:
        """From now on each change is noted."""
        self.shared = Noted(self.shared, changes, "attribute", device_id, "shared")
        self.client = Noted(self.client, changes, "attribute", device_id, "client")
        self.server = Noted(self.server, changes, "attribute", device_id, "server")
        self.telemetry.observe(changes, device_id)

    def scope(self, name: str) -> Attributes | None:
        """Attributes by ThingsBoard's name of their scope, None for an unknown one."""
        return {"SHARED_SCOPE": self.shared, "CLIENT_SCOPE": self.client, "SERVER_SCOPE": self.server}.get(name)


def points_of(body: object, now_ms: int) -> list[tuple[int, dict[str, Value]]]:
    """What a telemetry payload says: times in milliseconds and their values (`JsonConverter.convertToTelemetry`).

    Raises:
        FormatError: neither an object nor an array of objects.
        TimestampError: a ``ts`` that is no number.
    """
    if isinstance(body, list):
        if not all(isinstance(item, dict) for item in body):
            raise FormatError("an array of objects is expected")
        return [_point(item, now_ms) for item in body]
    if not isinstance(body, dict):
        raise FormatError("a JSON object or array is expected")
    return [_point(body, now_ms)]


def _point(body: dict[str, object], now_ms: int) -> tuple[int, dict[str, Value]]:
    if "ts" in body and "values" in body:
        return _milliseconds(body["ts"]), stored_members(body["values"])
    return now_ms, stored_members(body)


def _milliseconds(value: object) -> int:
    """Java's `getAsLong`: text that holds a whole number passes too, and a fraction is cut off."""
    try:
        if isinstance(value, Numeral):
            number = int(value) if value.lstrip("-").isdecimal() else int(float(value))
        elif isinstance(value, str) and value.isascii() and value.strip() == value:
            number = int(value)
        else:
            raise TimestampError(f"ts is {value!r}")
    except (ValueError, OverflowError) as error:
        raise TimestampError(f"ts is {value!r}") from error
    return (number + 2**63) % 2**64 - 2**63
