"""What the server does for devices: who they are, what they may, what is remembered of what they say.

The half of the `Model` that conversations and the device's HTTP door call. Pure: time is passed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from otakit.protocol.messages import Kind
from otakit.twin.rules.cache import ImageCache
from otakit.twin.rules.certificates import ReadCertificate, base64_of
from otakit.twin.rules.credentials import Refusal, device_of_basic, device_of_certificate
from otakit.twin.rules.entities import Device, OtaPackage
from otakit.twin.rules.limits import Limits
from otakit.twin.rules.provisioning import Provisioning
from otakit.twin.rules.store import Store, refused
from otakit.twin.rules.telemetry import MILLISECOND, Attribute, Memory
from otakit.twin.rules.transport import USUAL, ProfileTopics, profile_topics
from otakit.twin.rules.values import Value
from otakit.twin.settings import TwinSettings

OVER_MQTT = ("DEFAULT", "MQTT")
"""Transport types of profiles whose devices speak MQTT."""
Points = list[tuple[int, dict[str, Value]]]


class DeviceSide:
    """What the rules say to a device."""

    settings: TwinSettings
    store: Store
    cache: ImageCache
    limits: Limits
    provisioning: Provisioning
    read_certificate: ReadCertificate
    _topics: dict[str, tuple[object, ProfileTopics]]

    # who it is

    def device_of_token(self, token: str) -> Device | None:
        """Whose access token this is."""
        return self.store.device_of_token(token)

    def device_for(
        self,
        user_name: str | None,
        password: str | None,
        client_id: str,
        certificates: tuple[bytes, ...] = (),
        *,
        now: int,
    ) -> Device | Refusal:
        """Whose CONNECT this is, or why nobody's.

        Args:
            user_name: as CONNECT has it.
            password: likewise.
            client_id: likewise.
            certificates: what the TLS client showed, in DER, leaf first; one wins over user name and password.
            now: nanoseconds since the epoch.
        """
        facts = self.read_certificate(certificates[0]) if certificates else None
        if facts is not None and not self.settings.skip_certificate_validity and not facts.is_valid(now):
            return Refusal.CERTIFICATE
        if not self.settings.core_reachable:
            return Refusal.NO_CORE
        if certificates:
            device = device_of_certificate(self.store, base64_of(certificates[0]))
        else:
            device = device_of_basic(self.store, client_id, user_name, password)
        if device is None:
            return Refusal.CERTIFICATE if certificates else Refusal.NOT_KNOWN
        if self.store.profiles[device.profile_id or self.store.default_profile_id].transport not in OVER_MQTT:
            return Refusal.OTHER_TRANSPORT
        return device

    def shake_hands(self, certificates: tuple[bytes, ...], now: int) -> None:
        """A TLS client showed certificates: a profile may create or update a device for them."""
        self.provisioning.shake_hands(certificates, self.read_certificate, now)

    def provision(self, request: object, now: int) -> dict[str, object]:
        """Answers a provisioning request as ThingsBoard does over MQTT and HTTP alike.

        Args:
            request: its JSON, read by `json` or by `rules.values.parse`.
            now: nanoseconds since the epoch.

        Raises:
            FormatError: it is no object.
            ProvisionRequestError: it lacks a member that must be there, or one is of the wrong kind.
        """
        return self.provisioning.answer(request, now)

    # what it may

    def is_gateway(self, device_id: str) -> bool:
        """Whether a device speaks for others."""
        device = self.store.devices.get(device_id)
        info = device.extra.get("additionalInfo") if device else None
        value = info.get("gateway") if isinstance(info, Mapping) else None
        return value is True or value == "true" or (isinstance(value, int | float) and value != 0)

    def session_limits(self, device_id: str) -> dict[str, object]:
        """The answer to ``getSessionLimits``."""
        limits: dict[str, object] = {
            "maxPayloadSize": self.settings.max_payload_bytes,
            "maxInflightMessages": self.settings.queue_before_connack,
        }
        if self.is_gateway(device_id):
            limits["gatewayRateLimits"] = self.limits.described("gateway")
        kind = "gateway_device" if self.is_gateway(device_id) else "device"
        return {**limits, "rateLimits": self.limits.described(kind)}

    def topics_of(self, device_id: str) -> ProfileTopics:
        """The topics and formats of a device's profile, as they are now."""
        device = self.store.devices.get(device_id)
        if device is None:
            return USUAL
        profile = self.store.profiles[device.profile_id or self.store.default_profile_id]
        read = self._topics.get(profile.id)
        if read is None or read[0] is not profile:
            read = self._topics[profile.id] = (profile, profile_topics(profile))
        return read[1]

    # what it says, what it gets

    def memory(self, device_id: str) -> Memory | None:
        """What is remembered of a device, None once it is deleted."""
        return self.store.memories.get(device_id)

    def write_telemetry(self, device_id: str, points: Points) -> None:
        """Stores what a device or an operator reports.

        Raises:
            ServerRefused: there is no such device.
        """
        if self.memory(device_id) is None:
            raise refused("Device with requested id wasn't found!")
        self.hear_telemetry(device_id, points)

    def hear_telemetry(self, device_id: str, points: Points) -> None:
        """Stores what a device reports, unless it was deleted; what the twin has no memory for is dropped."""
        memory = self.memory(device_id)
        if memory is None:
            return
        for ts_ms, values in points:
            room = self.settings.remembered_keys - len(memory.telemetry)
            new = (key for key in values if key not in memory.telemetry)
            over = set(islice(new, max(0, room), None)) if room < len(values) else ()
            memory.telemetry.write(ts_ms, {key: value for key, value in values.items() if key not in over})
            memory.telemetry.keep_newest(values, self.settings.remembered_values)

    def hear_attributes(self, device_id: str, values: Mapping[str, Value], now: int) -> None:
        """Stores what a device says of itself, within the same bound."""
        memory = self.memory(device_id)
        if memory is None:
            return
        for key, value in values.items():
            if key in memory.client or len(memory.client) < self.settings.remembered_keys:
                memory.client[key] = Attribute(value, now // MILLISECOND)

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
        if not package.has_data or package.url:  # stored bytes can get lost on a disk
            return "FAILURE"
        self.cache.load(package, now)
        return package
