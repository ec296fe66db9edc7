"""The server behind the conversations: ThingsBoard's rules put together.

Pure: time is passed in (whole nanoseconds since the epoch), chance is an object with `.random()`. The
REST door and the runs in virtual time call it as the operator, `conversation` calls it as the device.
Whoever drives it calls `advance` when `wake_at` has come, and sends what `sessions.take_woken` names.
"""

from __future__ import annotations

from dataclasses import replace

from otakit.protocol.checksums import checksum_of
from otakit.protocol.messages import Kind
from otakit.twin.rules.assignment import Assignment
from otakit.twin.rules.cache import ImageCache
from otakit.twin.rules.chance import Chance, Random
from otakit.twin.rules.entities import BytesImage, Credentials, Device, Image, OtaPackage, Profile, with_package
from otakit.twin.rules.packages import check_package, check_unused, filled
from otakit.twin.rules.saving import delete_profile, saved_credentials, saved_device, saved_profile
from otakit.twin.rules.store import Store, refused
from otakit.twin.rules.telemetry import MILLISECOND, Memory
from otakit.twin.rules.timers import Timers
from otakit.twin.rules.values import Value
from otakit.twin.sessions import Sessions
from otakit.twin.settings import TwinSettings


class Model:
    """One tenant of one ThingsBoard.

    Args:
        settings: its knobs.
        random: an object with `.random()`; decides ids, tokens and every order that is left open.
        now: nanoseconds since the epoch.
    """

    def __init__(self, settings: TwinSettings, random: Random, now: int) -> None:
        self.settings = settings
        self.chance = Chance(random, shuffle=settings.shuffle)
        self.timers = Timers()
        self.store = Store(self.chance, now // MILLISECOND)
        self.cache = ImageCache(settings, self.chance)
        self.sessions = Sessions(settings, self.chance, self.timers)
        self.assignment = Assignment(self.store, settings, self.timers, self.sessions.tell)

    @property
    def wake_at(self) -> int | None:
        """When something is due, in nanoseconds; None while nothing is."""
        return self.timers.due_at

    def advance(self, now: int) -> None:
        """Carries out what is due: the dispatcher's turn, the check for silence, answers of the core."""
        self.timers.run(now)

    # the operator's side

    def save_device(self, draft: Device, now: int, token: str | None = None) -> Device:
        """Creates or replaces a device, and tells it what that means for its packages."""
        old = self.store.devices.get(draft.id)
        before = self.assignment.effective(old) if old else {}
        device = saved_device(self.store, draft, now // MILLISECOND, token)
        self.assignment.device_saved(device, before, now)
        return device

    def delete_device(self, device_id: str) -> None:
        """Deletes a device; its connections are closed."""
        self.store.device(device_id)
        self.sessions.end_all(device_id)
        self.store.forget_device(device_id)

    def save_credentials(self, draft: Credentials) -> Credentials:
        """Replaces a device's credentials; its connections are closed."""
        credentials = saved_credentials(self.store, draft)
        self.sessions.end_all(credentials.device_id)
        return credentials

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

    # the device's side

    def device_of_token(self, token: str) -> Device | None:
        """Whose access token this is."""
        return self.store.device_of_token(token)

    def memory(self, device_id: str) -> Memory | None:
        """What is remembered of a device, None once it is deleted."""
        return self.store.memories.get(device_id)

    def write_telemetry(self, device_id: str, points: list[tuple[int, dict[str, Value]]]) -> None:
        """Stores what a device or an operator reports."""
        memory = self.memory(device_id)
        if memory is None:
            raise refused("Device with requested id wasn't found!")
        for ts_ms, values in points:
            memory.telemetry.write(ts_ms, values)

    def package_now(self, device_id: str, kind: Kind, now: int) -> str | OtaPackage:
        """The package that counts for a device, its bytes loaded; or the error word of a chunk request.

        ThingsBoard: `DefaultTransportApiService.handle(GetOtaPackageRequestMsg)`.
        """
        device = self.store.devices.get(device_id)
        if device is None:
            return "UNKNOWN"
        package = self.store.packages.get(self.store.effective(device, kind) or "")
        if package is None:
            return "NOT_FOUND"
        if package.url is not None:
            return "FAILURE"
        self.cache.load(package, now)
        return package
