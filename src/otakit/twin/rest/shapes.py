"""Entities as ThingsBoard's JSON, and back.

Knows member names and the members that no rule reads but every client expects; refuses to know paths.
Reading raises `ServerRefused` for what cannot be meant.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from otakit.protocol.messages import Kind
from otakit.twin.rules.entities import Credentials, Device, OtaPackage, Profile
from otakit.twin.rules.store import Store, refused

Json = dict[str, object]
NULL_CUSTOMER = "13814000-1dd2-11b2-8080-808080808080"  # ThingsBoard's EntityId.NULL_UUID
_DEFAULT = {"type": "DEFAULT"}
DEVICE_EXTRA: Json = {
    "additionalInfo": None,
    "customerId": {"entityType": "CUSTOMER", "id": NULL_CUSTOMER},
    "deviceData": {"configuration": _DEFAULT, "transportConfiguration": _DEFAULT},
    "externalId": None,
}
PROFILE_EXTRA: Json = {
    "type": "DEFAULT",
    "description": None,
    "image": None,
    "provisionType": "DISABLED",
    "defaultRuleChainId": None,
    "defaultDashboardId": None,
    "defaultQueueName": None,
    "defaultEdgeRuleChainId": None,
    "profileData": {
        "configuration": _DEFAULT,
        "transportConfiguration": _DEFAULT,
        "provisionConfiguration": {"type": "DISABLED", "provisionDeviceSecret": None},
        "alarms": None,
    },
    "provisionDeviceKey": None,
    "externalId": None,
}
PACKAGE_EXTRA: Json = {"additionalInfo": None, "externalId": None}


def identity(kind: str, identifier: str | None) -> Json | None:
    """An entity id as ThingsBoard writes it."""
    return None if identifier is None else {"entityType": kind, "id": identifier}


def checked_uuid(text: str) -> str:
    """An id from a path or a body.

    Raises:
        ServerRefused: it is no UUID.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise refused(f"Invalid UUID string: {text[:60]}") from error


def device_json(store: Store, device: Device) -> Json:
    """A device."""
    profile = store.profiles[device.profile_id or store.default_profile_id]
    return {
        "id": identity("DEVICE", device.id),
        "createdTime": device.created_ms,
        "tenantId": identity("TENANT", store.tenant_id),
        "name": device.name,
        "type": profile.name,
        "label": device.label,
        "deviceProfileId": identity("DEVICE_PROFILE", profile.id),
        **DEVICE_EXTRA,
        **device.extra,
        "firmwareId": identity("OTA_PACKAGE", device.firmware_id),
        "softwareId": identity("OTA_PACKAGE", device.software_id),
        "version": device.version,
    }


def device_of(body: Json) -> Device:
    """A device as an operator posts it: what it leaves out is cleared."""
    return Device(
        name=_text(body, "name") or "",
        profile_id=_id(body, "deviceProfileId"),
        profile_name=_text(body, "type"),
        id=_id(body, "id") or "",
        version=_version(body),
        firmware_id=_id(body, "firmwareId"),
        software_id=_id(body, "softwareId"),
        label=_text(body, "label"),
        extra=_extra(body, DEVICE_EXTRA),
    )


def profile_json(store: Store, profile: Profile) -> Json:
    """A profile."""
    return {
        "id": identity("DEVICE_PROFILE", profile.id),
        "createdTime": profile.created_ms,
        "tenantId": identity("TENANT", store.tenant_id),
        "name": profile.name,
        "transportType": profile.transport,
        **PROFILE_EXTRA,
        **profile.extra,
        "firmwareId": identity("OTA_PACKAGE", profile.firmware_id),
        "softwareId": identity("OTA_PACKAGE", profile.software_id),
        "default": profile.is_default,
        "version": profile.version,
    }


