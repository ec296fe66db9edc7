"""The twin's knobs, with the values that ThingsBoard ships with.

Each names ThingsBoard's own setting where it has one. What the source leaves open (orders, which of two
codes) is decided by the seed while `shuffle` is on, and in the usual order while it is off.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from otakit.errors import SettingsError

SECOND = 1_000_000_000
"""Nanoseconds in a second: inside, time is whole nanoseconds; on the public face, seconds."""


@dataclass(frozen=True, slots=True)
class TwinSettings:
    """How this ThingsBoard is configured.

    Attributes:
        max_payload_bytes: largest packet from a device and largest chunk (`NETTY_MAX_PAYLOAD_SIZE`).
        dispatch_spacing_s: seconds between two devices that are told of a package
            (`TB_QUEUE_CORE_OTA_PACK_INTERVAL_MS` / `TB_QUEUE_CORE_OTA_PACK_SIZE`).
        dispatch_latency_s: seconds from the assignment to its turn on an idle dispatcher.
        cache_entries: packages whose bytes are held (`CACHE_SPECS_OTA_PACKAGES_DATA_MAX_SIZE`).
        cache_ttl_s: seconds after loading until they are dropped (`CACHE_SPECS_OTA_PACKAGES_DATA_TTL`).
        inactivity_s: seconds of silence until a connection is closed.
        inactivity_check_s: how often that is looked at.
        connections_per_device: one more closes the oldest.
        queue_before_connack: packets that may wait for CONNECT.
        core_delay_s: seconds the core takes to say which package a new request id means.
        core_timeout_s: seconds after which a silent core ends the connection.
        http_payload_limit_bytes: largest REST body with a Content-Length
            (`HTTP_MAX_PAYLOAD_SIZE_LIMIT_CONFIGURATION`).
        multipart_limit_bytes: largest upload at all (`SPRING_SERVLET_MULTIPART_MAX_REQUEST_SIZE`).
        token_s: seconds until a REST login has to be refreshed.
        shuffle: open orders are decided by the seed.
    """

    max_payload_bytes: int = 65_536
    dispatch_spacing_s: float = 0.6
    dispatch_latency_s: float = 0.005
    cache_entries: int = 10
    cache_ttl_s: float = 3600
    inactivity_s: float = 600
    inactivity_check_s: float = 3
    connections_per_device: int = 1
    queue_before_connack: int = 100
    core_delay_s: float = 0
    core_timeout_s: float = 10
    http_payload_limit_bytes: int = 16_777_216
    multipart_limit_bytes: int = 52_428_800
    token_s: int = 9000
    shuffle: bool = True

    def __post_init__(self) -> None:
        """Refuses what cannot be meant.

        Raises:
            SettingsError: a value below its least; the text names it.
        """
        may_be_zero = ("dispatch_spacing_s", "dispatch_latency_s", "core_delay_s", "shuffle")
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 0 or (value == 0 and field.name not in may_be_zero):
                least = "0 or more" if field.name in may_be_zero else "more than 0"
                raise SettingsError(f"TwinSettings: {field.name} must be {least}, not {value!r}")


def nanoseconds(seconds: float) -> int:
    """Seconds of the public face as whole nanoseconds."""
    return round(seconds * SECOND)
