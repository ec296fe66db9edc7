"""What a device, its credentials or a profile must be to be saved or deleted.

Knows ThingsBoard's full-replace saves with their version conflict; refuses to know what a save sets off
(`assignment`) and which connections it ends.
"""

from __future__ import annotations

from dataclasses import replace

from otakit.twin.rules.entities import Credentials, Device, Profile
from otakit.twin.rules.packages import check_assigned
from otakit.twin.rules.store import CONFLICT, Store, check_text, refused
from otakit.twin.rules.telemetry import Memory

TAKEN = "Device credentials are already assigned to another device!"


def saved_device(store: Store, draft: Device, now_ms: int, token: str | None = None) -> Device:
    """Creates or replaces a device.

    Args:
        store: where it goes.
        draft: what was posted; an empty id creates.
        now_ms: time of creation.
        token: the access token of a new device; a random one when not given.

    Raises:
        ServerRefused: a rule is broken, or `draft.version` is not the stored one.
    """
    old = store.device(draft.id) if draft.id else None
    _check_version("Device", draft.version, old)
    _check_name(store, draft)
    check_assigned(store, draft)
    profile = _profile_of(store, draft, now_ms)
    if old is None and token is not None and store.device_of_token(token) is not None:
        raise refused(TAKEN)
    device = replace(
        draft,
        id=old.id if old else store.chance.new_id(),
        created_ms=old.created_ms if old else now_ms,
        version=_next_version(old),
        profile_id=profile.id,
        profile_name=None,
    )
    store.devices[device.id] = device
    if old is None:
        store.memories[device.id] = Memory()
        credentials_id = token or store.chance.new_token()
        store.put_credentials(Credentials(device.id, credentials_id, store.chance.new_id(), now_ms))
    return device


def saved_credentials(store: Store, draft: Credentials) -> Credentials:
    """Replaces a device's credentials.

    Raises:
        ServerRefused: they do not name the ones they replace, or the token is another device's.
    """
    old = store.credentials[store.device(draft.device_id).id]
    if draft.id != old.id:
        raise refused("Credentials for this device are already specified!")
    if not draft.credentials_id:
        raise refused("Device credentials id should be specified!")
    owner = store.device_of_token(draft.credentials_id)
    if owner is not None and owner.id != draft.device_id:
        raise refused(TAKEN)
    credentials = replace(draft, version=old.version + 1, created_ms=old.created_ms)
    store.put_credentials(credentials)
    return credentials


def saved_profile(store: Store, draft: Profile, now_ms: int) -> Profile:
    """Creates or replaces a profile.

    Raises:
        ServerRefused: a rule is broken, or `draft.version` is not the stored one.
    """
    old = store.profile(draft.id) if draft.id else None
    _check_version("Device profile", draft.version, old)
    if not draft.name.strip():
        raise refused("Device profile name should be specified!")
    check_text("deviceProfile", "name", draft.name)
    same = store.profile_named(draft.name)
    if same is not None and same.id != draft.id:
        raise refused("Device profile with such name already exists!")
    check_assigned(store, draft)
    profile = replace(
        draft,
        id=old.id if old else store.chance.new_id(),
        created_ms=old.created_ms if old else now_ms,
        version=_next_version(old),
        is_default=old.is_default if old else False,
    )
    store.profiles[profile.id] = profile
    return profile


def delete_profile(store: Store, profile_id: str) -> None:
    """Deletes a profile and its packages.

    Raises:
        ServerRefused: it is the default, or devices have it.
    """
    profile = store.profile(profile_id)
    if profile.is_default:
        raise refused("Deletion of Default Device Profile is prohibited!")
    if any(device.profile_id == profile_id for device in store.devices.values()):
        raise refused("The device profile referenced by the devices cannot be deleted!")
    del store.profiles[profile_id]
    for package in [package for package in store.packages.values() if package.profile_id == profile_id]:
        del store.packages[package.id]


def _next_version(old: Device | Profile | None) -> int:
    return 1 if old is None else (old.version or 0) + 1


def _check_version(name: str, version: int | None, old: Device | Profile | None) -> None:
    if old is not None and version is not None and version != old.version:
        raise refused(f"{name} was already changed by someone else", CONFLICT)


def _check_name(store: Store, draft: Device) -> None:
    if not draft.name.strip():
        raise refused("Device name should be specified!")
    check_text("device", "name", draft.name)
    check_text("device", "label", draft.label)
    same = store.device_named(draft.name)
    if same is not None and same.id != draft.id:
        raise refused("Device with such name already exists!")


def _profile_of(store: Store, draft: Device, now_ms: int) -> Profile:
    """By id, else by name (created if missing), else the default."""
    if draft.profile_id is not None:
        if draft.profile_id not in store.profiles:
            raise refused("Device is referencing to non-existent device profile!")
        return store.profiles[draft.profile_id]
    if draft.profile_name:
        return store.profile_named(draft.profile_name) or saved_profile(store, Profile(draft.profile_name), now_ms)
    return store.profiles[store.default_profile_id]
