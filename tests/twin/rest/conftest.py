"""The REST door in memory: a tenant in virtual time behind the application, called without a socket."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from otakit.twin.model import Model
from otakit.twin.rest.door import Door
from otakit.twin.rest.http import application
from otakit.twin.rest.login import PASSWORD, USER
from otakit.twin.settings import SECOND, TwinSettings

START = 1_790_000_000 * SECOND
NOBODY = "00000000-0000-4000-8000-000000000000"
IMAGE = bytes(i % 251 for i in range(200_000))


class Rest:
    """An operator in front of the door, logged in."""

    nobody, image = NOBODY, IMAGE

    def __init__(self, folder: Path, runner: asyncio.Runner, **settings: Any) -> None:
        self.now = START
        chosen = TwinSettings(**{"dispatch_spacing_s": 0, "dispatch_latency_s": 0, "shuffle": False, **settings})
        self.model = Model(chosen, random.Random(0), self.now)
        self.faults: list[BaseException] = []
        self.door = Door(self.model, lambda: self.now, folder, lambda: None, self.faults.append)
        self.app = application(self.door)
        self.runner = runner
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://twin")
        self.headers = {"X-Authorization": f"Bearer {self.login()['token']}"}

    def login(self, user: str = USER, password: str = PASSWORD) -> Any:
        return self.call("POST", "/api/auth/login", json={"username": user, "password": password}, headers={}).json()

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        options.setdefault("headers", getattr(self, "headers", {}))
        return self.runner.run(self.client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> Any:
        """The JSON of a call that succeeds."""
        return self.good(self.call("GET", path, **options))

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.good(self.call("POST", path, **({"json": body} if body is not None else {}), **options))

    def good(self, answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, int, str]:
        """Status, errorCode and message of a refusal in ThingsBoard's form."""
        answer = self.call(method, path, **options)
        body = answer.json()
        assert set(body) == {"status", "message", "errorCode", "timestamp"}
        assert answer.headers["content-type"] == "application/json"
        assert body["status"] == answer.status_code
        return body["status"], body["errorCode"], body["message"]

    def plain(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Status and text of a refusal in plain text; no type where there is no text."""
        answer = self.call(method, path, **options)
        assert answer.headers.get("content-type", "text/plain; charset=utf-8") == "text/plain; charset=utf-8"
        return answer.status_code, answer.text

    def default_profile(self) -> Any:
        return self.get("/api/deviceProfileInfo/default")["id"]

    def add_device(self, name: str = "d1", token: str = "T", **fields: Any) -> Any:
        body = {"name": name, "deviceProfileId": self.default_profile(), **fields}
        return self.post(f"/api/device?accessToken={token}", body)

    def add_profile(self, name: str = "P", **fields: Any) -> Any:
        plain = {"type": "DEFAULT"}
        data = {"configuration": plain, "transportConfiguration": plain}
        body = {"name": name, "type": "DEFAULT", "transportType": "DEFAULT", "profileData": data, **fields}
        return self.post("/api/deviceProfile", body)

    def describe(self, title: str = "pump", version: str = "1.10", **fields: Any) -> Any:
        body = {"title": title, "version": version, "type": "FIRMWARE", "deviceProfileId": self.default_profile()}
        return self.post("/api/otaPackage", {**body, **fields})

    def fill(self, package: Any, content: bytes = IMAGE, algorithm: str = "SHA256", **options: Any) -> httpx.Response:
        form = {"file": ("image.bin", content, "application/octet-stream")}
        path = f"/api/otaPackage/{package['id']['id']}?checksumAlgorithm={algorithm}"
        return self.call("POST", path + options.pop("more", ""), **{"files": form, **options})

    def upload(self, title: str = "pump", version: str = "1.10", content: bytes = IMAGE, **fields: Any) -> Any:
        return self.good(self.fill(self.describe(title, version, **fields), content))

    def assign(self, package: Any, device: Any) -> Any:
        """Assigns, and lets the dispatcher have its turn."""
        whole = self.get(f"/api/device/{device['id']['id']}")
        saved = self.post("/api/device", {**whole, "firmwareId": package and package["id"]})
        self.model.advance(self.now)
        return saved


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture
def make(tmp_path: Path, runner: asyncio.Runner) -> Iterator[Any]:
    """Makes a door with settings of one's own; nothing may have fallen on its way."""
    made: list[Rest] = []

    def build(**settings: Any) -> Rest:
        made.append(Rest(tmp_path, runner, **settings))
        return made[-1]

    yield build
    for rest in made:
        runner.run(rest.client.aclose())
        rest.door.close()
        assert rest.faults == []


@pytest.fixture
def rest(make: Any) -> Rest:
    """The door as ThingsBoard ships it, but for the dispatcher's pace."""
    built: Rest = make()
    return built
