"""The devices' own HTTP door, ``/api/v1/…`` (`DeviceApiController`): packages, attributes, telemetry, provisioning.

Each download asks the core anew, so it knows no request ids and no lost cache entries. Without calls and
claims.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from otakit.protocol.messages import Kind
from otakit.twin.chunks import chunk_of
from otakit.twin.rest import schemas
from otakit.twin.rest.answers import PlainRefusal, Reply
from otakit.twin.rest.door import Door, Doors
from otakit.twin.rest.packages import media_type, served
from otakit.twin.rest.params import Int, Long, Token, java_split
from otakit.twin.rest.updates import next_update, silence
from otakit.twin.rest.words import of_devices, ref
from otakit.twin.rules.entities import Device
from otakit.twin.rules.provisioning import ProvisionRequestError
from otakit.twin.rules.store import GENERAL, refused
from otakit.twin.rules.telemetry import MILLISECOND, Attribute, Attributes, TimestampError, points_of
from otakit.twin.rules.values import FormatError, parse, stored_members

device_api = APIRouter(prefix="/api/v1", tags=["Devices' own HTTP API"])
Title = Annotated[str, Query(description="As the attribute says it.", examples=["pump"])]
Version = Annotated[str, Query(description="As the attribute says it.", examples=["1.10"])]
Size = Annotated[Int, Query(description="Bytes of a chunk; 0 or less is the whole file.")]
Index = Annotated[Int, Query(description="Which chunk, from 0.")]
Wanted = Annotated[str, Query(description="Keys, joined by commas; without any, all of both scopes.")]
_image = of_devices(None, binary=True, refuses=(400, 404))


def _device(door: Door, token: str) -> Device:
    device = door.model.device_of_token(token)
    if device is None:
        raise PlainRefusal(status=401)
    return device


def _charged(door: Door, device: Device, values: int = 0) -> None:
    """Charges a call to the rate limits; what they refuse ends in an empty 500."""
    if not door.model.limits.allow(door.now(), device.id, values):
        raise PlainRefusal(status=500)


@device_api.get("/{token}/firmware", **_image)
async def firmware(
    door: Doors, token: Token, title: Title, version: Version, size: Size = 0, chunk: Index = 0
) -> Response:
    """The firmware that counts for this device, whole or one chunk."""
    return _bytes(door, token, Kind.FIRMWARE, (title, version), size, chunk)


@device_api.get("/{token}/software", **_image)
async def software(
    door: Doors, token: Token, title: Title, version: Version, size: Size = 0, chunk: Index = 0
) -> Response:
    """The software that counts for this device, whole or one chunk."""
    return _bytes(door, token, Kind.SOFTWARE, (title, version), size, chunk)


def _bytes(door: Door, token: str, kind: Kind, named: tuple[str, str], size: int, index: int) -> Response:
    device = _device(door, token)
    _charged(door, device)
    package = door.model.package_now(device.id, kind, door.now())
    if isinstance(package, str):
        raise PlainRefusal(status=404)
    if (package.title, package.version) != named:  # another one was assigned in between
        raise PlainRefusal(status=400)
    if size < 1:
        return served(package)
    name = quote(package.file_name or "")
    headers = {"Content-Disposition": f"attachment;filename={name}", "x-filename": name}
    return Response(chunk_of(package.image, size, index) or b"", headers=headers, media_type=media_type(package))


@device_api.get("/{token}/attributes", **of_devices(ref("AttributeAnswer"), refuses=(408,)))
async def attributes(
    door: Doors,
    token: Token,
    request: Request,
    shared_keys: Annotated[Wanted, Query(alias="sharedKeys")] = "",
    client_keys: Annotated[Wanted, Query(alias="clientKeys")] = "",
) -> Response:
    """Attributes by key, all of them without keys; an empty key makes the lookup fail, and nothing is answered."""
    device = _device(door, token)
    _charged(door, device)
    memory = door.store.memories[device.id]
    wanted = {"client": java_split(client_keys), "shared": java_split(shared_keys)}
    if "" in wanted["client"] + wanted["shared"]:
        return await silence(door, request)
    scopes = {"client": memory.client, "shared": memory.shared}
    everything = not any(wanted.values())
    body = {name: _found(there, list(there) if everything else wanted[name]) for name, there in scopes.items()}
    return Reply({scope: values for scope, values in body.items() if values})


def _found(there: Attributes, keys: list[str]) -> dict[str, object]:
    return {key: there[key].value for key in keys if key in there}


@device_api.get("/{token}/attributes/updates", **of_devices(ref("AttributeUpdate"), refuses=(403, 408)))
async def updates(
    door: Doors,
    token: Token,
    request: Request,
    timeout_ms: Annotated[
        Long, Query(alias="timeout", description="Milliseconds; 0 is the server's own, a minute.", examples=[1])
    ] = 0,
) -> Response:
    """Waits for one update of shared attributes; what came before is not told."""
    device = _device(door, token)
    _charged(door, device)
    return await next_update(door, device.id, request, timeout_ms)


@device_api.post("/{token}/telemetry", **of_devices(None, takes=schemas.TELEMETRY))
async def telemetry(door: Doors, token: Token, request: Request) -> Response:
    """Stores what a device reports."""
    device = _device(door, token)
    try:
        points = points_of(parse(await _body(request)), door.now() // MILLISECOND)
    except FormatError as error:
        raise PlainRefusal(str(error), 500) from error
    except TimestampError as error:  # outside the errors whose text it tells
        raise PlainRefusal(status=500) from error
    _charged(door, device, sum(len(values) for _, values in points))
    door.model.write_telemetry(device.id, points)
    return Response()


@device_api.post("/{token}/attributes", **of_devices(None, takes=schemas.ATTRIBUTES))
async def client_attributes(door: Doors, token: Token, request: Request) -> Response:
    """Stores what a device says about itself."""
    device = _device(door, token)
    try:
        values = stored_members(parse(await _body(request)))
    except FormatError as error:
        raise PlainRefusal(str(error), 500) from error
    _charged(door, device, len(values))
    now_ms = door.now() // MILLISECOND
    door.store.memories[device.id].client.update({key: Attribute(value, now_ms) for key, value in values.items()})
    return Response()


@device_api.post("/provision", **of_devices(ref("ProvisionAnswer"), takes=schemas.PROVISION, refuses=(), openly=True))
async def provision(door: Doors, request: Request) -> Reply:
    """Gives a device its credentials for its profile's key and secret; a refusal is a status in the answer."""
    try:
        return Reply(door.model.provision(parse(await _body(request)), door.now()))
    except (FormatError, ProvisionRequestError) as error:
        raise refused(str(error), GENERAL) from error


async def _body(request: Request) -> bytes:
    raw = await request.body()
    if not raw:
        raise refused("Required request body is missing")
    return raw
