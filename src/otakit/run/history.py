"""Which of the server's own statuses belong to an update, out of a device's telemetry history.

Knows that ThingsBoard writes QUEUED and INITIATED (`DefaultOtaPackageStateService`) and the device all
others; refuses to know how the history was fetched. `run` asks it after an update.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from otakit.protocol.messages import Kind

BY_SERVER = frozenset({"QUEUED", "INITIATED"})
ENDINGS = frozenset({"UPDATED", "FAILED"})
History = Mapping[str, Sequence[tuple[int, object]]]
"""Telemetry key to its values, oldest first: milliseconds since the epoch and value."""


def server_statuses(history: History, since_ms: int) -> Iterator[tuple[Kind, str, int]]:
    """Kind, status and milliseconds of what the server wrote about an update, oldest first.

    Args:
        history: of the device.
        since_ms: when the run began; an assignment from before counts while no earlier update has ended after it.
    """
    for kind in Kind:
        values = history.get(f"{kind.value}_state", ())
        ended = max((ts for ts, value in values if value in ENDINGS and ts < since_ms), default=-1)
        for ts, value in values:
            if value in BY_SERVER and ts > ended:
                yield kind, str(value), ts
