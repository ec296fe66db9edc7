"""Who a device is: what is stored of its credentials, and whom a CONNECT's user name, password and client id mean.

Knows `DeviceCredentialsServiceImpl` (how an id is computed from the value), `DeviceCredentialsDataValidator`
(what may be saved) and `DefaultTransportApiService.validateCredentials` (the order of looking up). Refuses
to know codes of CONNACK.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from enum import Enum

from otakit.twin.rules.certificates import bare, sha3
from otakit.twin.rules.entities import Credentials, Device
from otakit.twin.rules.store import GENERAL, Store, refused

ACCESS_TOKEN, MQTT_BASIC, X509 = "ACCESS_TOKEN", "MQTT_BASIC", "X509_CERTIFICATE"
TAKEN = "Device credentials are already assigned to another device!"
_PARTS = ("clientId", "userName", "password")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Refusal(Enum):
    """Why a CONNECT is not accepted."""

    NOT_KNOWN = "no device has these credentials"
    CERTIFICATE = "the certificate is unknown or expired"
    OTHER_TRANSPORT = "the device's profile is for another transport than MQTT"
    NO_CORE = "the core does not answer"
    RATE = "the rate limit is reached"


def basic_id(client_id: str, user_name: str) -> str:
    """The id under which MQTT_BASIC credentials are stored and looked up; at least one of the two is given."""
    if not client_id:
        return user_name
    return sha3(f"{client_id}|{user_name}" if user_name else client_id)


def basic_value(client_id: str | None, user_name: str | None, password: str | None) -> str:
    """The JSON text that is stored of MQTT_BASIC credentials."""
    parts = dict(zip(_PARTS, (client_id, user_name, password), strict=True))
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False)


def basic_parts(value: str | None) -> dict[str, str | None]:
    """Client id, user name and password of MQTT_BASIC credentials, None for what is not set.

    Raises:
        ServerRefused: the value is not their JSON.
    """
    try:
        body = json.loads(value or "")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or set(body) - set(_PARTS):
        raise refused("Invalid credentials body for simple mqtt credentials!")
    found: dict[str, str | None] = {}
    for name in _PARTS:
        part = body.get(name)
        if isinstance(part, dict | list):
            raise refused("Invalid credentials body for simple mqtt credentials!")
        found[name] = part if part is None or isinstance(part, str) else json.dumps(part)
    return found


def formatted(draft: Credentials) -> Credentials:
    """With the id that follows from the value (`formatCredentials`).

    Raises:
        ServerRefused: the value cannot be that of its type.
    """
    if draft.type == MQTT_BASIC:
        client_id, user_name, password = basic_parts(draft.value).values()
        if not client_id and not user_name:
            raise refused("Both mqtt client id and user name are empty!")
        if client_id and password and not user_name:
            raise refused("Password cannot be specified along with client id")
        value = basic_value(client_id, user_name, password)
        return replace(draft, credentials_id=basic_id(client_id or "", user_name or ""), value=value)
    if draft.type == X509:
        if draft.value is None:  # a null dereference in EncryptionUtil.certTrimNewLines
            raise refused('Cannot invoke "String.replaceAll(String, String)" because "input" is null', GENERAL)
        return replace(draft, credentials_id=sha3(draft.value), value=bare(draft.value))
    if draft.type != ACCESS_TOKEN:
        raise refused(f"This twin knows credentials of {ACCESS_TOKEN}, {MQTT_BASIC} and {X509}, not {draft.type[:40]}")
    return draft


def check_free(store: Store, draft: Credentials) -> None:
    """Whether formatted credentials may be the ones of their device.

    Raises:
        ServerRefused: they have no id, or it is another device's.
    """
    if not draft.credentials_id:
        raise refused("Device credentials id should be specified!")
    parts: dict[str, str | None] = basic_parts(draft.value) if draft.type == MQTT_BASIC else {}
    for name, part in {"credentialsId": draft.credentials_id, **parts}.items():
        if part and _CONTROL.search(part):
            raise refused(f"{name} must not contain control characters!")
    owner = store.owner_of(draft.credentials_id)
    if owner is not None and owner != draft.device_id:
        raise refused(TAKEN)


def saved_credentials(store: Store, draft: Credentials) -> Credentials:
    """Replaces a device's credentials.

    Raises:
        ServerRefused: they do not name the ones they replace, or break a rule of theirs.
    """
    if not draft.device_id:
        raise refused("Device credentials should be assigned to device!")
    if not draft.type:
        raise refused("Device credentials type should be specified")
    old, draft = store.credentials[store.device(draft.device_id).id], formatted(draft)
    if not draft.id:
        raise refused("Credentials for this device are already specified!")
    if draft.id != old.id:
        raise refused("Unable to update non-existent device credentials!")
    check_free(store, draft)
    credentials = replace(draft, version=old.version + 1, created_ms=old.created_ms)
    store.put_credentials(credentials)
    return credentials


def device_of_basic(store: Store, client_id: str, user_name: str | None, password: str | None) -> Device | None:
    """Whose these are: no user name, the hash of the client id; else the hash of both, else the user name alone."""
    if not user_name:
        found = _of(store, sha3(client_id))
        return _device(store, found if _fits(found, client_id, user_name, password) else None)
    found = _of(store, basic_id(client_id, user_name) if client_id else sha3(user_name))
    if found is not None and found.type == MQTT_BASIC and _names_fit(found, client_id, user_name):
        return _device(store, found if _fits(found, client_id, user_name, password) else None)  # this is final
    found = _of(store, user_name)
    if found is not None and (found.type == ACCESS_TOKEN or _fits(found, client_id, user_name, password)):
        return _device(store, found)
    return None


def device_of_certificate(store: Store, text: str) -> Device | None:
    """Whose certificate this is, given as its base64."""
    found = _of(store, sha3(text))
    return _device(store, found) if found is not None and found.type == X509 else None


def _of(store: Store, credentials_id: str) -> Credentials | None:
    return store.credentials.get(store.owner_of(credentials_id) or "")


def _device(store: Store, credentials: Credentials | None) -> Device | None:
    return None if credentials is None else store.devices.get(credentials.device_id)


def _names_fit(found: Credentials, client_id: str, user_name: str | None) -> bool:
    stored = basic_parts(found.value)
    given = {"clientId": client_id, "userName": user_name}
    return all(not stored[name] or stored[name] == given[name] for name in given)


def _fits(found: Credentials | None, client_id: str, user_name: str | None, password: str | None) -> bool:
    """Each stored part must match; what is not stored is not looked at."""
    if found is None or found.type != MQTT_BASIC or not _names_fit(found, client_id, user_name):
        return False
    wanted = basic_parts(found.value)["password"]
    return not wanted or wanted == password
