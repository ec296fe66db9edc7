"""The operator's talk with ThingsBoard: some fifteen REST calls, the same for the twin and a real server.

Knows paths, bodies and error answers (`DeviceController`, `OtaPackageController`, `TelemetryController`,
`ThingsboardErrorResponseHandler`); refuses to know what a lesson calls its devices: that is `servers`.
Every failure becomes one clear error; the password and the tokens stay inside.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import httpx

from otakit.errors import ImageError, ServerRefused, TransportError
from otakit.protocol.messages import Kind
from otakit.thingsboard.calls import Calls, Entity, refused

HISTORY_LIMIT = 50_000
BODY_LIMIT = (
    "ThingsBoard limits REST bodies, the form around the image included, by HTTP_MAX_PAYLOAD_SIZE_LIMIT_CONFIGURATION "
    "(16,777,216 bytes as shipped; http_payload_limit_bytes of the twin's settings), because it holds them in memory"
)
UPLOAD_LIMIT = (
    "ThingsBoard limits uploads by SPRING_SERVLET_MULTIPART_MAX_FILE_SIZE and …_MAX_REQUEST_SIZE "
    "(52,428,800 bytes as shipped; multipart_limit_bytes of the twin's settings)"
)
VERSION_WAIT_S, VERSION_HEAD_BYTES = 3, 65_536
LARGE_BYTES = 1_000_000
"""From here on a connection that breaks in mid-upload may mean a limit."""
_VERSION = re.compile(rb'"version"\s*:\s*"([\w.-]+)"')


class Operator(Calls):
    """One tenant administrator, and everything that operators do here."""

    def version(self) -> str | None:
        """The server's version as its API description says it, None when it does not."""
        try:
            with self.http.stream("GET", "/v3/api-docs/thingsboard", timeout=VERSION_WAIT_S) as answer:
                head = next(answer.iter_bytes(VERSION_HEAD_BYTES), b"") if answer.is_success else b""
        except httpx.HTTPError:
            return None
        found = _VERSION.search(head)
        return found[1].decode() if found else None

    # devices and profiles

    def default_profile(self) -> Entity:
        """The tenant's default device profile, in short form."""
        found: Entity = self.call("GET", "/api/deviceProfileInfo/default")
        return found

    def profile(self, profile_id: str) -> Entity:
        """One device profile, whole."""
        found: Entity = self.call("GET", f"/api/deviceProfile/{profile_id}")
        return found

    def profile_named(self, name: str) -> Entity | None:
        """The device profile of this name, or None."""
        return next((each for each in self.pages("/api/deviceProfiles", textSearch=name) if each["name"] == name), None)

    def add_profile(self, name: str, more: Entity | None = None) -> Entity:
        """A new device profile with default transport; `more` replaces members of its JSON."""
        default = {"type": "DEFAULT"}
        body = {
            "name": name,
            "type": "DEFAULT",
            "transportType": "DEFAULT",
            "profileData": {"configuration": default, "transportConfiguration": default},
        }
        return self.save_profile({**body, **(more or {})})

    def save_profile(self, profile: Entity) -> Entity:
        """Creates or replaces a device profile."""
        found: Entity = self.call("POST", "/api/deviceProfile", json=profile)
        return found

    def device(self, device_id: str) -> Entity:
        """One device, whole."""
        found: Entity = self.call("GET", f"/api/device/{device_id}")
        return found

    def device_named(self, name: str) -> Entity | None:
        """The device of this name, or None."""
        try:
            found: Entity = self.call("GET", "/api/tenant/devices", params={"deviceName": name})
        except ServerRefused as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return found

    def save_device(self, device: Entity, token: str | None = None, credentials: Entity | None = None) -> Entity:
        """Creates or replaces a device; `token` or `credentials` for a new one, the server draws a token without."""
        if token is not None:
            credentials = {"credentialsType": "ACCESS_TOKEN", "credentialsId": token}
        if credentials is None:
            found: Entity = self.call("POST", "/api/device", json=device)
            return found
        # in the body and not in the address, which ends up in logs
        body = {"device": device, "credentials": credentials}
        made: Entity = self.call("POST", "/api/device-with-credentials", json=body)
        return made

    def devices(self) -> list[Entity]:
        """All devices."""
        return self.pages("/api/tenant/devices")

    def profiles(self) -> list[Entity]:
        """All device profiles."""
        return self.pages("/api/deviceProfiles")

    def credentials(self, device_id: str) -> Entity:
        """The device's credentials."""
        found: Entity = self.call("GET", f"/api/device/{device_id}/credentials")
        return found

    def save_credentials(self, credentials: Entity) -> Entity:
        """Replaces a device's credentials; `credentials` with the `id` of those that it has."""
        found: Entity = self.call("POST", "/api/device/credentials", json=credentials)
        return found

    def token_of(self, device_id: str) -> str:
        """The device's access token."""
        return str(self.credentials(device_id)["credentialsId"])

    def provision(self, request: Entity) -> Entity:
        """What a device is answered that asks to be provisioned; needs no login."""
        found: Entity = self.call("POST", "/api/v1/provision", json=request)
        return found

    # packages

    def package(self, package_id: str) -> Entity:
        """What the server knows of a package."""
        found: Entity = self.call("GET", f"/api/otaPackage/info/{package_id}")
        return found

    def package_named(self, title: str, version: str) -> Entity | None:
        """The package of this title and version, unique over both kinds, or None."""
        for found in self.pages("/api/otaPackages", textSearch=title):
            if (found["title"], found["version"]) == (title, version):
                return found
        return None

    def add_package(
        self,
        kind: Kind,
        title: str,
        version: str,
        profile_id: str,
        tag: str | None = None,
        behind_url: Entity | None = None,
    ) -> Entity:
        """A package without its image yet; or one that ends here, with `url` and what is known of its bytes."""
        body = {
            "title": title,
            "version": version,
            "type": kind.name,
            "deviceProfileId": {"entityType": "DEVICE_PROFILE", "id": profile_id},
            "tag": tag,
            "usesUrl": behind_url is not None,
            **(behind_url or {}),
        }
        found: Entity = self.call("POST", "/api/otaPackage", json=body)
        return found

    def upload(
        self, package_id: str, image: BinaryIO, name: str, algorithm: str, checksum: str | None = None
    ) -> Entity:
        """Stores the image of a package, streamed from the open file.

        Raises:
            ImageError: larger than the server takes; the text names the limit.
            ServerRefused: anything else the server did not like.
        """
        path, form = f"/api/otaPackage/{package_id}", {"file": (name, image, "application/octet-stream")}
        params = {"checksumAlgorithm": algorithm} | ({} if checksum is None else {"checksum": checksum})
        size = image.seek(0, os.SEEK_END)
        image.seek(0)
        try:
            found: Entity = self.call("POST", path, params=params, files=form)
        except ServerRefused as error:
            if error.status != httpx.codes.REQUEST_ENTITY_TOO_LARGE:
                raise
            why = UPLOAD_LIMIT if "upload" in str(error).lower() else BODY_LIMIT
            raise ImageError(f"image {name}: {size:,} bytes are more than the server takes ({error}); {why}") from error
        except TransportError as error:
            if size < LARGE_BYTES or not isinstance(error.__cause__, httpx.NetworkError | httpx.RemoteProtocolError):
                raise
            raise TransportError(
                f"image {name}: the connection broke while {size:,} bytes were uploaded; if this repeats, {BODY_LIMIT}"
            ) from error
        return found

    def download(self, package_id: str, to: Path) -> None:
        """Writes the image of a package to a file."""
        with self.http.stream("GET", f"/api/otaPackage/{package_id}/download", headers=self.login()) as answer:
            if answer.status_code != httpx.codes.OK:
                answer.read()
                raise refused("GET", f"/api/otaPackage/{package_id}/download", answer)
            with to.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)

    # attributes and telemetry

    def attributes(self, device_id: str, keys: Sequence[str] = (), scope: str = "SHARED_SCOPE") -> dict[str, object]:
        """Attributes of one scope by key, shared ones unless told otherwise."""
        path = f"/api/plugins/telemetry/DEVICE/{device_id}/values/attributes/{scope}"
        found = self.call("GET", path, params={"keys": ",".join(keys)} if keys else {})
        return {row["key"]: row["value"] for row in found}

    def write_attributes(self, device_id: str, values: Mapping[str, object], scope: str = "SHARED_SCOPE") -> None:
        """Writes attributes of one scope."""
        self.call("POST", f"/api/plugins/telemetry/DEVICE/{device_id}/{scope}", json=dict(values))

    def delete_attributes(self, device_id: str, keys: Sequence[str], scope: str = "SHARED_SCOPE") -> None:
        """Deletes attributes of one scope."""
        path = f"/api/plugins/telemetry/DEVICE/{device_id}/{scope}"
        self.call("DELETE", path, params={"keys": ",".join(keys)})

    def write_telemetry(self, device_id: str, values: Mapping[str, object], ts_ms: int | None = None) -> None:
        """Writes telemetry in a device's name."""
        body = dict(values) if ts_ms is None else {"ts": ts_ms, "values": dict(values)}
        self.call("POST", f"/api/plugins/telemetry/DEVICE/{device_id}/timeseries/ANY", json=body)

    def history(
        self, device_id: str, keys: Sequence[str] = (), *, since_ms: int = 0
    ) -> dict[str, list[tuple[int, object]]]:
        """Telemetry by key, oldest first: pairs of time (milliseconds since the epoch) and value as stored."""
        path = f"/api/plugins/telemetry/DEVICE/{device_id}"
        names = keys or self.call("GET", f"{path}/keys/timeseries")
        if not names:
            return {}
        params: dict[str, str | int] = {
            "keys": ",".join(names),
            "startTs": since_ms,
            "endTs": int(time.time() * 1000) + 86_400_000,  # a device's clock may run ahead
            "limit": HISTORY_LIMIT,
            "orderBy": "ASC",
            "useStrictDataTypes": "true",
        }
        found = self.call("GET", f"{path}/values/timeseries", params=params)
        return {key: [(row["ts"], row["value"]) for row in rows] for key, rows in found.items()}

    def delete(self, what: str, entity_id: str) -> None:
        """Deletes a ``device``, ``deviceProfile`` or ``otaPackage``; what is gone already is no error."""
        try:
            self.call("DELETE", f"/api/{what}/{entity_id}")
        except ServerRefused as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
