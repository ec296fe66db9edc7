"""The twin's knobs, with the values that ThingsBoard ships with.

Each names ThingsBoard's own setting where it has one (`KNOBS`). What the source leaves open (orders, which
of two codes) is decided by the seed while `shuffle` is on, and in the usual order while it is off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from otakit.errors import SettingsError
from otakit.twin.rules.limits import rates

SECOND = 1_000_000_000
"""Nanoseconds in a second: inside, time is whole nanoseconds; on the public face, seconds."""
_MAY_BE_ZERO = {
    "dispatch_spacing_s",
    "dispatch_latency_s",
    "attribute_save_s",
    "core_delay_s",
    "max_ota_bytes",
    "provision_close_s",
}
_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){1,3}")


@dataclass(frozen=True, slots=True)
class TwinSettings:
    """How this ThingsBoard is configured. Rate limits are written as ThingsBoard writes them: ``20:1,600:60``.

    Attributes:
        max_payload_bytes: largest packet from a device and largest chunk.
        dispatch_spacing_s: seconds between two devices that are told of a package.
        dispatch_latency_s: seconds from the assignment to its turn on an idle dispatcher.
        attribute_save_s: seconds between two of a package's attributes being stored; a request in between sees old
            and new side by side. ThingsBoard stores them one by one as fast as its database does.
        cache_entries: packages whose bytes are held.
        cache_ttl_s: seconds after loading until they are dropped.
        inactivity_s: seconds of silence until a connection is closed.
        inactivity_check_s: how often that is looked at.
        connections_per_device: one more closes the oldest.
        queue_before_connack: packets that may wait for CONNECT.
        core_delay_s: seconds the core takes to say which package a new request id means.
        core_timeout_s: seconds after which a silent core ends the connection.
        core_reachable: False refuses every CONNECT, as while ThingsBoard's core is down.
        http_payload_limit_bytes: largest REST body with a Content-Length.
        multipart_limit_bytes: largest upload at all.
        token_s: seconds until a REST login has to be refreshed.
        long_poll_s: seconds a device's HTTP long poll waits at most when it does not say.
        provision_close_s: seconds from the answer to a provisioning request until the connection is closed.
        skip_certificate_validity: certificates that are expired, or not valid yet, are taken too.
        max_ota_bytes: all packages of the tenant together; 0 is no limit.
        api_disabled: the tenant's API is switched off: whatever is charged to a rate limit is refused.
        device_messages: messages of one device that carry no values.
        device_telemetry_messages: its messages with values.
        device_telemetry_data_points: the values in them.
        gateway_messages: of one gateway for all devices behind it.
        gateway_telemetry_messages: likewise, those with values.
        gateway_telemetry_data_points: likewise, the values in them.
        gateway_device_messages: of one gateway for itself.
        gateway_device_telemetry_messages: likewise, those with values.
        gateway_device_telemetry_data_points: likewise, the values in them.
        tenant_messages: of all devices together.
        tenant_telemetry_messages: likewise, those with values.
        tenant_telemetry_data_points: likewise, the values in them.
        remembered_request_ids: request ids that one connection may have; the oldest is forgotten.
        remembered_keys: names of telemetry, and of client attributes, that one device may have; more are dropped.
        remembered_values: times for which one key of one device has a value; the oldest go. These bounds are the
            twin's own, since ThingsBoard has a database where the twin has memory.
        synchronous_commit: a twin that keeps its data acknowledges what is on the disk; off, what a power cut may
            still take back (a killed process loses nothing either way), at a hundredth of the price.
        version: of the ThingsBoard that is meant: ``4.2.1`` and before have a bug in URL packages, before
            ``3.4.2`` one in a profile's software.
        shuffle: open orders are decided by the seed.
    """

    max_payload_bytes: int = 65_536
    dispatch_spacing_s: float = 0.6
    dispatch_latency_s: float = 0.005
    attribute_save_s: float = 0
    cache_entries: int = 10
    cache_ttl_s: float = 3600
    inactivity_s: float = 600
    inactivity_check_s: float = 3
    connections_per_device: int = 1
    queue_before_connack: int = 100
    core_delay_s: float = 0
    core_timeout_s: float = 10
    core_reachable: bool = True
    http_payload_limit_bytes: int = 16_777_216
    multipart_limit_bytes: int = 52_428_800
    token_s: int = 9000
    long_poll_s: float = 60
    provision_close_s: float = 60
    skip_certificate_validity: bool = False
    max_ota_bytes: int = 0
    api_disabled: bool = False
    device_messages: str | None = None
    device_telemetry_messages: str | None = None
    device_telemetry_data_points: str | None = None
    gateway_messages: str | None = None
    gateway_telemetry_messages: str | None = None
    gateway_telemetry_data_points: str | None = None
    gateway_device_messages: str | None = None
    gateway_device_telemetry_messages: str | None = None
    gateway_device_telemetry_data_points: str | None = None
    tenant_messages: str | None = None
    tenant_telemetry_messages: str | None = None
    tenant_telemetry_data_points: str | None = None
    remembered_request_ids: int = 65_536
    remembered_keys: int = 10_000
    remembered_values: int = 100_000
    synchronous_commit: bool = True
    version: str = "4.3.1.3"
    shuffle: bool = True

    def __post_init__(self) -> None:
        """Refuses what cannot be meant.

        Raises:
            SettingsError: a value of the wrong kind or below its least; the text names it.
        """
        for field in fields(self):
            wrong = _wrong(field.name, str(field.type), getattr(self, field.name))
            if wrong:
                raise SettingsError(f"TwinSettings: {field.name} {wrong}")

    def is_before(self, *version: int) -> bool:
        """Whether an older ThingsBoard than this is meant."""
        return tuple(int(part) for part in self.version.split(".")) < version


def _wrong(name: str, kind: str, value: object) -> str:
    """What is wrong with a knob's value; nothing when it can be meant."""
    if kind == "bool":
        return "" if isinstance(value, bool) else f"must be true or false, not {value!r}"
    if kind in ("int", "float"):
        return _wrong_number(name, kind, value)
    if name == "version":
        fits = isinstance(value, str) and _VERSION.fullmatch(value)
        return "" if fits else f"must be a version such as 4.3.1.3, not {value!r}"
    if value is None or (isinstance(value, str) and rates(value)):
        return ""
    return f"must be messages:seconds such as 20:1,600:60, or None for no limit, not {value!r}"


