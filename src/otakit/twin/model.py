"""The server behind the conversations: ThingsBoard's rules put together.

Pure: time is passed in (whole nanoseconds since the epoch), chance is an object with `.random()`. The
REST door and the runs in virtual time call it as the operator, `conversation` calls it as the device.
Whoever drives it calls `advance` when `wake_at` has come, and sends what `sessions.take_woken` names.
"""

from __future__ import annotations

from dataclasses import replace

from otakit.protocol.checksums import checksum_of
from otakit.protocol.messages import Kind
from otakit.twin.device_side import DeviceSide
from otakit.twin.rules.assignment import Assignment
from otakit.twin.rules.cache import ImageCache
from otakit.twin.rules.certificates import unread
from otakit.twin.rules.chance import Chance, Random
from otakit.twin.rules.credentials import check_free, formatted, saved_credentials
from otakit.twin.rules.entities import BytesImage, Credentials, Device, Image, OtaPackage, Profile, with_package
from otakit.twin.rules.limits import Limits
from otakit.twin.rules.packages import check_package, check_quota, check_unused, filled
from otakit.twin.rules.provisioning import Provisioning
from otakit.twin.rules.saving import delete_profile, saved_device, saved_profile
from otakit.twin.rules.store import Store
from otakit.twin.rules.telemetry import MILLISECOND
from otakit.twin.rules.timers import Timers
from otakit.twin.rules.values import Value
from otakit.twin.sessions import Sessions
from otakit.twin.settings import TwinSettings


class Model(DeviceSide):
    """One tenant of one ThingsBoard.

    Args:
        settings: its knobs.
        random: an object with `.random()`; decides ids, tokens and every order that is left open.
        now: nanoseconds since the epoch.

    Attributes:
        read_certificate: how the time and the name of a certificate are read; set by whoever has TLS.
    """

    def __init__(self, settings: TwinSettings, random: Random, now: int) -> None:
        self.settings = settings
        self.chance = Chance(random, shuffle=settings.shuffle)
        self.timers = Timers()
        self.store = Store(self.chance, now // MILLISECOND)
        self.cache = ImageCache(settings, self.chance)
        self.sessions = Sessions(settings, self.chance, self.timers)
        self.assignment = Assignment(self.store, settings, self.timers, self.sessions.tell)
        self.limits, self._topics = Limits(settings), {}
        self.provisioning = Provisioning(self.store, self.save_device, self.save_credentials)
        self.read_certificate = unread

    @property
    def wake_at(self) -> int | None:
        """When something is due, in nanoseconds; None while nothing is."""
        return self.timers.due_at

    def advance(self, now: int) -> None:
        """Carries out what is due: the dispatcher's turn, the check for silence, answers of the core."""
        self.timers.run(now)

    # the operator's side

    def save_device(
        self, draft: Device, now: int, token: str | None = None, credentials: Credentials | None = None
    ) -> Device:
        """Creates or replaces a device, and tells it what that means for its packages.

        Args:
            draft: an empty id creates.
            now: nanoseconds since the epoch.
            token: the access token of a new device; a random one when nothing is given.
            credentials: of any type, also new ones for a device that is replaced; their own ids play no part.
        """
        old = self.store.devices.get(draft.id)
        before = self.assignment.effective(old) if old else {}
        first = Credentials("", token) if credentials is None and token else credentials
        if old is not None and credentials is not None:
            check_free(self.store, formatted(replace(credentials, device_id=old.id)))
        device = saved_device(self.store, draft, now // MILLISECOND, first)
        self.assignment.device_saved(device, before, now)
        if old is not None and credentials is not None:
            self.save_credentials(replace(credentials, device_id=device.id, id=self.store.credentials[device.id].id))
        return device

    def delete_device(self, device_id: str) -> None:
        """Deletes a device; its connections are closed."""
        self.store.device(device_id)
        self.sessions.end_all(device_id)
        self.store.forget_device(device_id)
        self.limits.forget(device_id)

    def save_credentials(self, draft: Credentials) -> Credentials:
        """Replaces a device's credentials; where they change, its connections are closed."""
        old = self.store.credentials.get(draft.device_id)
        new = saved_credentials(self.store, draft)
        if old is None or (old.type, old.credentials_id, old.value) != (new.type, new.credentials_id, new.value):
            self.sessions.end_all(new.device_id)
        return new

    def save_profile(self, draft: Profile, now: int) -> Profile:
        """Creates or replaces a profile, and tells its devices what that means for their packages."""
        before = self.store.profiles.get(draft.id)
        profile = saved_profile(self.store, draft, now // MILLISECOND)
        if before is not None:
            self.assignment.profile_saved(profile, before, now)
        return profile

    def delete_profile(self, profile_id: str) -> None:
        """Deletes a profile with its packages."""
        delete_profile(self.store, profile_id)
        self._topics.pop(profile_id, None)

    def save_package(self, draft: OtaPackage, now: int) -> OtaPackage:
        """Creates a package, or changes what may change; its cached bytes are dropped (`handleEvictEvent`)."""
        check_package(self.store, draft)
        old = self.store.packages.get(draft.id)
        package = replace(
            draft,
            id=draft.id or self.chance.new_id(),
            created_ms=old.created_ms if old else now // MILLISECOND,
            image=old.image if old else None,
        )
        self.store.packages[package.id] = package
        self.cache.drop(package.id)
        return package

    def fill_package(
        self,
        package_id: str,
        image: Image,
        *,
        algorithm: str,
        checksum: str,
        expected: str | None = None,
        file_name: str | None = "image.bin",
        content_type: str | None = "application/octet-stream",
    ) -> OtaPackage:
        """Gives a package its bytes."""
        package = filled(
            self.store.package(package_id),
            image,
            algorithm=algorithm,
            checksum=checksum,
            expected=expected,
            file_name=file_name,
            content_type=content_type,
        )
        check_quota(self.store, package, self.settings.max_ota_bytes)
        self.store.packages[package_id] = package
        self.cache.drop(package_id)
        return package

    def delete_package(self, package_id: str) -> None:
        """Deletes a package that nobody has."""
        check_unused(self.store, self.store.package(package_id))
        del self.store.packages[package_id]
        self.cache.drop(package_id)

    def write_shared(self, device_id: str, values: dict[str, Value], now: int) -> None:
        """The operator writes shared attributes."""
        self.assignment.write_shared(self.store.device(device_id).id, dict(values), now // MILLISECOND)

    def delete_shared(self, device_id: str, keys: list[str]) -> None:
        """The operator deletes shared attributes."""
        self.assignment.delete_shared(self.store.device(device_id).id, keys)

    # shorter, for runs in virtual time

    def upload(
        self, kind: Kind, title: str, version: str, content: bytes, now: int, *, algorithm: str = "SHA256"
    ) -> OtaPackage:
        """Creates a package of the default profile and fills it, in one go."""
        draft = OtaPackage(title, version, kind, self.store.default_profile_id)
        package, image = self.save_package(draft, now), BytesImage(content)
        return self.fill_package(package.id, image, algorithm=algorithm, checksum=checksum_of(algorithm, content))

    def assign(self, target: Device | Profile, kind: Kind, package_id: str | None, now: int) -> None:
        """Sets (or with None clears) the package of a device or a profile, as it is stored now."""
        if isinstance(target, Device):
            self.save_device(with_package(self.store.device(target.id), kind, package_id), now)
        else:
            self.save_profile(with_package(self.store.profile(target.id), kind, package_id), now)
