"""Entities as ThingsBoard's JSON, and back.

Knows member names and the members that no rule reads but every client expects; refuses to know paths.
Reading raises `ServerRefused` for what cannot be meant.
"""

from __future__ import annotations

from collections.abc import Mapping

from otakit.protocol.messages import Kind
from otakit.twin.rest.bodies import Json, entity_id, flag, inner, text, unreadable, whole
from otakit.twin.rules.entities import Credentials, Device, OtaPackage, Profile
from otakit.twin.rules.store import GENERAL, Store, refused

NULL_CUSTOMER = "13814000-1dd2-11b2-8080-808080808080"  # ThingsBoard's EntityId.NULL_UUID
TRANSPORTS = ("DEFAULT", "MQTT", "COAP", "LWM2M", "SNMP")
PROVISION_TYPES = ("DISABLED", "ALLOW_CREATE_NEW_DEVICES", "CHECK_PRE_PROVISIONED_DEVICES", "X509_CERTIFICATE_CHAIN")
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
        name=text(body, "name") or "",
        profile_id=entity_id(body, "deviceProfileId"),
        profile_name=text(body, "type"),
        id=entity_id(body, "id") or "",
        version=whole(body, "version"),
        firmware_id=entity_id(body, "firmwareId"),
        software_id=entity_id(body, "softwareId"),
        label=text(body, "label"),
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
    """A profile as an operator posts it: what it leaves out is cleared.

    Raises:
        ServerRefused: type, transport type or profile data are missing, or are none.
    """
    name, transport = text(body, "name") or "", text(body, "transportType")
    if not name.strip():
        raise refused("Device profile name should be specified!")
    if text(body, "type") is None:
        raise refused("Device profile type should be specified!")
    if transport is None:
        raise refused("Device profile transport type should be specified!")
    _check_one_of(body, "type", ("DEFAULT",))
    _check_one_of(body, "transportType", TRANSPORTS)
    _check_one_of(body, "provisionType", PROVISION_TYPES)
    if not inner(inner(body, "profileData"), "transportConfiguration"):  # `DeviceProfileDataValidator` reads them
        raise refused("The transport configuration of profileData is null", GENERAL)
    key, extra = text(body, "provisionDeviceKey"), _extra(body, PROFILE_EXTRA)
    if "provisionDeviceKey" in extra:
        extra["provisionDeviceKey"] = key
    if extra.get("provisionType") is None:
        extra["provisionType"] = "DISABLED"
    return Profile(
        name=name,
        id=entity_id(body, "id") or "",
        version=whole(body, "version"),
        firmware_id=entity_id(body, "firmwareId"),
        software_id=entity_id(body, "softwareId"),
        transport=transport,
        extra=extra,
    )


def _check_one_of(body: Json, name: str, known: tuple[str, ...]) -> None:
    value = text(body, name)
    if value is not None and value not in known:
        raise unreadable(f"{name}: not one of {', '.join(known)}")


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
    """Credentials as an operator posts them; the rules compute the id where it follows from the value."""
    return Credentials(
        device_id=entity_id(body, "deviceId") or "",
        credentials_id=text(body, "credentialsId") or "",
        id=entity_id(body, "id") or "",
        type=text(body, "credentialsType") or "",
        value=text(body, "credentialsValue"),
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
    _check_one_of(body, "type", tuple(Kind.__members__))
    kind = text(body, "type")
    if kind is None:
        raise refused("Type should be specified!")
    return OtaPackage(
        title=text(body, "title") or "",
        version=text(body, "version") or "",
        kind=Kind[kind],
        profile_id=entity_id(body, "deviceProfileId"),
        id=entity_id(body, "id") or "",
        tag=text(body, "tag"),
        url=text(body, "url"),
        uses_url=flag(body, "usesUrl"),
        file_name=text(body, "fileName"),
        content_type=text(body, "contentType"),
        algorithm=text(body, "checksumAlgorithm"),
        checksum=text(body, "checksum"),
        size=whole(body, "dataSize"),
        extra=_extra(body, PACKAGE_EXTRA),
    )


def _extra(body: Json, known: Mapping[str, object]) -> Json:
    return {name: body[name] for name in known if name in body}
