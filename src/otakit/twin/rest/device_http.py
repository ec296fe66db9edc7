"""The devices' own HTTP door, ``/api/v1/{token}/…`` (`DeviceApiController`): packages, attributes, telemetry.

Each download asks the core anew, so it knows no request ids and no lost cache entries. Without the long
polls for updates and calls.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from otakit.protocol.messages import Kind
from otakit.twin.chunks import chunk_of
from otakit.twin.rest.door import Door, Doors, Reply
from otakit.twin.rest.packages import served
from otakit.twin.rules.entities import Device
from otakit.twin.rules.telemetry import MILLISECOND, Attribute, Attributes, TimestampError, points_of
from otakit.twin.rules.values import FormatError, parse, stored_members

device_api = APIRouter(prefix="/api/v1/{token}")


class NotThisDevice(Exception):
    """No device has this token."""


def _device(door: Door, token: str) -> Device:
    device = door.model.device_of_token(token)
    if device is None:
        raise NotThisDevice
    return device


@device_api.get("/firmware")
async def firmware(
    door: Doors,
    token: str,
    title: str,
    version: str,
    size: Annotated[int, Query()] = 0,
    chunk: Annotated[int, Query()] = 0,
) -> Response:
    """The firmware that counts for this device, whole or one chunk."""
    return _bytes(door, token, Kind.FIRMWARE, (title, version), size, chunk)


@device_api.get("/software")
async def software(
    door: Doors,
    token: str,
    title: str,
    version: str,
    size: Annotated[int, Query()] = 0,
    chunk: Annotated[int, Query()] = 0,
) -> Response:
    """The software that counts for this device, whole or one chunk."""
    return _bytes(door, token, Kind.SOFTWARE, (title, version), size, chunk)


def _bytes(door: Door, token: str, kind: Kind, named: tuple[str, str], size: int, index: int) -> Response:
    package = door.model.package_now(_device(door, token).id, kind, door.now())
    if isinstance(package, str):
        return Response(status_code=404)
    if (package.title, package.version) != named:  # another one was assigned in between
        return Response(status_code=400)
    if size < 1:
        return served(package)
    name = quote(package.file_name or "")
    headers = {"Content-Disposition": f"attachment;filename={name}", "x-filename": name}
    return Response(chunk_of(package.image, size, index) or b"", headers=headers, media_type=package.content_type)


@device_api.get("/attributes")
async def attributes(door: Doors, token: str, request: Request) -> Reply:
    """Attributes by key, all of them without keys."""
    memory = door.store.memories[_device(door, token).id]
    query = request.query_params
    everything = "sharedKeys" not in query and "clientKeys" not in query

    def found(there: Attributes, name: str) -> dict[str, object]:
        keys = list(there) if everything else query.get(name, "").split(",")
        return {key: there[key].value for key in keys if key in there}

    body = {"shared": found(memory.shared, "sharedKeys"), "client": found(memory.client, "clientKeys")}
    return Reply({scope: values for scope, values in body.items() if values})


@device_api.post("/telemetry")
async def telemetry(door: Doors, token: str, request: Request) -> Response:
    """Stores what a device reports."""
    device = _device(door, token)
    try:
        points = points_of(parse(await request.body()), door.now() // MILLISECOND)
    except (FormatError, TimestampError) as error:
        return PlainTextResponse(str(error), 500)
    door.model.write_telemetry(device.id, points)
    return Response()


@device_api.post("/attributes")
async def client_attributes(door: Doors, token: str, request: Request) -> Response:
    """Stores what a device says about itself."""
    device = _device(door, token)
    try:
        values = stored_members(parse(await request.body()))
    except FormatError as error:
        return PlainTextResponse(str(error), 500)
    now_ms = door.now() // MILLISECOND
    door.store.memories[device.id].client.update({key: Attribute(value, now_ms) for key, value in values.items()})
    return Response()
