"""A device's credentials between ThingsBoard's JSON and ours, and how two of them differ."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from otakit.client.credentials import ACCESS_TOKEN, MQTT_BASIC, X509, Credentials
from otakit.errors import SettingsError
from otakit.servers.trust import bare, pem_of

Json = dict[str, Any]


def given(credentials: Credentials | str | None) -> Credentials | None:
    """What an argument means: a text is an access token."""
    return Credentials.token(credentials) if isinstance(credentials, str) else credentials


def body_of(credentials: Credentials) -> Json:
    """As ThingsBoard takes them.

    Raises:
        SettingsError: the file of a certificate cannot be read.
    """
    body: Json = {"credentialsType": credentials.type, "credentialsId": None, "credentialsValue": None}
    if credentials.type == ACCESS_TOKEN:
        body["credentialsId"] = credentials.user_name
    elif credentials.type == MQTT_BASIC:
        body["credentialsValue"] = json.dumps(_parts(credentials))
    else:
        body["credentialsValue"] = pem_of(credentials)
    return body


def request_of(credentials: Credentials) -> Json:
    """As a device asks for them while it is provisioned; its names differ from those of the answer."""
    if credentials.type == ACCESS_TOKEN:
        return {"credentialsType": credentials.type, "token": credentials.user_name}
    if credentials.type == X509:
        return {"credentialsType": credentials.type, "hash": pem_of(credentials)}
    parts = {"clientId": credentials.client_id, "username": credentials.user_name, "password": credentials.password}
    return {"credentialsType": credentials.type, **{name: value for name, value in parts.items() if value}}


def credentials_of(found: Json, name: str, wanted: Credentials | None) -> Credentials:
    """The credentials of a device as its client needs them.

    Args:
        found: ThingsBoard's JSON.
        name: the device's, sent as client id beside a certificate.
        wanted: what the caller says they are; the files of a certificate are known only from there.

    Raises:
        SettingsError: they are others; the text names what differs and shows nothing.
    """
    there = _read(found, name)
    if wanted is None:
        return there
    if different := there.differences(wanted if wanted.type != X509 else replace(wanted, client_id=name)):
        raise _differ(name, different)
    if wanted.type == X509:
        if bare(pem_of(wanted)) != bare(str(found.get("credentialsValue"))):
            raise _differ(name, ["certificate"])
        return replace(wanted, client_id=name)
    return there


def _differ(name: str, different: list[str]) -> SettingsError:
    return SettingsError(
        f"device {name!r} is there already with other credentials: {', '.join(different)}; "
        "leave credentials= out to take it as it is, or replace them with change_credentials"
    )


def _read(found: Json, name: str) -> Credentials:
    kind = str(found["credentialsType"])
    if kind == ACCESS_TOKEN:
        return Credentials.token(str(found["credentialsId"]))
    if kind == MQTT_BASIC:
        parts = json.loads(found.get("credentialsValue") or "{}")
        return Credentials(MQTT_BASIC, parts.get("userName"), parts.get("password"), parts.get("clientId") or "")
    return Credentials(kind, client_id=name)


def _parts(credentials: Credentials) -> Json:
    parts = (credentials.client_id or None, credentials.user_name, credentials.password)
    return dict(zip(("clientId", "userName", "password"), parts, strict=True))
