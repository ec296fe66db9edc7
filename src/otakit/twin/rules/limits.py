"""Rate limits as ThingsBoard's tenant profile sets them: ``20:1,600:60`` is 20 a second and 600 a minute.

Knows the buckets of tokens (`TbRateLimits`: filled steadily, full at the start) and which bucket pays for
what (`DefaultTransportRateLimitService`); refuses to know what is refused when one is empty. Buckets are
made when something is first charged to them, and none where no limit is set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otakit.twin.settings import TwinSettings

_RATE = re.compile(r"(\d{1,12}):(\d{1,9})", re.ASCII)
_SECOND = 1_000_000_000
Buckets = tuple["Bucket | None", "Bucket | None", "Bucket | None"]
"""For messages without values, messages with values, and the values themselves."""


def rates(text: str) -> list[tuple[int, int]]:
    """Each capacity with its seconds; empty when the text is no rate limit."""
    found = [_RATE.fullmatch(part) for part in text.split(",")]
    pairs = [(int(each[1]), int(each[2])) for each in found if each]
    return pairs if len(pairs) == len(found) and all(capacity and seconds for capacity, seconds in pairs) else []


class Bucket:
    """Tokens under one or more rates, all of which must have enough. Full when it is made."""

    __slots__ = ("_at", "_levels", "_rates")

    def __init__(self, text: str, now: int) -> None:
        self._rates = tuple((capacity, seconds * _SECOND) for capacity, seconds in rates(text))
        # a level counts in tokens × period: whole numbers, so that no fraction of a token is ever lost
        self._levels = [capacity * period for capacity, period in self._rates]
        self._at = now

    def take(self, tokens: int, now: int) -> bool:
        """Takes so many, or none and says False."""
        passed, self._at = max(0, now - self._at), max(self._at, now)
        for index, (capacity, period) in enumerate(self._rates):
            self._levels[index] = min(capacity * period, self._levels[index] + passed * capacity)
        if any(level < tokens * period for level, (_, period) in zip(self._levels, self._rates, strict=True)):
            return False
        for index, (_, period) in enumerate(self._rates):
            self._levels[index] -= tokens * period
        return True


class Limits:
    """All buckets of one tenant."""

    def __init__(self, settings: TwinSettings) -> None:
        self._settings = settings
        self._buckets: dict[tuple[str, str], Buckets] = {}
        kinds = ("tenant", "device", "gateway", "gateway_device")
        self._texts = {kind: texts for kind in kinds if any(texts := self._of(kind))}

    def allow(
        self, now: int, device_id: str, values: int = 0, *, is_gateway: bool = False, gateway_id: str | None = None
    ) -> bool:
        """Charges one message; False when a limit refuses it.

        Args:
            now: nanoseconds since the epoch.
            device_id: whose message it is.
            values: how many values it carries.
            is_gateway: whether that device is a gateway, speaking for itself.
            gateway_id: the gateway that speaks for it.
        """
        if self._settings.api_disabled:
            return False
        if not self._texts:
            return True
        payers = [("tenant", "")]
        if is_gateway:
            payers.append(("gateway_device", device_id))
        elif gateway_id is None:
            payers.append(("device", device_id))
        else:
            payers.append(("gateway", gateway_id))
        return all(self._pay(kind, owner, values, now) for kind, owner in payers)

    def described(self, kind: str) -> dict[str, str | None]:
        """The limits of a kind of payer as a device is told of them (`SessionLimits`)."""
        messages, telemetry, points = self._of(kind)
        return {"messages": messages, "telemetryMessages": telemetry, "telemetryDataPoints": points}

    def forget(self, device_id: str) -> None:
        """The device is deleted."""
        for kind in ("device", "gateway", "gateway_device"):
            self._buckets.pop((kind, device_id), None)

    def _of(self, kind: str) -> tuple[str | None, str | None, str | None]:
        names = ("messages", "telemetry_messages", "telemetry_data_points")
        messages, telemetry, points = (getattr(self._settings, f"{kind}_{name}") for name in names)
        return messages, telemetry, points

    def _pay(self, kind: str, owner: str, values: int, now: int) -> bool:
        texts = self._texts.get(kind)
        if texts is None:
            return True
        if (buckets := self._buckets.get((kind, owner))) is None:
            messages, telemetry, points = (Bucket(text, now) if text else None for text in texts)
            buckets = self._buckets[kind, owner] = (messages, telemetry, points)
        if not values:
            return buckets[0] is None or buckets[0].take(1, now)
        return (buckets[1] is None or buckets[1].take(1, now)) and (buckets[2] is None or buckets[2].take(values, now))