def _wrong_number(name: str, kind: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        return f"must be a number, not {value!r}"
    if kind == "int" and not isinstance(value, int):
        return f"must be a whole number, not {value!r}"
    if value < 0 or (value == 0 and name not in _MAY_BE_ZERO):
        return f"must be {'0 or more' if name in _MAY_BE_ZERO else 'more than 0'}, not {value!r}"
    return ""


KNOBS: Mapping[str, str] = {
    "max_payload_bytes": "NETTY_MAX_PAYLOAD_SIZE",
    "dispatch_spacing_s": "TB_QUEUE_CORE_OTA_PACK_INTERVAL_MS / TB_QUEUE_CORE_OTA_PACK_SIZE",
    "dispatch_latency_s": "",
    "attribute_save_s": "",
    "cache_entries": "CACHE_SPECS_OTA_PACKAGES_DATA_MAX_SIZE",
    "cache_ttl_s": "CACHE_SPECS_OTA_PACKAGES_DATA_TTL",
    "inactivity_s": "TB_TRANSPORT_SESSIONS_INACTIVITY_TIMEOUT",
    "inactivity_check_s": "TB_TRANSPORT_SESSIONS_REPORT_TIMEOUT",
    "connections_per_device": "ACTORS_MAX_CONCURRENT_SESSION_PER_DEVICE",
    "queue_before_connack": "MQTT_MSG_QUEUE_SIZE_PER_DEVICE_LIMIT",
    "core_delay_s": "",
    "core_timeout_s": "TB_QUEUE_TRANSPORT_MAX_REQUEST_TIMEOUT",
    "core_reachable": "",
    "http_payload_limit_bytes": "HTTP_MAX_PAYLOAD_SIZE_LIMIT_CONFIGURATION",
    "multipart_limit_bytes": "SPRING_SERVLET_MULTIPART_MAX_REQUEST_SIZE",
    "token_s": "JWT_TOKEN_EXPIRATION_TIME",
    "long_poll_s": "HTTP_REQUEST_TIMEOUT",
    "provision_close_s": "",
    "skip_certificate_validity": "MQTT_SSL_SKIP_VALIDITY_CHECK_FOR_CLIENT_CERT",
    "max_ota_bytes": "tenant profile: maxOtaPackagesInBytes",
    "api_disabled": "API usage state of the tenant: transport",
    "device_messages": "tenant profile: transportDeviceMsgRateLimit",
    "device_telemetry_messages": "tenant profile: transportDeviceTelemetryMsgRateLimit",
    "device_telemetry_data_points": "tenant profile: transportDeviceTelemetryDataPointsRateLimit",
    "gateway_messages": "tenant profile: transportGatewayMsgRateLimit",
    "gateway_telemetry_messages": "tenant profile: transportGatewayTelemetryMsgRateLimit",
    "gateway_telemetry_data_points": "tenant profile: transportGatewayTelemetryDataPointsRateLimit",
    "gateway_device_messages": "tenant profile: transportGatewayDeviceMsgRateLimit",
    "gateway_device_telemetry_messages": "tenant profile: transportGatewayDeviceTelemetryMsgRateLimit",
    "gateway_device_telemetry_data_points": "tenant profile: transportGatewayDeviceTelemetryDataPointsRateLimit",
    "tenant_messages": "tenant profile: transportTenantMsgRateLimit",
    "tenant_telemetry_messages": "tenant profile: transportTenantTelemetryMsgRateLimit",
    "tenant_telemetry_data_points": "tenant profile: transportTenantTelemetryDataPointsRateLimit",
    "remembered_request_ids": "",
    "remembered_keys": "",
    "remembered_values": "",
    "synchronous_commit": "PostgreSQL: synchronous_commit",
    "version": "",
    "shuffle": "",
}
"""ThingsBoard's own name of each knob: an environment variable, else where it is set; empty where it has none."""


def nanoseconds(seconds: float) -> int:
    """Seconds of the public face as whole nanoseconds."""
    return round(seconds * SECOND)
