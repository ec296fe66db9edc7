"""The verbs that read and write what a server remembers of a device, and the one that waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from otakit.errors import ResponseTimeout, SettingsError
from otakit.protocol.messages import Kind
from otakit.servers.things import Device, kind_of
from otakit.thingsboard import Operator

if TYPE_CHECKING:
    import pandas as pd

SCOPES = {"shared": "SHARED_SCOPE", "client": "CLIENT_SCOPE", "server": "SERVER_SCOPE"}
LAST = ("UPDATED", "FAILED")
"""No status of the same update follows these."""
LOOK_AGAIN_S = 0.05


class Readings:
    """What is remembered of devices; `Server` has these verbs too."""

    operator: Operator

    def attributes(self, device: Device, scope: str = "shared") -> dict[str, object]:
        """A device's attributes by key: ``shared`` ones, which it hears of, or those of ``client`` or ``server``."""
        return self.operator.attributes(device.id, scope=_scope(scope))

    def write_attributes(self, device: Device, values: Mapping[str, object], scope: str = "shared") -> None:
        """Writes attributes, as an operator might by hand."""
        self.operator.write_attributes(device.id, values, _scope(scope))

    def delete_attributes(self, device: Device, *keys: str, scope: str = "shared") -> None:
        """Deletes attributes; what is not there is no error."""
        if not keys:
            raise SettingsError("delete_attributes: no keys; name the attributes that shall go")
        self.operator.delete_attributes(device.id, keys, _scope(scope))

    def telemetry(self, device: Device, *keys: str) -> dict[str, list[tuple[int, object]]]:
        """The device's telemetry by key, oldest first: pairs of milliseconds since the epoch and value.

        Args:
            device: whose.
            keys: which; all of them without.
        """
        return self.operator.history(device.id, keys)

    def write_telemetry(self, device: Device, values: Mapping[str, object], ts_ms: int | None = None) -> None:
        """Writes telemetry in a device's name; stamped by the server without a time in milliseconds."""
        self.operator.write_telemetry(device.id, values, ts_ms)

    def latest(self, device: Device, *keys: str) -> dict[str, object]:
        """The newest value of each key."""
        return {key: rows[-1][1] for key, rows in self.telemetry(device, *keys).items() if rows}

    def history(self, device: Device, *keys: str) -> pd.DataFrame:
        """The device's telemetry as a frame, in the order of time.

        Args:
            device: whose.
            keys: which; all of them without.

        Returns:
            Columns ``wall`` (UTC), ``key`` and ``value``.
        """
        import pandas as pd  # noqa: PLC0415 - most of a second, only for who wants a frame

        rows = [(ts, key, value) for key, values in self.telemetry(device, *keys).items() for ts, value in values]
        rows.sort(key=lambda row: row[0])
        wall = pd.to_datetime([row[0] for row in rows], unit="ms", utc=True)
        values = pd.Series([row[2] for row in rows], dtype=object)
        return pd.DataFrame({"wall": wall, "key": [row[1] for row in rows], "value": values})

    def wait_for(
        self, device: Device, status: str, *, kind: str | Kind = Kind.FIRMWARE, within_s: float = 30.0
    ) -> list[str]:
        """Waits until the device's update has reached a status.

        Args:
            device: whose.
            status: ``QUEUED``, ``INITIATED``, ``DOWNLOADING``, ``DOWNLOADED``, ``VERIFIED``, ``UPDATING``,
                ``UPDATED`` or ``FAILED``.
            kind: ``firmware`` or ``software``.
            within_s: seconds until it is too late.

        Returns:
            The statuses of this update so far, since it was last ``QUEUED``.

        Raises:
            ResponseTimeout: it did not come in time, or the update ended without it; the text says what came.
        """
        key, end = f"{kind_of(kind).value}_state", time.monotonic() + within_s
        while True:
            found = self.telemetry(device, key, key.replace("state", "error"))
            came = _since_queued([str(value) for _, value in found.get(key, [])])
            if status in came:
                return came
            if came and came[-1] in LAST:
                errors = found.get(key.replace("state", "error"))
                why = f" ({errors[-1][1]})" if errors and came[-1] == "FAILED" else ""
                raise ResponseTimeout(
                    f"{device.name}: the update ended {came[-1]}{why} without {status}; {_came(came)}"
                )
            if time.monotonic() >= end:
                raise ResponseTimeout(f"{device.name}: no {status} within {within_s:g} s; {_came(came)}")
            threading.Event().wait(min(LOOK_AGAIN_S, max(0.0, end - time.monotonic())))


def _came(statuses: list[str]) -> str:
    return f"it reported {', '.join(statuses)}" if statuses else "nothing was assigned or reported yet"


def _since_queued(statuses: list[str]) -> list[str]:
    """Those of the last update: a finished one before it does not count."""
    starts = [at for at, status in enumerate(statuses) if status == "QUEUED"]
    return statuses[starts[-1] :] if starts else statuses


def _scope(word: str) -> str:
    if word not in SCOPES:
        raise SettingsError(f"scope {word!r}: expected 'shared', 'client' or 'server'")
    return SCOPES[word]
