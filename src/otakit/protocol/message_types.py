"""The messages of the update protocol as values, each with the topic and the payload that it is sent as.

Knows ThingsBoard's topics and JSON shapes (`MqttTopics`, `JsonMqttAdaptor`); refuses to know how bytes
become messages (`message_reading`) and when one is sent. Firmware and software share each class; they
differ in the prefix ``fw`` or ``sw`` and in nothing else, except that errors of both arrive on
``v2/fw/error``. Imported through `protocol.messages`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What a package updates; the value is ThingsBoard's key and topic prefix."""

    FIRMWARE = "fw"
    SOFTWARE = "sw"

    @property
    def word(self) -> str:
        """``firmware`` or ``software``."""
        return self.name.lower()


class Direction(Enum):
    """Who says it to whom. Only the first two travel over MQTT; the others stand in diagrams."""

    TO_SERVER = "to server"
    TO_DEVICE = "to device"
    OPERATOR_TO_SERVER = "operator to server"
    SERVER_TO_OPERATOR = "server to operator"
    WITHIN_DEVICE = "within device"
    WITHIN_SERVER = "within server"


TELEMETRY_TOPIC = "v1/devices/me/telemetry"
ATTRIBUTES_TOPIC = "v1/devices/me/attributes"
ATTRIBUTES_RESPONSE_FILTER = "v1/devices/me/attributes/response/+"
RPC_RESPONSE_FILTER = "v1/devices/me/rpc/response/+"


def chunk_filter(kind: Kind) -> str:
    """The only filter for chunks that ThingsBoard grants (`MqttTopics`)."""
    return f"v2/{kind.value}/response/+/chunk/+"


def error_filter(kind: Kind) -> str:
    """Where errors arrive. ThingsBoard publishes those of both kinds under the firmware's."""
    return f"v2/{kind.value}/error"


def compact(value: object) -> bytes:
    """JSON without blanks, UTF-8; half of a surrogate pair, which UTF-8 cannot hold, becomes ``?``."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


@dataclass(frozen=True, slots=True)
class NotJson:
    """A payload that should have been JSON; `text` is its beginning, for the error message."""

    text: str


@dataclass(frozen=True, slots=True)
class AttributesRequest:
    """Asks for the values of shared (and client) attributes."""

    row: ClassVar[str] = "AttributesRequest"
    request_id: int
    shared: tuple[str, ...]
    client: tuple[str, ...] = ()

    @property
    def topic(self) -> str:  # noqa: D102 - the row's topic
        return f"v1/devices/me/attributes/request/{self.request_id}"

    @property
    def payload(self) -> bytes:
        """Keys joined by a comma without a blank: ThingsBoard does not trim them (`JsonMqttAdaptor.toStringSet`)."""
        body = {"sharedKeys": self.shared, "clientKeys": self.client}
        return compact({key: ",".join(names) for key, names in body.items() if names})


@dataclass(frozen=True, slots=True)
class AttributesResponse:
    """The values that exist: ``{"shared": {...}, "client": {...}}``, ``{}`` when none does."""

    row: ClassVar[str] = "AttributesResponse"
    request_id: int
    body: object

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v1/devices/me/attributes/response/{self.request_id}"

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class AttributesUpdate:
    """Values that changed (a flat object), or ``{"deleted": [...]}``."""

    row: ClassVar[str] = "AttributesUpdate"
    topic: ClassVar[str] = ATTRIBUTES_TOPIC
    body: object

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the device reports; `ts_ms` is the time in milliseconds since the epoch, or None for arrival."""

    row: ClassVar[str] = "Telemetry"
    topic: ClassVar[str] = TELEMETRY_TOPIC
    values: Mapping[str, object]
    ts_ms: int | None = None

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.values if self.ts_ms is None else {"ts": self.ts_ms, "values": self.values})


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """Asks for chunk `index`; `size` in bytes, None to repeat the size last given under this request id."""

    row: ClassVar[str] = "ChunkRequest"
    kind: Kind
    request_id: int
    index: int
    size: int | None

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v2/{self.kind.value}/request/{self.request_id}/chunk/{self.index}"

    @property
    def payload(self) -> bytes:
        """The size as bare ASCII digits; quotes around them drop the connection (`Integer.parseInt`)."""
        return b"" if self.size is None else b"%d" % self.size


@dataclass(frozen=True, slots=True)
class ChunkResponse:
    """Bytes `index` × size onwards of the image; empty past its end, or when the server lost its cache entry."""

    row: ClassVar[str] = "ChunkResponse"
    kind: Kind
    request_id: int
    index: int
    payload: bytes = field(repr=False)

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v2/{self.kind.value}/response/{self.request_id}/chunk/{self.index}"


@dataclass(frozen=True, slots=True)
class OtaError:
    """One bare word; the server closes the connection right after. The topic does not tell the kind."""

    row: ClassVar[str] = "OtaError"
    word: str
    kind: Kind = Kind.FIRMWARE

    @property
    def topic(self) -> str:  # noqa: D102
        return error_filter(self.kind)

    @property
    def payload(self) -> bytes:  # noqa: D102
        return self.word.encode()


@dataclass(frozen=True, slots=True)
class RpcRequest:
    """A call; the device's own ``getSessionLimits`` is answered by the transport itself."""

    row: ClassVar[str] = "RpcRequest"
    request_id: int
    body: object

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v1/devices/me/rpc/request/{self.request_id}"

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class RpcResponse:
    """The answer to a call."""

    row: ClassVar[str] = "RpcResponse"
    request_id: int
    body: object

    @property
    def topic(self) -> str:  # noqa: D102
        return f"v1/devices/me/rpc/response/{self.request_id}"

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class AttributesPublish:
    """Client attributes that the device reports about itself."""

    row: ClassVar[str] = "AttributesPublish"
    topic: ClassVar[str] = ATTRIBUTES_TOPIC
    body: object

    @property
    def payload(self) -> bytes:  # noqa: D102
        return compact(self.body)


@dataclass(frozen=True, slots=True)
class OtherPublish:
    """A topic outside the update protocol."""

    row: ClassVar[str] = "OtherPublish"
    topic: str
    payload: bytes = field(repr=False)


Message = (
    AttributesRequest | AttributesResponse | AttributesUpdate | AttributesPublish | Telemetry
    | ChunkRequest | ChunkResponse | OtaError | RpcRequest | RpcResponse | OtherPublish
)  # fmt: skip
