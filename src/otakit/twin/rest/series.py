"""REST routes of time series (`TelemetryController`): latest, history, aggregates, and writing.

Refuses to know how aggregates are computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from otakit.twin.rest.aggregates import AGGREGATES, MAX_INTERVALS, aggregated, intervals_of
from otakit.twin.rest.answers import PlainRefusal, Reply
from otakit.twin.rest.attributes import ROOT, memory_of
from otakit.twin.rest.bodies import Json, checked_uuid
from otakit.twin.rest.door import Door, Doors
from otakit.twin.rest.params import Identifier, Keys, Long
from otakit.twin.rest.params import Int as Int32
from otakit.twin.rest.schemas import TELEMETRY
from otakit.twin.rest.words import ref, says
from otakit.twin.rules.store import refused
from otakit.twin.rules.telemetry import MILLISECOND, Memory, TimestampError, points_of
from otakit.twin.rules.values import FormatError, Value, as_text, parse

DEFAULT_LIMIT = 100
AnyScope = Annotated[str, Path(description="Any word; it plays no part.", examples=["ANY"])]
Ttl = Annotated[Long, Path(description="Seconds to keep it; plays no part.", examples=[0])]
series = APIRouter(tags=["Time series"])
_found = says(ref("TimeSeries"), plain=True)
_written = says(None, takes=TELEMETRY, plain=True)


@dataclass(frozen=True)
class Manner:
    """How much of a history is shown, and how."""

    limit: int = DEFAULT_LIMIT
    order: str = "DESC"
    aggregate: str = "NONE"
    interval_ms: int = 0

    def rows(self, memory: Memory, key: str, start_ms: int, end_ms: int) -> list[tuple[int, Value]]:
        """What is found under one key."""
        ascending = self.order.upper() == "ASC"
        found = memory.telemetry.between(key, start_ms, end_ms, ascending=ascending)
        if self.aggregate != "NONE" and self.interval_ms:  # oldest first, whatever the order, and no limit
            return aggregated(found, self.aggregate, start_ms, end_ms, self.interval_ms)
        return found[: self.limit]

    def check(self, keys: list[str], start_ms: int, end_ms: int) -> None:
        """Whether the server would answer.

        Raises:
            PlainRefusal: it would not.
        """
        if any(not key.strip() for key in keys):
            raise PlainRefusal("Incorrect ReadTsKvQuery. Key can't be empty")
        if self.aggregate == "NONE" or not self.interval_ms:
            if self.limit < 1:
                raise PlainRefusal("Page size must not be less than one")
            if self.order.upper() not in ("ASC", "DESC"):
                raise PlainRefusal(f"Invalid value '{self.order}' for orders given; Has to be either 'desc' or 'asc'")
            return
        if self.interval_ms < 1:
            raise PlainRefusal(
                f"Invalid TsKvQuery: 'interval' must be greater than 0, but got {self.interval_ms}. Please check your "
                "query parameters and ensure 'endTs' is greater than 'startTs' or increase 'interval'."
            )
        count = intervals_of(start_ms, end_ms, self.interval_ms)
        if not 0 <= count <= MAX_INTERVALS:
            raise PlainRefusal(
                f"Incorrect TsKvQuery. Number of intervals is to high - {count}. Please increase 'interval' parameter "
                "for your query or reduce the time range of the query."
            )


Strict = Annotated[
    bool, Query(alias="useStrictDataTypes", description="Values in their own types; texts all of them otherwise.")
]


async def _manner(
    limit: Annotated[Int32, Query(description="Rows at most; aggregates have no limit.")] = DEFAULT_LIMIT,
    order: Annotated[str, Query(alias="orderBy", description="ASC or DESC, by time.", examples=["ASC"])] = "DESC",
    aggregate: Annotated[
        str,
        Query(alias="agg", description="Which aggregate of each interval.", json_schema_extra={"enum": [*AGGREGATES]}),
    ] = "NONE",
    interval_ms: Annotated[Long, Query(alias="interval", description="An interval's milliseconds.")] = 0,
) -> Manner:
    if aggregate not in AGGREGATES:
        raise refused(f"No enum constant org.thingsboard.server.common.data.kv.Aggregation.{aggregate}")
    return Manner(limit, order, aggregate, interval_ms)


Manners = Annotated[Manner, Depends(_manner)]
START = Query(alias="startTs", description="From here on, in milliseconds.", examples=[0])
END = Query(alias="endTs", description="Before this, in milliseconds.", examples=[4_102_444_800_000])


def _row(ts_ms: int, value: Value | None, *, strict: bool) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return {"ts": ts_ms, "value": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    return {"ts": ts_ms, "value": value if strict or value is None else as_text(value)}


@series.get(ROOT + "/keys/timeseries", **says({"type": "array", "items": {"type": "string"}}, plain=True))
async def series_keys(door: Doors, identifier: Identifier) -> Reply:
    """Every key that was ever written."""
    return Reply(memory_of(door, identifier).telemetry.keys)


@series.get(ROOT + "/values/timeseries", **_found)
async def series_values(
    door: Doors,
    identifier: Identifier,
    keys: Keys,
    manner: Manners,
    start_ms: Annotated[Long | None, START] = None,
    end_ms: Annotated[Long | None, END] = None,
    strict: Strict = False,
) -> Reply:
    """Latest values; with ``startTs`` and ``endTs``, the history between two times."""
    memory = memory_of(door, identifier)
    if start_ms is not None and end_ms is not None:
        return _history(memory, keys, (start_ms, end_ms), manner, strict=strict)
    return _latest(memory, keys, door.now() // MILLISECOND, strict=strict)


@series.get(ROOT + "/values/timeseries/history", **_found)
async def series_history(
    door: Doors,
    identifier: Identifier,
    keys: Keys,
    manner: Manners,
    start_ms: Annotated[Long, START],
    end_ms: Annotated[Long, END],
    strict: Strict = False,
) -> Reply:
    """The history between two times; keys without a value in it are left out."""
    return _history(memory_of(door, identifier), keys, (start_ms, end_ms), manner, strict=strict)


def _history(memory: Memory, keys: list[str], span: tuple[int, int], manner: Manner, *, strict: bool) -> Reply:
    manner.check(keys, *span)
    found = {key: manner.rows(memory, key, *span) for key in keys}
    return Reply({key: [_row(*row, strict=strict) for row in rows] for key, rows in found.items() if rows})


def _latest(memory: Memory, keys: list[str], now_ms: int, *, strict: bool) -> Reply:
    """A key that never existed comes back with nothing in it, stamped now."""
    if "" in keys:
        raise PlainRefusal("Incorrect key ")
    body = {}
    for key in keys or memory.telemetry.keys:
        found = memory.telemetry.latest(key)
        body[key] = [_row(*(found or (now_ms, None)), strict=strict)]
    return Reply(body)


@series.post(ROOT + "/timeseries/{scope}", **_written)
async def write_series(door: Doors, identifier: Identifier, scope: AnyScope, request: Request) -> Reply:
    """Writes telemetry in a device's name; the scope may be any word."""
    del scope
    return await _write(door, identifier, request)


@series.post(ROOT + "/timeseries/{scope}/{ttl}", **_written)
async def write_series_for_a_time(
    door: Doors, identifier: Identifier, scope: AnyScope, ttl: Ttl, request: Request
) -> Reply:
    """Writes telemetry in a device's name; the twin forgets nothing, so ``ttl`` is only read."""
    del scope, ttl
    return await _write(door, identifier, request)


async def _write(door: Door, identifier: str, request: Request) -> Reply:
    device_id, raw = checked_uuid(identifier), await request.body()
    try:
        body = parse(raw)
    except FormatError as error:
        raise PlainRefusal("Unable to parse time series payload: Invalid JSON body!") from error
    try:
        points = points_of(body, door.now() // MILLISECOND)
    except (FormatError, TimestampError) as error:
        raise PlainRefusal(f"Unable to parse time series payload. Invalid JSON body: {error}") from error
    if not any(values for _, values in points):
        raise PlainRefusal("No time series data found in request body!")
    memory_of(door, device_id)
    door.model.write_telemetry(device_id, points)
    return Reply()
