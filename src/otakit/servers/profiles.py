"""What a device profile can be set up with: provisioning, and MQTT topics of its own.

Values, ThingsBoard's JSON of them, and how a profile on the server differs from what is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otakit.errors import SettingsError

Json = dict[str, Any]
CREATES, CHECKS = "ALLOW_CREATE_NEW_DEVICES", "CHECK_PRE_PROVISIONED_DEVICES"
TELEMETRY, ATTRIBUTES = "v1/devices/me/telemetry", "v1/devices/me/attributes"


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Devices may come by themselves, with this key and secret.

    Attributes:
        key: names the profile; unique on the server.
        secret: what a device has to know.
        creates: whether new devices are made; otherwise only those that are there already get their credentials, once.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)
    creates: bool = True

    def __post_init__(self) -> None:
        """Refuses empty words.

        Raises:
            SettingsError: key or secret is empty.
        """
        for name in ("key", "secret"):
            if not getattr(self, name):
                raise SettingsError(f"Provisioning: {name} is empty; give the characters that devices will send")

    @property
    def type(self) -> str:
        """ThingsBoard's name of what it allows."""
        return CREATES if self.creates else CHECKS


@dataclass(frozen=True, slots=True)
class Topics:
    """MQTT topics in place of ThingsBoard's own; wildcards are allowed.

    Attributes:
        telemetry: where devices publish telemetry.
        attributes: where they publish attributes.
        updates: a filter under which they may subscribe to updates; these still come on the usual topic.
        forgives_format_errors: a payload that cannot be read is acknowledged and dropped, in place of a disconnect.
    """

    telemetry: str = TELEMETRY
    attributes: str = ATTRIBUTES
    updates: str = ATTRIBUTES
    forgives_format_errors: bool = False

    def json(self) -> Json:
        """The profile's transport configuration."""
        return {
            "type": "MQTT",
            "deviceTelemetryTopic": self.telemetry,
            "deviceAttributesTopic": self.attributes,
            "deviceAttributesSubscribeTopic": self.updates,
            "transportPayloadTypeConfiguration": {"transportPayloadType": "JSON"},
            "sparkplug": False,
            "sendAckOnValidationException": self.forgives_format_errors,
        }


def body_of(provisioning: Provisioning | None, topics: Topics | None) -> Json:
    """The members of a new profile's JSON that are not the usual ones."""
    default: Json = {"type": "DEFAULT"}
    transport = default if topics is None else topics.json()
    body: Json = {
        "transportType": transport["type"],
        "profileData": {"configuration": default, "transportConfiguration": transport},
    }
    if provisioning is not None:
        body["provisionType"], body["provisionDeviceKey"] = provisioning.type, provisioning.key
        secret = {"type": provisioning.type, "provisionDeviceSecret": provisioning.secret}
        body["profileData"]["provisionConfiguration"] = secret
    return body


def differences(found: Json, provisioning: Provisioning | None, topics: Topics | None) -> list[str]:
    """How a profile on the server differs from what is asked for; secrets are named and not shown."""
    there, different = found.get("profileData") or {}, []
    if provisioning is not None:
        if found.get("provisionType") != provisioning.type:
            different.append(f"provision type {found.get('provisionType')!r} instead of {provisioning.type!r}")
        if found.get("provisionDeviceKey") != provisioning.key:
            different.append("another provision device key")
        if (there.get("provisionConfiguration") or {}).get("provisionDeviceSecret") != provisioning.secret:
            different.append("another provision device secret")
    if topics is not None:
        transport = there.get("transportConfiguration") or {}
        for name, wanted in topics.json().items():
            if name != "transportPayloadTypeConfiguration" and transport.get(name, False) != wanted:
                different.append(f"{name} {transport.get(name)!r} instead of {wanted!r}")
    return different
