"""What a PUBLISH means to ThingsBoard: topic and payload to a message, without trust.

Never raises, whatever the wire brings: what does not belong to the update protocol is an
`OtherPublish`, what should be JSON and is none a `NotJson`. Imported through `protocol.messages`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import NoReturn

from otakit.protocol.message_types import (
    ATTRIBUTES_TOPIC,
    TELEMETRY_TOPIC,
    AttributesPublish,
    AttributesRequest,
    AttributesResponse,
    AttributesUpdate,
    ChunkRequest,
    ChunkResponse,
    Direction,
    Kind,
    Message,
    NotJson,
    OtaError,
    OtherPublish,
    RpcRequest,
    RpcResponse,
    Telemetry,
)

MAX_DEPTH = 64
CHUNK_TOPIC = re.compile(r"v2/(fw|sw)/(request|response)/(\d{1,18})/chunk/(\d{1,18})", re.ASCII)
_NUMBERED = re.compile(r"v1/devices/me/(attributes|rpc)/(request|response)/(\d{1,18})", re.ASCII)
_NUMBERED_MESSAGES: dict[tuple[str, str, Direction], Callable[[int, object], Message]] = {
    ("attributes", "response", Direction.TO_DEVICE): AttributesResponse,
    ("rpc", "request", Direction.TO_SERVER): RpcRequest,
    ("rpc", "request", Direction.TO_DEVICE): RpcRequest,
    ("rpc", "response", Direction.TO_SERVER): RpcResponse,
    ("rpc", "response", Direction.TO_DEVICE): RpcResponse,
}


def parse_json(payload: bytes) -> object:
    """The value, or `NotJson` for what is none: never an exception, whatever the wire brings.

    NaN, Infinity and numbers that would become it are no JSON (RFC 8259, section 6), though Python
    reads them; what nests deeper than `MAX_DEPTH` counts as none, too, since printing it would fail.
    """
    try:
        value = json.loads(payload.decode(), parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError):
        return NotJson(payload[:80].decode(errors="replace"))
    brackets = payload.count(b"[") + payload.count(b"{")
    return NotJson(payload[:80].decode(errors="replace")) if brackets > MAX_DEPTH and _is_deep(value) else value


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        boxes = [box.values() if isinstance(box, dict) else box for box in level if isinstance(box, dict | list)]
        level = [inner for box in boxes for inner in box]
    return any(isinstance(box, dict | list) for box in level)


def _refused(word: str) -> NoReturn:
    raise ValueError(word)


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refused(digits)


def message_of(topic: str, payload: bytes, direction: Direction) -> Message:
    """What a PUBLISH means; `OtherPublish` for a topic outside the update protocol."""
    if found := CHUNK_TOPIC.fullmatch(topic):
        return _chunk_message(found, topic, payload, direction)
    if found := _NUMBERED.fullmatch(topic):
        return _numbered_message(found, topic, payload, direction)
    to_server = direction is Direction.TO_SERVER
    if topic == ATTRIBUTES_TOPIC:
        return AttributesPublish(parse_json(payload)) if to_server else AttributesUpdate(parse_json(payload))
    if topic == TELEMETRY_TOPIC and to_server:
        return _telemetry(topic, payload)
    if topic in ("v2/fw/error", "v2/sw/error") and not to_server:
        return OtaError(payload[:200].decode(errors="replace"), Kind(topic[3:5]))
    return OtherPublish(topic, payload)


def _chunk_message(found: re.Match[str], topic: str, payload: bytes, direction: Direction) -> Message:
    kind, request_id, index = Kind(found[1]), int(found[3]), int(found[4])
    if found[2] == "response" and direction is Direction.TO_DEVICE:
        return ChunkResponse(kind, request_id, index, payload)
    digits = payload.isdigit() and len(payload) <= 10  # anything longer is beyond Java's int anyway
    if found[2] == "request" and direction is Direction.TO_SERVER and (digits or not payload):
        return ChunkRequest(kind, request_id, index, int(payload) if payload else None)
    return OtherPublish(topic, payload)


def _numbered_message(found: re.Match[str], topic: str, payload: bytes, direction: Direction) -> Message:
    family, part, request_id, body = found[1], found[2], int(found[3]), parse_json(payload)
    if (build := _NUMBERED_MESSAGES.get((family, part, direction))) is not None:
        return build(request_id, body)
    if (family, part, direction) == ("attributes", "request", Direction.TO_SERVER) and isinstance(body, dict):
        return AttributesRequest(request_id, _keys(body.get("sharedKeys")), _keys(body.get("clientKeys")))
    return OtherPublish(topic, payload)


def _keys(text: object) -> tuple[str, ...]:
    return tuple(text.split(",")) if isinstance(text, str) and text else ()


def _telemetry(topic: str, payload: bytes) -> Message:
    body = parse_json(payload)
    if isinstance(body, list) and len(body) == 1:  # as tb-mqtt-client sends it
        body = body[0]
    if not isinstance(body, dict):
        return OtherPublish(topic, payload)
    if isinstance(body.get("values"), dict) and isinstance(body.get("ts"), int):
        return Telemetry(body["values"], body["ts"])
    return Telemetry(body)
