"""How a device gets its credentials by itself: with a profile's key and secret, or with a signed certificate.

Knows `DeviceProvisionServiceImpl` and the JSON of request and answer (`JsonConverter`); refuses to know
whether the request came over MQTT or HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from otakit.errors import ServerRefused
from otakit.twin.rules.certificates import ReadCertificate, base64_of, sha3
from otakit.twin.rules.credentials import ACCESS_TOKEN, MQTT_BASIC, X509, basic_value
from otakit.twin.rules.entities import Credentials, Device, Profile
from otakit.twin.rules.store import Store
from otakit.twin.rules.telemetry import MILLISECOND, Attribute
from otakit.twin.rules.values import FormatError, Numeral

CREATE, CHECK, CHAIN = "ALLOW_CREATE_NEW_DEVICES", "CHECK_PRE_PROVISIONED_DEVICES", "X509_CERTIFICATE_CHAIN"
STATE, PROVISIONED = "provisionState", "provisioned"
NOT_FOUND = {"errorMsg": "Provision data was not found!", "status": "NOT_FOUND"}
FAILURE = {"errorMsg": "Failed to provision device!", "status": "FAILURE"}
SaveDevice = Callable[[Device, int, "str | None", "Credentials | None"], Device]


class ProvisionRequestError(ValueError):
    """A request that ThingsBoard's code stumbles over: it lacks key or secret, or has a member of the wrong kind."""


@dataclass(frozen=True, slots=True)
class ProvisionRequest:
    """What a device asks for."""

    name: str
    key: str
    secret: str
    is_gateway: bool
    credentials: Credentials | None


