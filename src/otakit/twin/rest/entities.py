"""REST routes of devices, their credentials, and device profiles (`DeviceController`, `DeviceProfileController`)."""

from __future__ import annotations

from functools import partial
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request

from otakit.twin.rest import schemas
from otakit.twin.rest.answers import Reply
from otakit.twin.rest.bodies import checked_uuid, inner, members
from otakit.twin.rest.door import Door, Doors
from otakit.twin.rest.pages import Page
from otakit.twin.rest.params import NUMBER, ORDER, SEARCH, SIZE, Identifier, Int, pages_by, sort_by
from otakit.twin.rest.shapes import (
    credentials_json,
    credentials_of,
    device_json,
    device_of,
    profile_info_json,
    profile_json,
    profile_of,
)
from otakit.twin.rest.words import page_of, ref, says
from otakit.twin.rules.entities import Credentials, Device
from otakit.twin.rules.store import GENERAL, NOT_FOUND, refused

MISSING = "Requested item wasn't found!"
DEVICE_ORDERS = ("createdTime", "name", "type", "label")
PROFILE_ORDERS = ("createdTime", "name", "type", "transportType", "description")
devices, profiles = APIRouter(tags=["Devices"]), APIRouter(tags=["Device profiles"])


def _saved(door: Door, draft: Device, token: str | None = None, credentials: Credentials | None = None) -> Reply:
    return Reply(device_json(door.store, door.model.save_device(draft, door.now(), token, credentials)))


def _named(door: Door, name: str) -> Reply:
    device = door.store.device_named(name)
    if device is None:
        raise refused(MISSING, NOT_FOUND)
    return Reply(device_json(door.store, device))


@devices.post("/api/device", **says(ref("Device"), takes=schemas.DEVICE, refuses=(404, 409)))
async def save_device(
    door: Doors,
    request: Request,
    token: Annotated[
        str | None, Query(alias="accessToken", description="Of a new device; a random one without.")
    ] = None,
) -> Reply:
    """Creates or replaces a device; what the body leaves out is cleared."""
    return _saved(door, device_of(await members(request)), token)


@devices.post("/api/device-with-credentials", **says(ref("Device"), takes=schemas.WITH_CREDENTIALS, refuses=(404, 409)))
async def save_device_with_credentials(door: Doors, request: Request) -> Reply:
    """Creates or replaces a device together with its credentials."""
    body = await members(request)
    for name in ("device", "credentials"):
        if body.get(name) is None:
            raise refused(f"Validation error: {name} must not be null")
    draft = credentials_of(inner(body, "credentials"))
    if not draft.type:
        raise refused("Device credentials type should be specified")
    return _saved(door, device_of(inner(body, "device")), credentials=draft)


@devices.post("/api/device/credentials", **says(ref("DeviceCredentials"), takes=schemas.CREDENTIALS))
async def save_credentials(door: Doors, request: Request) -> Reply:
    """Replaces a device's credentials; its connections are closed."""
    draft = credentials_of(await members(request))
    if not draft.device_id:  # a null dereference in DeviceController.updateDeviceCredentials
        raise refused("Cannot check the device because deviceId is null", GENERAL)
    return Reply(credentials_json(door.model.save_credentials(draft)))


@devices.get("/api/device/{identifier}/credentials", **says(ref("DeviceCredentials")))
async def credentials(door: Doors, identifier: Identifier) -> Reply:
    """A device's credentials."""
    return Reply(credentials_json(door.store.credentials[door.store.device(checked_uuid(identifier)).id]))


@devices.get("/api/device/{identifier}", **says(ref("Device")))
async def device(door: Doors, identifier: Identifier) -> Reply:
    """One device."""
    return Reply(device_json(door.store, door.store.device(checked_uuid(identifier))))


@devices.delete("/api/device/{identifier}", **says(None))
async def delete_device(door: Doors, identifier: Identifier) -> Reply:
    """Deletes a device."""
    door.model.delete_device(checked_uuid(identifier))
    return Reply()