def profile_info_json(store: Store, profile: Profile) -> Json:
    """A profile in short form."""
    return {
        "id": identity("DEVICE_PROFILE", profile.id),
        "tenantId": identity("TENANT", store.tenant_id),
        "name": profile.name,
        "image": profile.extra.get("image"),
        "defaultDashboardId": profile.extra.get("defaultDashboardId"),
        "type": profile.extra.get("type", "DEFAULT"),
        "transportType": profile.transport,
    }


def profile_of(body: Json) -> Profile:
    """A profile as an operator posts it: what it leaves out is cleared."""
    return Profile(
        name=_text(body, "name") or "",
        id=_id(body, "id") or "",
        version=_version(body),
        firmware_id=_id(body, "firmwareId"),
        software_id=_id(body, "softwareId"),
        transport=_text(body, "transportType") or "DEFAULT",
        extra=_extra(body, PROFILE_EXTRA),
    )


def credentials_json(credentials: Credentials) -> Json:
    """A device's credentials."""
    return {
        "id": {"id": credentials.id},
        "createdTime": credentials.created_ms,
        "deviceId": identity("DEVICE", credentials.device_id),
        "credentialsType": credentials.type,
        "credentialsId": credentials.credentials_id,
        "credentialsValue": credentials.value,
        "version": credentials.version,
    }


def credentials_of(body: Json) -> Credentials:
    """Credentials as an operator posts them."""
    kind = _text(body, "credentialsType") or "ACCESS_TOKEN"
    if kind != "ACCESS_TOKEN":
        raise refused(f"This twin knows credentials of type ACCESS_TOKEN, not {kind[:40]}")
    return Credentials(
        device_id=_id(body, "deviceId") or "",
        credentials_id=_text(body, "credentialsId") or "",
        id=_id(body, "id") or "",
        value=_text(body, "credentialsValue"),
    )


def package_json(store: Store, package: OtaPackage) -> Json:
    """A package's description."""
    return {
        "id": identity("OTA_PACKAGE", package.id),
        "createdTime": package.created_ms,
        "tenantId": identity("TENANT", store.tenant_id),
        "deviceProfileId": identity("DEVICE_PROFILE", package.profile_id),
        "type": package.kind.name,
        "title": package.title,
        "version": package.version,
        "tag": package.tag,
        "url": package.url,
        "hasData": package.has_data,
        "fileName": package.file_name,
        "contentType": package.content_type,
        "checksumAlgorithm": package.algorithm,
        "checksum": package.checksum,
        "dataSize": package.size,
        **PACKAGE_EXTRA,
        **package.extra,
        "name": package.title,
    }


def package_of(body: Json) -> OtaPackage:
    """A package as an operator describes it."""
    kind = _text(body, "type")
    if kind is None or kind not in Kind.__members__:
        raise refused("OtaPackage type should be specified!")
    size = body.get("dataSize")
    return OtaPackage(
        title=_text(body, "title") or "",
        version=_text(body, "version") or "",
        kind=Kind[kind],
        profile_id=_id(body, "deviceProfileId"),
        id=_id(body, "id") or "",
        tag=_text(body, "tag"),
        url=_text(body, "url"),
        uses_url=body.get("usesUrl") is True,
        file_name=_text(body, "fileName"),
        content_type=_text(body, "contentType"),
        algorithm=_text(body, "checksumAlgorithm"),
        checksum=_text(body, "checksum"),
        size=size if isinstance(size, int) else None,
        extra=_extra(body, PACKAGE_EXTRA),
    )


def _extra(body: Json, known: Mapping[str, object]) -> Json:
    return {name: body[name] for name in known if name in body}


def _text(body: Json, name: str) -> str | None:
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise refused(f"{name}: a text is expected, not {type(value).__name__}")


def _id(body: Json, name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping) or not isinstance(value.get("id"), str):
        raise refused(f"{name}: an entity id is expected, an object with the member id")
    return checked_uuid(value["id"])


def _version(body: Json) -> int | None:
    value = body.get("version")
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise refused("version: a whole number is expected")