class Provisioning:
    """Provisions the devices of one tenant.

    Args:
        store: where profiles and devices are.
        save_device: creates a device with credentials.
        save_credentials: replaces a device's.
    """

    def __init__(
        self, store: Store, save_device: SaveDevice, save_credentials: Callable[[Credentials], Credentials]
    ) -> None:
        self._store, self._save_device, self._save_credentials = store, save_device, save_credentials

    def answer(self, request: object, now: int) -> dict[str, object]:
        """The JSON that answers a request.

        Raises:
            FormatError: it is no object.
            ProvisionRequestError: ThingsBoard's code stumbles over it.
        """
        asked = _asked(request)
        name = asked.name.strip()
        if asked.name and not name:
            return dict(FAILURE)
        profile = self._profile_of_key(asked.key)
        if profile is None or not asked.key or not asked.secret or provision_secret(profile) is None:
            return dict(NOT_FOUND)
        kind = profile.extra.get("provisionType")
        if kind == CHAIN:
            raise ProvisionRequestError("Invalid provision strategy type!")
        if kind not in (CREATE, CHECK) or provision_secret(profile) != asked.secret:
            return dict(NOT_FOUND)
        found = self._store.device_named(name) if name else None
        device = self._create(asked, name, profile, found, now) if kind == CREATE else self._check(profile, found, now)
        return dict(FAILURE) if device is None else _success(self._store.credentials[device.id])

    def shake_hands(self, chain: tuple[bytes, ...], read: ReadCertificate, now: int) -> None:
        """A TLS client showed its certificates, leaf first (`validateOrCreateDeviceX509Certificate`)."""
        for der in chain:
            digest = sha3(base64_of(der))
            owner = self._store.owner_of(digest)
            if owner is not None and self._store.credentials[owner].type == X509:
                return
            profile = self._profile_of_key(digest)
            if profile is not None and profile.extra.get("provisionType") == CHAIN:
                facts = read(chain[0])
                self._follow(profile, chain[0], facts.common_name if facts else None, now)
                return

    def _follow(self, profile: Profile, leaf: bytes, common_name: str | None, now: int) -> None:
        """The device that the leaf names is created, or gets this certificate."""
        configuration = _configuration_of(profile)
        name = _name_in(common_name, configuration.get("certificateRegExPattern"))
        if not name:
            return
        draft = Credentials("", "", type=X509, value=base64_of(leaf))
        device = self._store.device_named(name)
        try:
            if device is not None and device.profile_id == profile.id:
                old = self._store.credentials[device.id]
                if old.type == X509:
                    self._save_credentials(replace(old, value=draft.value))
            elif configuration.get("allowCreateNewDevicesByX509Certificate") is True:
                self._mark(self._save_device(Device(name, profile.id), now, None, draft), now)
        except ServerRefused:  # the name is taken in another profile, or is no name
            return

    def _create(
        self, asked: ProvisionRequest, name: str, profile: Profile, found: Device | None, now: int
    ) -> Device | None:
        if found is not None:
            return None
        extra = {"additionalInfo": {"gateway": True}} if asked.is_gateway else {}
        draft = Device(name or self._store.chance.new_token(), profile.id, extra=extra)
        try:
            device = self._save_device(draft, now, None, asked.credentials)
        except ServerRefused:  # a name that may not be, credentials of another device
            return None
        self._mark(device, now)
        return device

    def _check(self, profile: Profile, found: Device | None, now: int) -> Device | None:
        if found is None or found.profile_id != profile.id or STATE in self._store.memories[found.id].server:
            return None
        self._mark(found, now)
        return found

    def _mark(self, device: Device, now: int) -> None:
        self._store.memories[device.id].server[STATE] = Attribute(PROVISIONED, now // MILLISECOND)

    def _profile_of_key(self, key: str) -> Profile | None:
        return next(
            (each for each in self._store.profiles.values() if each.extra.get("provisionDeviceKey") == key), None
        )


def _configuration_of(profile: Profile) -> Mapping[str, object]:
    data = profile.extra.get("profileData")
    found = data.get("provisionConfiguration") if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def provision_secret(profile: Profile) -> str | None:
    """The profile's secret."""
    secret = _configuration_of(profile).get("provisionDeviceSecret")
    return secret if isinstance(secret, str) else None


def _name_in(common_name: str | None, pattern: object) -> str | None:
    """The first group of the profile's pattern, found anywhere in the certificate's name."""
    if common_name is None or not isinstance(pattern, str):
        return None
    try:
        found = re.search(pattern, common_name)
        return found[1] if found else None
    except (re.error, IndexError, RecursionError, OverflowError):
        return None


def _success(credentials: Credentials) -> dict[str, object]:
    value: object = credentials.credentials_id if credentials.type == ACCESS_TOKEN else credentials.value
    if credentials.type == MQTT_BASIC:
        value = json.loads(credentials.value or "{}")
    return {"credentialsValue": value, "credentialsType": credentials.type, "status": "SUCCESS"}


def _asked(request: object) -> ProvisionRequest:
    if not isinstance(request, Mapping):
        raise FormatError("a JSON object is expected")
    kind = _text(request, "credentialsType") if "credentialsType" in request else ACCESS_TOKEN
    if kind not in (ACCESS_TOKEN, MQTT_BASIC, X509, "LWM2M_CREDENTIALS"):
        raise ProvisionRequestError("there is no such credentialsType")
    parts = {name: _text(request, name) for name in ("token", "clientId", "username", "password", "hash")}
    gateway = request.get("gateway", False)
    if gateway is None or isinstance(gateway, Mapping | list):
        raise ProvisionRequestError("gateway is neither true nor false")
    return ProvisionRequest(
        name=_text(request, "deviceName"),
        key=_text(request, "provisionDeviceKey", must=True),
        secret=_text(request, "provisionDeviceSecret", must=True),
        is_gateway=gateway is True or (isinstance(gateway, str) and gateway.lower() == "true"),
        credentials=_credentials(kind, parts) if any(parts.values()) else None,
    )


def _credentials(kind: str, parts: dict[str, str]) -> Credentials:
    value = {
        MQTT_BASIC: basic_value(parts["clientId"], parts["username"], parts["password"]),
        X509: parts["hash"],
    }.get(kind)
    return Credentials("", parts["token"] if kind == ACCESS_TOKEN else "", type=kind, value=value)


def _text(request: Mapping[str, object], name: str, *, must: bool = False) -> str:
    """A member as Gson's `getAsString` gives it; nothing where it is missing."""
    if name not in request:
        if must:
            raise ProvisionRequestError(f"Failed to find the field {name} in JSON body!")
        return ""
    value = request[name]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        raise FormatError(f"{name} is an array")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Numeral):
        return str(value)
    raise ProvisionRequestError(f"{name} is no text")
