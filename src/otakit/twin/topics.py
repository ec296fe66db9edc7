"""ThingsBoard's topics for devices: which filters it grants and which publish means what.

Knows `MqttTopics` in its long and short forms and the order in which `processDevicePublish` tries them;
refuses to know payloads. Protobuf forms are granted, as ThingsBoard grants them, and not spoken.
"""

from __future__ import annotations

from dataclasses import dataclass

from otakit.protocol.messages import ATTRIBUTES_TOPIC, Kind, chunk_filter, error_filter

FAMILIES = ("", "j/", "p/")
"""Endings of the short topics: the profile's payload type, JSON, Protobuf."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A family of topics that end in a request id.

    Attributes:
        request: what a device's request begins with.
        response: what the answer's topic begins with.
        form: how its payloads are written: empty as the profile says, ``j`` JSON, ``p`` Protobuf.
    """

    request: str
    response: str
    form: str = ""

    @property
    def granted_by(self) -> str:
        """The filter whose granted QoS the answer gets."""
        return self.response + "+"


def _short(request: str, response: str) -> tuple[Numbered, ...]:
    forms = (("j/", "j"), ("p/", "p"), ("", ""))  # the longer ones first: the short one begins them all
    return tuple(Numbered(request + ending, response + ending, form) for ending, form in forms)


LONG_ATTRIBUTE_REQUEST = Numbered("v1/devices/me/attributes/request/", "v1/devices/me/attributes/response/")
LONG_RPC_REQUEST = Numbered("v1/devices/me/rpc/request/", "v1/devices/me/rpc/response/")
ATTRIBUTE_REQUESTS = _short("v2/a/req/", "v2/a/res/")
RPC_REQUESTS = _short("v2/r/req/", "v2/r/res/")
LONG_RPC_ANSWER, RPC_ANSWERS = "v1/devices/me/rpc/response/", ("v2/r/res/j/", "v2/r/res/p/", "v2/r/res/")
CLAIM = "v1/devices/me/claim"
GATEWAY = "v1/gateway/"
PROVISION_REQUEST, PROVISION_RESPONSE = "/provision/request", "/provision/response"
SHORT_TELEMETRY = {"v2/t": "", "v2/t/j": "j", "v2/t/p": "p"}
SHORT_ATTRIBUTES = {"v2/a": "", "v2/a/j": "j", "v2/a/p": "p"}
UPDATE_FILTERS = {name: name for name in (ATTRIBUTES_TOPIC, *SHORT_ATTRIBUTES)}
"""Subscribing one of them registers for attribute updates; the last one decides where they arrive."""
RPC_FILTERS = frozenset({"v1/devices/me/rpc/request/+", *(f"v2/r/req/{ending}+" for ending in FAMILIES)})
"""Subscribing one of them registers for calls."""


def _granted() -> dict[str, int]:
    names = [*UPDATE_FILTERS, PROVISION_RESPONSE, *sorted(RPC_FILTERS)]
    names += ["v1/devices/me/attributes/response/+", "v1/devices/me/rpc/response/+"]
    names += [f"v2/{part}/{ending}+" for part in ("a/res", "r/res") for ending in FAMILIES]
    for kind in Kind:
        names += [chunk_filter(kind), error_filter(kind)]
    names += [GATEWAY + part for part in ("attributes", "rpc", "attributes/response")]
    return {name: 2 * place for place, name in enumerate(names)}


FILTERS = _granted()
"""Every filter that SUBSCRIBE grants, by string equality, with its place in a word of two bits each; all others
are refused one by one, and `PROVISION_RESPONSE` is granted on a provisioning connection only."""