@devices.get("/api/tenant/device", **says(ref("Device")))
async def device_named(
    door: Doors, name: Annotated[str, Query(alias="deviceName", description="The whole name, letter by letter.")]
) -> Reply:
    """One device by its name."""
    return _named(door, name)


@devices.get("/api/tenant/devices", **says({"anyOf": [page_of("Device"), ref("Device")]}))
async def devices_of_tenant(
    door: Doors,
    name: Annotated[str | None, Query(alias="deviceName", description="One device in place of a page.")] = None,
    size: Annotated[Int | None, SIZE] = None,
    number: Annotated[Int | None, NUMBER] = None,
    kind: Annotated[str, Query(alias="type", description="Those of the profile with this name.")] = "",
    search: Annotated[str, SEARCH] = "",
    sort: Annotated[str, sort_by(DEVICE_ORDERS)] = "",
    order: Annotated[str, ORDER] = "",
) -> Reply:
    """A page of all devices (``pageSize`` and ``page`` are then required), or one by its name: one path for both."""
    if name is not None:
        return _named(door, name)
    for parameter, given in (("pageSize", size), ("page", number)):
        if given is None:
            raise refused(f"Required request parameter '{parameter}' is not present", GENERAL)
    page = Page(cast("int", size), cast("int", number), search, sort, order, DEVICE_ORDERS)
    found = [each for each in door.store.devices.values() if kind in ("", _profile_name(door, each))]
    return page.of(
        found,
        lambda each: f"{each.name}\n{each.label or ''}\n{_profile_name(door, each)}",
        partial(device_json, door.store),
    )


def _profile_name(door: Door, device: Device) -> str:
    return door.store.profiles[device.profile_id or door.store.default_profile_id].name


@profiles.get("/api/deviceProfileInfo/default", **says(ref("DeviceProfileInfo"), refuses=()))
async def default_profile(door: Doors) -> Reply:
    """The tenant's default profile, in short form."""
    return Reply(profile_info_json(door.store, door.store.profiles[door.store.default_profile_id]))


@profiles.get("/api/deviceProfileInfo/{identifier}", **says(ref("DeviceProfileInfo")))
async def profile_info(door: Doors, identifier: Identifier) -> Reply:
    """One profile, in short form."""
    return Reply(profile_info_json(door.store, door.store.profile(checked_uuid(identifier))))


@profiles.get("/api/deviceProfileInfos", **says(page_of("DeviceProfileInfo"), refuses=()))
async def profile_infos(door: Doors, page: Annotated[Page, pages_by(PROFILE_ORDERS)]) -> Reply:
    """A page of profiles, in short form."""
    return page.of(door.store.profiles.values(), lambda each: each.name, partial(profile_info_json, door.store))


@profiles.get("/api/deviceProfile/{identifier}", **says(ref("DeviceProfile")))
async def profile(door: Doors, identifier: Identifier) -> Reply:
    """One profile."""
    return Reply(profile_json(door.store, door.store.profile(checked_uuid(identifier))))


@profiles.get("/api/deviceProfiles", **says(page_of("DeviceProfile"), refuses=()))
async def profiles_of_tenant(door: Doors, page: Annotated[Page, pages_by(PROFILE_ORDERS)]) -> Reply:
    """A page of profiles."""
    return page.of(door.store.profiles.values(), lambda each: each.name, partial(profile_json, door.store))


@profiles.post("/api/deviceProfile", **says(ref("DeviceProfile"), takes=schemas.PROFILE, refuses=(404, 409)))
async def save_profile(door: Doors, request: Request) -> Reply:
    """Creates or replaces a profile."""
    draft = profile_of(await members(request))
    return Reply(profile_json(door.store, door.model.save_profile(draft, door.now())))


@profiles.delete("/api/deviceProfile/{identifier}", **says(None))
async def delete_profile(door: Doors, identifier: Identifier) -> Reply:
    """Deletes a profile and its packages."""
    door.model.delete_profile(checked_uuid(identifier))
    door.forget_images()
    return Reply()
