"""What a device, its credentials or a profile must be to be saved or deleted.

Knows ThingsBoard's full-replace saves with their version conflict; refuses to know what a save sets off
(`assignment`) and which connections it ends.
"""

from __future__ import annotations

from dataclasses import replace

from otakit.twin.rules.certificates import PEM, sha3
from otakit.twin.rules.credentials import check_free, formatted
from otakit.twin.rules.entities import Credentials, Device, Profile
from otakit.twin.rules.packages import check_assigned
from otakit.twin.rules.provisioning import CHAIN, provision_secret
from otakit.twin.rules.store import CONFLICT, Store, check_text, refused
from otakit.twin.rules.telemetry import Memory


def saved_device(store: Store, draft: Device, now_ms: int, credentials: Credentials | None = None) -> Device:
    """Creates or replaces a device.

    Args:
        store: where it goes.
        draft: what was posted; an empty id creates.
        now_ms: time of creation.
        credentials: of a new device; a random access token when not given.

    Raises:
        ServerRefused: a rule is broken, or `draft.version` is not the stored one.
    """
    old = store.device(draft.id) if draft.id else None
    _check_version("Device", draft.version, old)
    _check_name(store, draft)
    check_assigned(store, draft)
    profile = _profile_of(store, draft, now_ms)
    given = formatted(credentials) if old is None and credentials is not None else None
    if given is not None:
        check_free(store, given)
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
        first = given or Credentials("", store.chance.new_token())
        first = replace(first, device_id=device.id, id=store.chance.new_id(), created_ms=now_ms, version=1)
        store.put_credentials(first)
    return device


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
    draft = _with_key(draft)
    key = draft.extra.get("provisionDeviceKey")
    if key and any(
        each.id != draft.id and each.extra.get("provisionDeviceKey") == key for each in store.profiles.values()
    ):
        words = "certificate" if draft.extra.get("provisionType") == CHAIN else "provision device key"
        raise refused(f"Device profile with such {words} already exists!")
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


def _with_key(draft: Profile) -> Profile:
    """A profile for chains of certificates: the hash of its own one is its key (`formatDeviceProfileCertificate`)."""
    if draft.extra.get("provisionType") != CHAIN:
        return draft
    text = provision_secret(draft) or ""
    found = PEM.search(text)
    return replace(draft, extra={**draft.extra, "provisionDeviceKey": sha3(found[0] if found else text)})


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
