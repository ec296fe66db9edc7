"""REST routes of devices, their credentials, and device profiles (`DeviceController`, `DeviceProfileController`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from otakit.twin.rest.door import Door, Doors, Page, Pages, Reply, members
from otakit.twin.rest.shapes import (
    checked_uuid,
    credentials_json,
    credentials_of,
    device_json,
    device_of,
    profile_info_json,
    profile_json,
    profile_of,
)
from otakit.twin.rules.entities import Device
from otakit.twin.rules.store import NOT_FOUND, refused

MISSING = "Requested item wasn't found!"
devices, profiles = APIRouter(), APIRouter()


def _saved(door: Door, draft: Device, token: str | None = None) -> Reply:
    return Reply(device_json(door.store, door.model.save_device(draft, door.now(), token)))


def _named(door: Door, name: str) -> Reply:
    device = door.store.device_named(name)
    if device is None:
        raise refused(MISSING, NOT_FOUND)
    return Reply(device_json(door.store, device))


@devices.post("/api/device")
async def save_device(
    door: Doors, request: Request, token: Annotated[str | None, Query(alias="accessToken")] = None
) -> Reply:
    """Creates or replaces a device."""
    return _saved(door, device_of(await members(request)), token)


@devices.post("/api/device-with-credentials")
async def save_device_with_credentials(door: Doors, request: Request) -> Reply:
    """Creates a device with a token of the operator's."""
    body = await members(request)
    device, credentials = body.get("device"), body.get("credentials")
    if not isinstance(device, dict) or not isinstance(credentials, dict):
        raise refused("Parameters 'device' and 'credentials' must be objects")
    draft = credentials_of(credentials)
    return _saved(door, device_of(device), draft.credentials_id or None)


@devices.post("/api/device/credentials")
async def save_credentials(door: Doors, request: Request) -> Reply:
    """Replaces a device's credentials."""
    return Reply(credentials_json(door.model.save_credentials(credentials_of(await members(request)))))


@devices.get("/api/device/{identifier}/credentials")
async def credentials(door: Doors, identifier: str) -> Reply:
    """A device's credentials."""
    return Reply(credentials_json(door.store.credentials[door.store.device(checked_uuid(identifier)).id]))


@devices.get("/api/device/{identifier}")
async def device(door: Doors, identifier: str) -> Reply:
    """One device."""
    return Reply(device_json(door.store, door.store.device(checked_uuid(identifier))))


@devices.delete("/api/device/{identifier}")
async def delete_device(door: Doors, identifier: str) -> Reply:
    """Deletes a device."""
    door.model.delete_device(checked_uuid(identifier))
    return Reply()


@devices.get("/api/tenant/device")
async def device_named(door: Doors, name: Annotated[str, Query(alias="deviceName")]) -> Reply:
    """One device by its name."""
    return _named(door, name)


@devices.get("/api/tenant/devices")
async def devices_of_tenant(door: Doors, request: Request) -> Reply:
    """One device by its name, or a page of all: one path for both."""
    query, store = request.query_params, door.store
    if "deviceName" in query:
        return _named(door, query["deviceName"])
    try:
        page = Page(int(query["pageSize"]), int(query["page"]), query.get("textSearch", ""))
    except (KeyError, ValueError) as error:
        raise refused("Required request parameters 'pageSize' and 'page' must be whole numbers") from error
    return page.of((f"{each.name}\n{each.label or ''}", device_json(store, each)) for each in store.devices.values())


@profiles.get("/api/deviceProfileInfo/default")
async def default_profile(door: Doors) -> Reply:
    """The tenant's default profile, in short form."""
    return Reply(profile_info_json(door.store, door.store.profiles[door.store.default_profile_id]))


@profiles.get("/api/deviceProfileInfo/{identifier}")
async def profile_info(door: Doors, identifier: str) -> Reply:
    """One profile, in short form."""
    return Reply(profile_info_json(door.store, door.store.profile(checked_uuid(identifier))))


@profiles.get("/api/deviceProfileInfos")
async def profile_infos(door: Doors, page: Pages) -> Reply:
    """A page of profiles, in short form."""
    return page.of((each.name, profile_info_json(door.store, each)) for each in door.store.profiles.values())


@profiles.get("/api/deviceProfile/{identifier}")
async def profile(door: Doors, identifier: str) -> Reply:
    """One profile."""
    return Reply(profile_json(door.store, door.store.profile(checked_uuid(identifier))))


@profiles.get("/api/deviceProfiles")
async def profiles_of_tenant(door: Doors, page: Pages) -> Reply:
    """A page of profiles."""
    return page.of((each.name, profile_json(door.store, each)) for each in door.store.profiles.values())


@profiles.post("/api/deviceProfile")
async def save_profile(door: Doors, request: Request) -> Reply:
    """Creates or replaces a profile."""
    draft = profile_of(await members(request))
    return Reply(profile_json(door.store, door.model.save_profile(draft, door.now())))


@profiles.delete("/api/deviceProfile/{identifier}")
async def delete_profile(door: Doors, identifier: str) -> Reply:
    """Deletes a profile and its packages."""
    door.model.delete_profile(checked_uuid(identifier))
    door.forget_images()
    return Reply()
