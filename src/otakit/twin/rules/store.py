"""Everything the operator created, found by id, name or token; and how REST is refused.

Holds state and keeps it consistent; the rules about what may be saved are in `saving` and `packages`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from otakit.errors import ServerRefused
from otakit.protocol.messages import Kind
from otakit.twin.rules.chance import Chance
from otakit.twin.rules.changes import Changes, Noted
from otakit.twin.rules.entities import Credentials, Device, OtaPackage, Profile, package_id
from otakit.twin.rules.telemetry import Memory

BAD_ARGUMENT, NOT_FOUND, CONFLICT, GENERAL = (400, 31), (404, 32), (409, 35), (500, 2)
"""HTTP status and ThingsBoard's errorCode (`ThingsboardErrorCode`)."""
MAX_TEXT = 255
_MARKUP = re.compile(r"<[a-zA-Z/!][^>]*>")
Entity = TypeVar("Entity")


def refused(text: str, kind: tuple[int, int] = BAD_ARGUMENT) -> ServerRefused:
    """The error that REST answers with."""
    status, code = kind
    return ServerRefused(text, status, code)


def check_text(owner: str, name: str, value: str | None) -> None:
    """Length and markup (`NoXssValidator`, `StringLengthValidator`).

    Raises:
        ServerRefused: too long, or with markup in it.
    """
    if value is not None and len(value) > MAX_TEXT:
        raise refused(f"Validation error: {name} length must be equal or less than {MAX_TEXT}")
    if value is not None and _MARKUP.search(value):
        raise refused(f"Validation error: {owner} {name} is malformed")


@dataclass
class Contents:
    """All of a store, as it is kept between two runs; each dict in the order of its making."""

    tenant_id: str
    user_id: str
    default_profile_id: str
    profiles: dict[str, Profile]
    devices: dict[str, Device]
    packages: dict[str, OtaPackage]
    credentials: dict[str, Credentials]
    memories: dict[str, Memory]


class Store:
    """One tenant's entities."""

    def __init__(self, chance: Chance, now_ms: int) -> None:
        self.chance = chance
        self.tenant_id = chance.new_id()
        self.user_id = chance.new_id()
        self.profiles: dict[str, Profile] = {}
        self.devices: dict[str, Device] = {}
        self.packages: dict[str, OtaPackage] = {}
        self.credentials: dict[str, Credentials] = {}
        self.memories: dict[str, Memory] = {}
        self._tokens: dict[str, str] = {}
        self.default_profile_id = chance.new_id()
        self.profiles[self.default_profile_id] = Profile("default", self.default_profile_id, now_ms, 1, is_default=True)

    def restore(self, contents: Contents) -> None:
        """Replaces everything with what was kept."""
        self.tenant_id, self.user_id = contents.tenant_id, contents.user_id
        self.default_profile_id = contents.default_profile_id
        self.profiles, self.devices, self.packages = contents.profiles, contents.devices, contents.packages
        self.memories = contents.memories
        self.credentials, self._tokens = {}, {}
        for credentials in contents.credentials.values():
            self.put_credentials(credentials)

    def observe(self, changes: Changes) -> None:
        """From now on each change of an entity or a memory is noted; a memory joins the store empty."""
        self.profiles = Noted(self.profiles, changes, "profile")
        self.devices = Noted(self.devices, changes, "device")
        self.packages = Noted(self.packages, changes, "package")
        self.credentials = Noted(self.credentials, changes, "credentials")
        self.memories = Noted(
            self.memories, changes, "memory", adopt=lambda device_id, memory: memory.observe(changes, device_id)
        )

    def profile(self, profile_id: str) -> Profile:
        """A profile by id.

        Raises:
            ServerRefused: there is none.
        """
        return _found(self.profiles, profile_id, "Device profile")

    def device(self, device_id: str) -> Device:
        """A device by id.

        Raises:
            ServerRefused: there is none.
        """
        return _found(self.devices, device_id, "Device")

    def package(self, identifier: str) -> OtaPackage:
        """A package by id.

        Raises:
            ServerRefused: there is none.
        """
        return _found(self.packages, identifier, "Ota package")

    def profile_named(self, name: str) -> Profile | None:
        """A profile by its name."""
        return next((profile for profile in self.profiles.values() if profile.name == name), None)

    def device_named(self, name: str) -> Device | None:
        """A device by its name."""
        return next((device for device in self.devices.values() if device.name == name), None)

    def owner_of(self, credentials_id: str) -> str | None:
        """The id of the device that has these credentials, of whatever type."""
        return self._tokens.get(credentials_id)

    def device_of_token(self, token: str) -> Device | None:
        """Whose access token this is."""
        device_id = self._tokens.get(token)
        if device_id is None or self.credentials[device_id].type != "ACCESS_TOKEN":
            return None
        return self.devices.get(device_id)

    def put_credentials(self, credentials: Credentials) -> None:
        """Replaces a device's credentials."""
        old = self.credentials.get(credentials.device_id)
        if old is not None:
            del self._tokens[old.credentials_id]
        self.credentials[credentials.device_id] = credentials
        self._tokens[credentials.credentials_id] = credentials.device_id

    def forget_device(self, device_id: str) -> None:
        """Removes a device with all that belongs to it."""
        del self.devices[device_id], self.memories[device_id]
        del self._tokens[self.credentials.pop(device_id).credentials_id]

    def effective(self, device: Device, kind: Kind) -> str | None:
        """The package that counts: the device's own, else its profile's (`DefaultOtaPackageStateService`)."""
        own = package_id(device, kind)
        if own is not None or device.profile_id is None:
            return own
        return package_id(self.profiles[device.profile_id], kind)


def _found(entities: dict[str, Entity], identifier: str, name: str) -> Entity:
    if identifier not in entities:
        raise refused(f"{name} with id [{identifier}] is not found", NOT_FOUND)
    return entities[identifier]
