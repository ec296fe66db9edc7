"""The operator's talk with ThingsBoard: some fifteen REST calls, the same for the twin and a real server.

Knows paths, bodies and error answers (`DeviceController`, `OtaPackageController`, `TelemetryController`,
`ThingsboardErrorResponseHandler`); refuses to know what a lesson calls its devices: that is `servers`.
Every failure becomes one clear error; the password and the tokens stay inside.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx

from otakit.errors import ImageError, ServerRefused, TransportError
from otakit.protocol.messages import Kind

Entity = dict[str, Any]
"""A JSON object of ThingsBoard's, sent back whole when it is changed (the server replaces, it never merges)."""

PAGE_SIZE = 100
HISTORY_LIMIT = 50_000
LIMITS = {
    413: "the server's limit on request bodies (HTTP_MAX_PAYLOAD_SIZE_LIMIT_CONFIGURATION, 16,777,216 bytes with the "
    "form around the image; on the twin http_payload_limit_bytes)",
}


class Operator:
    """One tenant administrator's session over REST.

    Args:
        url: base address, such as ``http://127.0.0.1:8080``.
        user: login name.
        password: its password; kept for a new login when the tokens have expired, never shown.
        timeout_s: seconds that one call may take.
    """

    def __init__(self, url: str, user: str, password: str, *, timeout_s: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self.user = user
        self._password = password
        self._http = httpx.Client(base_url=self.url, timeout=timeout_s, trust_env=False)
        self._token: str | None = None

    def __repr__(self) -> str:
        """Server and user, no secret."""
        return f"Operator({self.url!r}, {self.user!r})"

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    # devices and profiles

    def default_profile(self) -> Entity:
        """The tenant's default device profile, in short form."""
        found: Entity = self._call("GET", "/api/deviceProfileInfo/default")
        return found

    def profile(self, profile_id: str) -> Entity:
        """One device profile, whole."""
        found: Entity = self._call("GET", f"/api/deviceProfile/{profile_id}")
        return found

    def profile_named(self, name: str) -> Entity | None:
        """The device profile of this name, or None."""
        return next(
            (each for each in self._pages("/api/deviceProfiles", textSearch=name) if each["name"] == name), None
        )

    def add_profile(self, name: str) -> Entity:
        """A new device profile with default transport."""
        default = {"type": "DEFAULT"}
        body = {
            "name": name,
            "type": "DEFAULT",
            "transportType": "DEFAULT",
            "profileData": {"configuration": default, "transportConfiguration": default},
        }
        return self.save_profile(body)

    def save_profile(self, profile: Entity) -> Entity:
        """Creates or replaces a device profile."""
        found: Entity = self._call("POST", "/api/deviceProfile", json=profile)
        return found

    def device(self, device_id: str) -> Entity:
        """One device, whole."""
        found: Entity = self._call("GET", f"/api/device/{device_id}")
        return found

    def device_named(self, name: str) -> Entity | None:
        """The device of this name, or None."""
        try:
            found: Entity = self._call("GET", "/api/tenant/devices", params={"deviceName": name})
        except ServerRefused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return found

    def save_device(self, device: Entity, token: str | None = None) -> Entity:
        """Creates or replaces a device; `token` for a new one, the server draws one without."""
        params = {} if token is None else {"accessToken": token}
        found: Entity = self._call("POST", "/api/device", json=device, params=params)
        return found

    def token_of(self, device_id: str) -> str:
        """The device's access token."""
        return str(self._call("GET", f"/api/device/{device_id}/credentials")["credentialsId"])

    # packages

    def package(self, package_id: str) -> Entity:
        """What the server knows of a package."""
        found: Entity = self._call("GET", f"/api/otaPackage/info/{package_id}")
        return found

    def package_named(self, title: str, version: str) -> Entity | None:
        """The package of this title and version, unique over both kinds, or None."""
        for found in self._pages("/api/otaPackages", textSearch=title):
            if (found["title"], found["version"]) == (title, version):
                return found
        return None

    def add_package(self, kind: Kind, title: str, version: str, profile_id: str, tag: str | None = None) -> Entity:
        """A package without its image yet."""
        body = {
            "title": title,
            "version": version,
            "type": kind.name,
            "deviceProfileId": {"entityType": "DEVICE_PROFILE", "id": profile_id},
            "tag": tag,
            "usesUrl": False,
        }
        found: Entity = self._call("POST", "/api/otaPackage", json=body)
        return found

    def upload(self, package_id: str, image: BinaryIO, name: str, algorithm: str) -> Entity:
        """Stores the image of a package, streamed from the open file.

        Raises:
            ImageError: larger than the server takes; the text names the limit.
            ServerRefused: anything else the server did not like.
        """
        path, form = f"/api/otaPackage/{package_id}", {"file": (name, image, "application/octet-stream")}
        try:
            found: Entity = self._call("POST", path, params={"checksumAlgorithm": algorithm}, files=form)
        except ServerRefused as refused:
            if refused.status in LIMITS:
                raise ImageError(f"image {name}: larger than {LIMITS[refused.status]} allows ({refused})") from refused
            raise
        return found

    def download(self, package_id: str, to: Path) -> None:
        """Writes the image of a package to a file."""
        with self._http.stream("GET", f"/api/otaPackage/{package_id}/download", headers=self._login()) as answer:
            if answer.status_code != httpx.codes.OK:
                answer.read()
                raise _refused("GET", f"/api/otaPackage/{package_id}/download", answer)
            with to.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)

    # attributes and telemetry

    def attributes(self, device_id: str, keys: Sequence[str] = ()) -> dict[str, object]:
        """Shared attributes by key."""
        path = f"/api/plugins/telemetry/DEVICE/{device_id}/values/attributes/SHARED_SCOPE"
        found = self._call("GET", path, params={"keys": ",".join(keys)} if keys else {})
        return {row["key"]: row["value"] for row in found}

    def write_attributes(self, device_id: str, values: Mapping[str, object]) -> None:
        """Writes shared attributes."""
        self._call("POST", f"/api/plugins/telemetry/DEVICE/{device_id}/SHARED_SCOPE", json=dict(values))

    def delete_attributes(self, device_id: str, keys: Sequence[str]) -> None:
        """Deletes shared attributes."""
        path = f"/api/plugins/telemetry/DEVICE/{device_id}/SHARED_SCOPE"
        self._call("DELETE", path, params={"keys": ",".join(keys)})

    def history(
        self, device_id: str, keys: Sequence[str] = (), *, since_ms: int = 0
    ) -> dict[str, list[tuple[int, object]]]:
        """Telemetry by key, oldest first: pairs of time (milliseconds since the epoch) and value as stored."""
        path = f"/api/plugins/telemetry/DEVICE/{device_id}"
        names = keys or self._call("GET", f"{path}/keys/timeseries")
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
        found = self._call("GET", f"{path}/values/timeseries", params=params)
        return {key: [(row["ts"], row["value"]) for row in rows] for key, rows in found.items()}

    def delete(self, what: str, entity_id: str) -> None:
        """Deletes a ``device``, ``deviceProfile`` or ``otaPackage``; what is gone already is no error."""
        try:
            self._call("DELETE", f"/api/{what}/{entity_id}")
        except ServerRefused as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise

    # the wire

    def _pages(self, path: str, **params: str) -> list[Entity]:
        found: list[Entity] = []
        page = 0
        while True:
            answer = self._call("GET", path, params={"pageSize": PAGE_SIZE, "page": page, **params})
            found += answer["data"]
            if not answer["hasNext"]:
                return found
            page += 1

    def _login(self) -> dict[str, str]:
        if self._token is None:
            body = {"username": self.user, "password": self._password}
            answer = self._send("POST", "/api/auth/login", json=body)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise ServerRefused(
                    f"{self.url}: user {self.user!r} or the password is wrong; set OTAKIT_USER and OTAKIT_PASSWORD",
                    401,
                    10,
                )
            self._token = str(_json(answer, "POST", "/api/auth/login")["token"])
        return {"X-Authorization": f"Bearer {self._token}"}

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = self._send(method, path, headers=self._login(), **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # expired: the password is known, so start over once
            self._token = None
            for _file, stream, _type in options.get("files", {}).values():
                stream.seek(0)
            answer = self._send(method, path, headers=self._login(), **options)
        return _json(answer, method, path)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, quote(path), **options)
        except httpx.ConnectError as error:
            raise TransportError(f"{self.url}: nobody answers; is the server running and the address right?") from error
        except httpx.TimeoutException as error:
            raise TransportError(f"{self.url}: no answer to {method} {path} in {self._http.timeout.read} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            text = f"{self.url}: {method} {path} failed ({type(error).__name__}); is this ThingsBoard's HTTP address?"
            raise TransportError(text) from error


def _json(answer: httpx.Response, method: str, path: str) -> Any:
    if answer.is_success:
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            got = answer.headers.get("content-type", "nothing")
            text = f"{method} {path}: expected JSON, got {got}; is this ThingsBoard's HTTP address?"
            raise TransportError(text) from error
    raise _refused(method, path, answer)


def _refused(method: str, path: str, answer: httpx.Response) -> ServerRefused:
    code, message = None, answer.text[:200]
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        code, message = body.get("errorCode"), str(body.get("message", message))
    elif isinstance(body, str):
        message = body
    text = f"{method} {path}: the server refused with {answer.status_code}: {message or answer.reason_phrase}"
    return ServerRefused(text, answer.status_code, code if isinstance(code, int) else None)
