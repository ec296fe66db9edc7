"""What the client says to ThingsBoard on a connection, and what the answers mean.

Knows filters, keys, limits and telemetry as values; refuses to know when they are said. Called by
`connection` and `core`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otakit.client.events import NothingOffered, OfferUnusable, PackageOffered
from otakit.client.settings import Settings
from otakit.client.vocabulary import Report, Tell
from otakit.protocol.messages import (
    ATTRIBUTES_RESPONSE_FILTER,
    ATTRIBUTES_TOPIC,
    RPC_RESPONSE_FILTER,
    AttributesRequest,
    ChunkRequest,
    Kind,
    NotJson,
    RpcRequest,
    Telemetry,
    chunk_filter,
    error_filter,
)
from otakit.protocol.package import KEYS, MAX_IMAGE_BYTES, Nonsense, attribute_keys, package_of

SESSION_LIMITS = {"method": "getSessionLimits", "params": {}}
"""Answered by the transport itself (`MqttTransportHandler.onGetSessionLimitsRpc`)."""
Said = AttributesRequest | RpcRequest | Telemetry | ChunkRequest
Offer = PackageOffered | NothingOffered | OfferUnusable


def filters(settings: Settings) -> tuple[tuple[str, int], ...]:
    """What is subscribed to, in one SUBSCRIBE: only these exact strings are granted (`processSubscribe`)."""
    chunks = tuple((chunk_filter(kind), settings.chunk_qos) for kind in Kind)
    errors = tuple((error_filter(kind), 1) for kind in Kind)
    return ((ATTRIBUTES_TOPIC, 1), (ATTRIBUTES_RESPONSE_FILTER, 1), *chunks, *errors, (RPC_RESPONSE_FILTER, 1))


def refused_filters(settings: Settings, codes: tuple[int, ...]) -> list[Tell]:
    """A note for each filter that was not granted."""
    pairs = zip(filters(settings), codes, strict=False)
    return [Tell("filter_refused", {"filter": name, "code": code}) for (name, _), code in pairs if code >= 0x80]


def limits_request(request_id: int) -> RpcRequest:
    """Asks for the limits of this session."""
    return RpcRequest(request_id, SESSION_LIMITS)


def payload_limit(body: object) -> int | None:
    """``maxPayloadSize``, the largest chunk the server serves; None when it does not say."""
    limit = body.get("maxPayloadSize") if isinstance(body, dict) else None
    whole = isinstance(limit, int) and not isinstance(limit, bool)
    return limit if whole and 1 <= limit <= MAX_IMAGE_BYTES else None  # type: ignore[operator]  # whole: an int


def attributes_request(request_id: int, kinds: tuple[Kind, ...]) -> AttributesRequest:
    """Asks which packages are assigned: the seven keys of each kind."""
    return AttributesRequest(request_id, tuple(key for kind in kinds for key in attribute_keys(kind)))


def offers(kinds: tuple[Kind, ...], body: object) -> Iterator[tuple[Kind, Offer]]:
    """What an attributes response offers, for each kind; it may be anything."""
    shared: object = body.get("shared", {}) if isinstance(body, dict) else body
    for kind in kinds:
        yield kind, offer(kind, shared)


def offer(kind: Kind, shared: object) -> Offer:
    """What shared attributes offer."""
    if not isinstance(shared, dict):
        shown = shared.text if isinstance(shared, NotJson) else repr(shared)
        return OfferUnusable(f"the attributes are {shown[:60]!r}: a JSON object was expected; check the server")
    match package_of(kind, shared):
        case None:
            return NothingOffered()
        case Nonsense(reason=reason, incomplete=incomplete):
            return OfferUnusable(reason, incomplete)
        case package:
            return PackageOffered(package)


def concerns(kinds: tuple[Kind, ...], body: object) -> bool:
    """Whether a pushed update is about a package of ours.

    Every assignment deletes keys that the new package does not have (``fw_url``, ``fw_tag``), so only a
    deleted title says anything, and even that may overtake a newer assignment.
    """
    if not isinstance(body, dict):
        return False
    deleted = body.get("deleted")
    gone = deleted if isinstance(deleted, list) else []
    ours = {key for kind in kinds for key in attribute_keys(kind, KEYS)}
    return any(f"{kind.value}_title" in gone for kind in kinds) or any(key in ours for key in body)


def current(running: Mapping[Kind, tuple[str, str]]) -> dict[str, object]:
    """What runs now, as telemetry; a kind of which nothing runs is left out."""
    values: dict[str, object] = {}
    for kind, (title, version) in running.items():
        if title or version:
            values |= {f"current_{kind.value}_title": title, f"current_{kind.value}_version": version}
    return values


SILENCES = {
    "CONNECTING": "the server did not answer CONNECT in {connect_deadline_s:g} s: is it an MQTT server, without TLS?",
    "SUBSCRIBING": "the server did not acknowledge SUBSCRIBE in {request_deadline_s:g} s",
    "ASKING": "the server did not answer the attributes request in {request_deadline_s:g} s, asked {asked} times",
}


def silence(phase: str, settings: Settings) -> str:
    """What did not come, in one sentence."""
    text = SILENCES.get("ASKING" if phase == "READY" else phase, "the server did not answer")
    return text.format(
        connect_deadline_s=settings.connect_deadline_s,
        request_deadline_s=settings.request_deadline_s,
        asked=settings.request_retries + 1,
    )


def telemetry(report: Report) -> dict[str, object]:
    """A status as telemetry: what runs, ``fw_state`` and, with FAILED, ``fw_error``."""
    values = current({report.kind: report.current}) if report.current is not None else {}
    values[f"{report.kind.value}_state"] = report.status.value
    if report.error:
        values[f"{report.kind.value}_error"] = report.error
    return values
