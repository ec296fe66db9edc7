"""The verbs that add profiles and devices, and what every verb stands on.

Each returns what is there when it is the same, and names the difference when it is not. Refuses to know
the REST calls (`thingsboard`) and the protocol (`client`).
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from otakit.captured import Address
from otakit.client.credentials import Credentials
from otakit.client.disk import TwoSlotDevice
from otakit.errors import SettingsError
from otakit.protocol.messages import Kind
from otakit.servers import credentials as shown
from otakit.servers import profiles
from otakit.servers.made import Journal, Made, journal_of
from otakit.servers.profiles import Provisioning, Topics
from otakit.servers.readings import Readings
from otakit.servers.things import Device, Profile, title_of
from otakit.thingsboard import Entity, Operator

if TYPE_CHECKING:
    from otakit.servers.verbs import Server


class Adding(Readings):
    """A server, and what is added to it.

    Attributes:
        label: one line: which server answers, which version, which link.
        mqtt: host and port for devices.
        tls: how devices speak TLS with it; None for plain TCP.
        ca_file: certificates that devices trust; None for the system's.
        url: base address of the REST door.
        operator: the REST calls themselves, for what has no verb.
        outlives_us: whether what is made there stays when this process ends; it is noted then.
        is_twin: whether it is the embedded twin.
        closed: whether it is over.
    """

    label: str
    mqtt: Address
    url: str
    operator: Operator
    tls: ssl.SSLContext | None = None
    ca_file: Path | None = None
    is_twin = False
    outlives_us = True

    def __init__(self) -> None:
        self.closed = False
        self._devices: dict[str, Device] = {}
        self._made: dict[str, Made] = {}
        self._journal: Journal | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __repr__(self) -> str:
        """The label: no user, no secret."""
        return f"<{self.label}>"

    def add_profile(
        self, name: str, *, provisioning: Provisioning | None = None, topics: Topics | None = None
    ) -> Profile:
        """The device profile of this name, made when there is none.

        Args:
            name: unique on the server.
            provisioning: lets devices come by themselves; as it is, or not at all, without.
            topics: MQTT topics in place of ThingsBoard's own; as they are, or the usual ones, without.

        Raises:
            SettingsError: it is there, and different; the text names what differs.
        """
        found = self.operator.profile_named(name)
        if found is None:
            made = self.operator.add_profile(name, profiles.body_of(provisioning, topics))
            found = self._make("deviceProfile", name, made)
        elif different := profiles.differences(found, provisioning, topics):
            raise differs(f"profile {name!r}", different, "name")
        return Profile(found["name"], found["id"]["id"])

    def add_device(
        self,
        name: str,
        profile: Profile | str | None = None,
        *,
        credentials: Credentials | str | None = None,
        firmware: tuple[str, str] | None = None,
        software: tuple[str, str] | None = None,
        folder: Path | str | None = None,
    ) -> Device:
        """The device of this name, made when there is none.

        Args:
            name: unique on the server.
            profile: its device profile; the tenant's default one without.
            credentials: an access token, or `Credentials`; a token that the server draws, or what is there, without.
            firmware: title and version that it runs at first; its own name without a number, and ``1.0.0``, without.
            software: likewise; none without.
            folder: where its slots and downloads are kept; a temporary folder of this process without.

        Raises:
            SettingsError: it exists with another profile or other credentials; the text names what differs.
        """
        wanted, proof = None if profile is None else self._profile(profile), shown.given(credentials)
        found = self.operator.device_named(name)
        if found is None:
            made_with = wanted or self._profile(None)
            body = {"name": name, "deviceProfileId": {"entityType": "DEVICE_PROFILE", "id": made_with.id}}
            secret = None if proof is None else shown.body_of(proof)
            found = self._make("device", name, self.operator.save_device(body, credentials=secret))
        elif wanted is not None and (there := found["deviceProfileId"]["id"]) != wanted.id:
            raise SettingsError(
                f"device {name!r} is there already with profile {self.operator.profile(there)['name']!r}, "
                f"not {wanted.name!r}; take another name, or delete the device first"
            )
        return self._known(found, proof, firmware, software, folder)

    def provision(self, name: str, key: str, secret: str, *, credentials: Credentials | str | None = None) -> Device:
        """The device of this name as it would come by itself: with a profile's provisioning key and secret.

        Args:
            name: of the device.
            key: of the profile (`Provisioning.key`).
            secret: likewise.
            credentials: those that the device wants to have; a token that the server draws without.

        Raises:
            SettingsError: key or secret is wrong, or the server does not let this device come (again).
        """
        proof = shown.given(credentials)
        request = {"deviceName": name, "provisionDeviceKey": key, "provisionDeviceSecret": secret}
        existed = self.operator.device_named(name)
        if existed is not None and name in self._devices and self._devices[name].id == existed["id"]["id"]:
            return self._known(existed, proof)  # a second time the server would refuse it
        answer = self.operator.provision({**request, **({} if proof is None else shown.request_of(proof))})
        if answer.get("status") == "NOT_FOUND":
            raise SettingsError(f"device {name!r}: no profile provisions devices with this key and secret; check both")
        found = self.operator.device_named(name)
        if answer.get("status") != "SUCCESS" or found is None:
            why = answer.get("errorMsg") or answer.get("status")
            raise SettingsError(
                f"device {name!r}: the server did not provision it ({why}); it may be there or provisioned already, be "
                "missing where the profile only checks, or its credentials may be taken"
            )
        if existed is None:
            self._make("device", name, found)
        return self._known(found, proof)

    def change_credentials(self, device: Device, credentials: Credentials | str) -> Device:
        """Gives a device other credentials; its open connections are closed. The same ones change nothing."""
        proof, found = shown.given(credentials), self.operator.credentials(device.id)
        assert proof is not None
        try:
            device.credentials = shown.credentials_of(found, device.name, proof)
        except SettingsError:
            found = self.operator.save_credentials({**found, **shown.body_of(proof)})
            device.credentials = shown.credentials_of(found, device.name, proof)
        return device

    def _noted(self) -> Journal:
        """What other processes can read of what is made."""
        if self._journal is None:
            self._journal = journal_of(self.operator) if self.outlives_us else Journal(None)
        return self._journal

    def _make(self, what: str, name: str, made: Entity) -> Entity:
        thing = Made(what, made["id"]["id"], name)
        self._made[thing.id] = thing
        self._noted().made(thing)
        return made

    def _profile(self, profile: Profile | str | None) -> Profile:
        if isinstance(profile, Profile):
            return profile
        if isinstance(profile, str):
            return self.add_profile(profile)
        found = self.operator.default_profile()
        return Profile(found["name"], found["id"]["id"])

    def _known(
        self,
        found: Entity,
        proof: Credentials | None,
        firmware: tuple[str, str] | None = None,
        software: tuple[str, str] | None = None,
        folder: Path | str | None = None,
    ) -> Device:
        """The device as it was handed out before, or a new one."""
        name, device_id = found["name"], found["id"]["id"]
        there, known = self.operator.credentials(device_id), self._devices.get(name)
        if known is not None and known.id == device_id and proof is None:
            proof = known.credentials if known.credentials.certificate_file is not None else None
        credentials = shown.credentials_of(there, name, proof)
        if known is None or known.id != device_id or (folder and Path(folder) != known.folder):
            own = Path(folder) if folder is not None else self._temporary() / device_id
            own.mkdir(parents=True, exist_ok=True)
            running = {Kind.FIRMWARE: firmware or (title_of(name), "1.0.0"), Kind.SOFTWARE: software}
            hardware = TwoSlotDevice(own, {kind: pair for kind, pair in running.items() if pair is not None})
            known = self._devices[name] = Device(name, device_id, cast("Server", self), own, hardware, credentials)
        known.credentials = credentials
        return known

    def _temporary(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="otakit-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def _drop_folder(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def differs(what: str, different: list[str], field: str) -> SettingsError:
    """The error of something that is there already, and different."""
    return SettingsError(
        f"{what} is there already with {', '.join(different)}; take another {field}, or delete the "
        f"{what.partition(' ')[0]} first"
    )
