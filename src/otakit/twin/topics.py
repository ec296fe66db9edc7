"""ThingsBoard's topics for devices: which filters it grants and which publish means what.

Knows `MqttTopics` in its long and short forms and the order in which `processDevicePublish` tries them;
refuses to know payloads. Protobuf forms are granted, as ThingsBoard grants them, and not spoken.
"""

from __future__ import annotations

from dataclasses import dataclass

from otakit.protocol.messages import ATTRIBUTES_TOPIC, TELEMETRY_TOPIC, Kind, chunk_filter, error_filter

FAMILIES = ("", "j/", "p/")
"""Endings of the short topics: the profile's payload type, JSON, Protobuf."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A family of topics that end in a request id.

    Attributes:
        request: what a device's request begins with.
        response: what the answer's topic begins with.
    """

    request: str
    response: str

    @property
    def granted_by(self) -> str:
        """The filter whose granted QoS the answer gets."""
        return self.response + "+"


ATTRIBUTE_REQUESTS = (
    Numbered("v1/devices/me/attributes/request/", "v1/devices/me/attributes/response/"),
    Numbered("v2/a/req/j/", "v2/a/res/j/"),
    Numbered("v2/a/req/", "v2/a/res/"),
)
RPC_REQUESTS = (
    Numbered("v1/devices/me/rpc/request/", "v1/devices/me/rpc/response/"),
    Numbered("v2/r/req/j/", "v2/r/res/j/"),
    Numbered("v2/r/req/", "v2/r/res/"),
)
RPC_ANSWERS = ("v1/devices/me/rpc/response/", "v2/r/res/")
CLAIM = "v1/devices/me/claim"
GATEWAY = "v1/gateway/"
TELEMETRY = frozenset({TELEMETRY_TOPIC, "v2/t", "v2/t/j"})
ATTRIBUTES = frozenset({ATTRIBUTES_TOPIC, "v2/a", "v2/a/j"})
UPDATE_FILTERS = frozenset({ATTRIBUTES_TOPIC, "v2/a", "v2/a/j", "v2/a/p"})
"""Subscribing one of them registers for attribute updates; the last one decides where they arrive."""


def _granted() -> frozenset[str]:
    names = {"v1/devices/me/attributes/response/+", "v1/devices/me/rpc/request/+", "v1/devices/me/rpc/response/+"}
    for family in FAMILIES:
        names |= {f"v2/{part}/{family}+" for part in ("a/res", "r/req", "r/res")}
    for kind in Kind:
        names |= {chunk_filter(kind), error_filter(kind)}
    names |= {GATEWAY + part for part in ("attributes", "rpc", "attributes/response")}
    return frozenset(names) | UPDATE_FILTERS


FILTERS = _granted()
"""Every filter that SUBSCRIBE grants, by string equality; all others are refused one by one."""
