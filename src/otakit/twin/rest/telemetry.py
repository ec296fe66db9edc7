"""REST routes of attributes and time series (`TelemetryController`).

Its refusals are plain texts, unlike those of the other controllers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import PlainTextResponse, Response

from otakit.twin.rest.door import Door, Doors, Reply
from otakit.twin.rest.shapes import Json, checked_uuid
from otakit.twin.rules.telemetry import MILLISECOND, Attribute, Memory, TimestampError, points_of
from otakit.twin.rules.values import FormatError, Value, as_text, parse, stored_members

ROOT = "/api/plugins/telemetry/DEVICE/{identifier}"
UNKNOWN_DEVICE = "Device with requested id wasn't found!"
DEFAULT_LIMIT = 100
attributes, series = APIRouter(), APIRouter()


class Refused(Exception):
    """A plain-text refusal."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def plain(error: Refused) -> Response:
    """The refusal as it is answered."""
    return PlainTextResponse(str(error), error.status)


def _memory(door: Door, identifier: str) -> Memory:
    memory = door.model.memory(checked_uuid(identifier))
    if memory is None:
        raise Refused(UNKNOWN_DEVICE, 404)
    return memory


def _keys(request: Request) -> list[str]:
    """``keys=a,b``, or ``key=a&key=b`` since 4.3."""
    query = request.query_params
    return [*filter(None, (query.get("keys") or "").split(",")), *query.getlist("key")]


def _scope(memory: Memory, name: str) -> dict[str, Attribute]:
    found = memory.scope(name)
    if found is None:
        raise Refused(f"Invalid scope: {name[:40]}")
    return found


def _rows(found: Iterable[tuple[str, Attribute]], wanted: list[str]) -> Reply:
    return Reply(
        [
            {"lastUpdateTs": each.ts_ms, "key": key, "value": each.value}
            for key, each in found
            if not wanted or key in wanted
        ]
    )


@attributes.get(ROOT + "/values/attributes/{scope}")
async def attributes_of_scope(door: Doors, identifier: str, scope: str, request: Request) -> Reply:
    """Attributes of one scope."""
    return _rows(_scope(_memory(door, identifier), scope).items(), _keys(request))


@attributes.get(ROOT + "/values/attributes")
async def all_attributes(door: Doors, identifier: str, request: Request) -> Reply:
    """Attributes of all scopes."""
    memory = _memory(door, identifier)
    every = [*memory.client.items(), *memory.shared.items(), *memory.server.items()]
    return _rows(every, _keys(request))


@attributes.get(ROOT + "/keys/attributes/{scope}")
async def attribute_keys(door: Doors, identifier: str, scope: str) -> Reply:
    """Keys of one scope."""
    return Reply(list(_scope(_memory(door, identifier), scope)))


@attributes.post(ROOT + "/attributes/{scope}")
@attributes.post(ROOT + "/{scope}")
@attributes.post("/api/plugins/telemetry/{identifier}/{scope}")
async def write_attributes(door: Doors, identifier: str, scope: str, request: Request) -> Reply:
    """Writes attributes; the device hears of shared ones."""
    there = _scope(_memory(door, identifier), scope)
    values = await _values(request)
    if scope == "SHARED_SCOPE":
        door.model.write_shared(checked_uuid(identifier), values, door.now())
    else:
        there.update({key: Attribute(value, door.now() // MILLISECOND) for key, value in values.items()})
    return Reply()


@attributes.delete(ROOT + "/{scope}")
@attributes.delete("/api/plugins/telemetry/{identifier}/{scope}")
async def delete_attributes(door: Doors, identifier: str, scope: str, request: Request) -> Reply:
    """Deletes attributes; the device hears of shared ones."""
    there, keys = _scope(_memory(door, identifier), scope), _keys(request)
    if not keys:
        raise Refused("Empty keys list!")
    if scope == "SHARED_SCOPE":
        door.model.delete_shared(checked_uuid(identifier), keys)
    else:
        for key in keys:
            there.pop(key, None)
    return Reply()


async def _values(request: Request) -> dict[str, Value]:
    try:
        values = stored_members(parse(await request.body()))
    except FormatError as error:
        raise Refused("Request is not a JSON object") from error
    if not values:
        raise Refused("No attributes data found in request body!")
    return values


@dataclass(frozen=True)
class Span:
    """Which part of a history is asked for, and how it is shown."""

    start_ms: int | None
    end_ms: int | None
    limit: int
    ascending: bool
    strict: bool

    def row(self, ts_ms: int, value: Value | None) -> Json:
        """One value."""
        return {"ts": ts_ms, "value": value if self.strict or value is None else as_text(value)}


async def _span(
    start_ms: Annotated[int | None, Query(alias="startTs")] = None,
    end_ms: Annotated[int | None, Query(alias="endTs")] = None,
    limit: Annotated[int, Query()] = DEFAULT_LIMIT,
    order: Annotated[str, Query(alias="orderBy")] = "DESC",
    strict: Annotated[bool, Query(alias="useStrictDataTypes")] = False,
    aggregation: Annotated[str, Query(alias="agg")] = "NONE",
) -> Span:
    if aggregation.upper() != "NONE":
        raise Refused(f"This twin does not aggregate: agg={aggregation[:20]}")
    return Span(start_ms, end_ms, limit, order.upper() == "ASC", strict)


@series.get(ROOT + "/keys/timeseries")
async def series_keys(door: Doors, identifier: str) -> Reply:
    """Every key that was ever written."""
    return Reply(_memory(door, identifier).telemetry.keys)


@series.get(ROOT + "/values/timeseries/history")
@series.get(ROOT + "/values/timeseries")
async def series_values(door: Doors, identifier: str, request: Request, span: Annotated[Span, Depends(_span)]) -> Reply:
    """Latest values, or the history between two times."""
    memory, wanted = _memory(door, identifier), _keys(request)
    if span.start_ms is None and span.end_ms is None:
        return _latest(memory, wanted, span, door.now() // MILLISECOND)
    if not wanted or span.start_ms is None or span.end_ms is None:
        raise Refused("Keys, startTs and endTs are required for a history")
    body = {}
    for key in wanted:
        rows = memory.telemetry.between(key, span.start_ms, span.end_ms, ascending=span.ascending)
        if rows:  # keys without a value in the span are left out
            body[key] = [span.row(*row) for row in rows[: span.limit]]
    return Reply(body)


def _latest(memory: Memory, wanted: list[str], span: Span, now_ms: int) -> Reply:
    """A key that never existed comes back with nothing in it, stamped now."""
    body = {}
    for key in wanted or memory.telemetry.keys:
        found = memory.telemetry.latest(key)
        body[key] = [span.row(*found) if found else span.row(now_ms, None)]
    return Reply(body)


@series.post(ROOT + "/timeseries/{scope}")
async def write_series(door: Doors, identifier: str, request: Request) -> Reply:
    """Writes telemetry in a device's name."""
    _memory(door, identifier)
    try:
        points = points_of(parse(await request.body()), door.now() // MILLISECOND)
    except (FormatError, TimestampError) as error:
        raise Refused("Unable to parse timeseries payload") from error
    door.model.write_telemetry(checked_uuid(identifier), points)
    return Reply()
