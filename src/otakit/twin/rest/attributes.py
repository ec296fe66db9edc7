"""REST routes of attributes (`TelemetryController`).

Its refusals of its own are plain texts; those of Spring before it (a bad id, an unknown scope) are JSON.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Request

from otakit.twin.rest.answers import PlainRefusal, Reply
from otakit.twin.rest.bodies import checked_uuid
from otakit.twin.rest.door import Door, Doors
from otakit.twin.rest.params import Identifier, Keys, Scope
from otakit.twin.rest.schemas import ATTRIBUTES
from otakit.twin.rest.words import ref, says
from otakit.twin.rules.store import GENERAL, refused
from otakit.twin.rules.telemetry import MILLISECOND, Attribute, Attributes, Memory
from otakit.twin.rules.values import FormatError, Value, parse, stored_members

ROOT = "/api/plugins/telemetry/DEVICE/{identifier}"
UNKNOWN_DEVICE = "Device with requested id wasn't found!"
WRITABLE = ("SERVER_SCOPE", "SHARED_SCOPE")
attributes = APIRouter(tags=["Attributes"])
_written = says(None, takes=ATTRIBUTES, plain=True)
_deleted = says(None, plain=True)
_rows = says({"type": "array", "items": ref("AttributeData")}, plain=True)
_names = says({"type": "array", "items": {"type": "string"}}, plain=True)


def memory_of(door: Door, identifier: str) -> Memory:
    """What is remembered of a device.

    Raises:
        PlainRefusal: there is no such device.
        ServerRefused: that is no id.
    """
    memory = door.model.memory(checked_uuid(identifier))
    if memory is None:
        raise PlainRefusal(UNKNOWN_DEVICE, 404)
    return memory


def _scope(memory: Memory, name: str) -> Attributes:
    found = memory.scope(name)
    assert found is not None  # the parameter lets only its names pass
    return found


def _of(found: Iterable[tuple[str, Attribute]], wanted: list[str]) -> Reply:
    rows = (each for each in found if not wanted or each[0] in wanted)
    return Reply([{"lastUpdateTs": each.ts_ms, "key": key, "value": each.value} for key, each in rows])


def _all(memory: Memory) -> list[tuple[str, Attribute]]:
    return [*memory.client.items(), *memory.shared.items(), *memory.server.items()]


@attributes.get(ROOT + "/values/attributes/{scope}", **_rows)
async def attributes_of_scope(door: Doors, identifier: Identifier, scope: Scope, keys: Keys) -> Reply:
    """Attributes of one scope."""
    return _of(_scope(memory_of(door, identifier), scope).items(), keys)


@attributes.get(ROOT + "/values/attributes", **_rows)
async def all_attributes(door: Doors, identifier: Identifier, keys: Keys) -> Reply:
    """Attributes of all scopes."""
    return _of(_all(memory_of(door, identifier)), keys)


@attributes.get(ROOT + "/keys/attributes/{scope}", **_names)
async def keys_of_scope(door: Doors, identifier: Identifier, scope: Scope) -> Reply:
    """Keys of one scope."""
    return Reply(list(_scope(memory_of(door, identifier), scope)))


@attributes.get(ROOT + "/keys/attributes", **_names)
async def all_keys(door: Doors, identifier: Identifier) -> Reply:
    """Keys of all scopes."""
    return Reply(list(dict.fromkeys(key for key, _ in _all(memory_of(door, identifier)))))


@attributes.post(ROOT + "/attributes/{scope}", **_written)
async def write_attributes(door: Doors, identifier: Identifier, scope: Scope, request: Request) -> Reply:
    """Writes attributes; the device hears of shared ones."""
    return await _write(door, identifier, scope, request)


@attributes.post(ROOT + "/{scope}", **_written)
async def write_attributes_v1(door: Doors, identifier: Identifier, scope: Scope, request: Request) -> Reply:
    """Writes attributes; the device hears of shared ones."""
    return await _write(door, identifier, scope, request)


@attributes.post("/api/plugins/telemetry/{identifier}/{scope}", **_written)
async def write_device_attributes(door: Doors, identifier: Identifier, scope: Scope, request: Request) -> Reply:
    """Writes attributes of a device; it hears of shared ones."""
    return await _write(door, identifier, scope, request)


@attributes.delete(ROOT + "/{scope}", **_deleted)
async def delete_attributes(door: Doors, identifier: Identifier, scope: Scope, keys: Keys) -> Reply:
    """Deletes attributes; the device hears of shared ones."""
    return _delete(door, identifier, scope, keys)


@attributes.delete("/api/plugins/telemetry/{identifier}/{scope}", **_deleted)
async def delete_device_attributes(door: Doors, identifier: Identifier, scope: Scope, keys: Keys) -> Reply:
    """Deletes attributes of a device; it hears of shared ones."""
    return _delete(door, identifier, scope, keys)


async def _write(door: Door, identifier: str, scope: str, request: Request) -> Reply:
    device_id, raw = checked_uuid(identifier), await request.body()
    if not raw:
        raise refused("Required request body is missing", GENERAL)
    if scope not in WRITABLE:
        raise PlainRefusal(f"Invalid scope: {scope}")
    values = _values(raw)
    memory = memory_of(door, device_id)
    if scope == "SHARED_SCOPE":
        door.model.write_shared(device_id, values, door.now())
    else:
        now_ms = door.now() // MILLISECOND
        _scope(memory, scope).update({key: Attribute(value, now_ms) for key, value in values.items()})
    return Reply()


def _values(raw: bytes) -> dict[str, Value]:
    try:
        body = parse(raw)
    except FormatError as error:
        raise PlainRefusal("Invalid JSON") from error
    if not isinstance(body, dict):
        raise PlainRefusal("Request is not a JSON object")
    try:
        values = stored_members(body)
    except FormatError as error:  # thrown where the controller catches nothing
        raise refused(str(error), GENERAL) from error
    if not values:
        raise PlainRefusal("No attributes data found in request body!")
    if any(not key.strip() for key in values):
        raise PlainRefusal("Key cannot be blank")
    return values


def _delete(door: Door, identifier: str, scope: str, keys: list[str]) -> Reply:
    device_id = checked_uuid(identifier)
    if not keys:
        raise PlainRefusal("Empty keys: []")
    there = _scope(memory_of(door, device_id), scope)
    if scope == "SHARED_SCOPE":
        door.model.delete_shared(device_id, keys)
    else:
        for key in keys:
            there.pop(key, None)
    return Reply()
