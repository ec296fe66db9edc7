"""curl at the twin's HTTP device API: a device with a modem that speaks HTTP only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs("curl")
CHUNK = 4096


@pytest.fixture
def curl(tool: Any) -> Any:
    """Status and body of one call."""

    def call(*options: str) -> tuple[int, bytes]:
        done = tool("curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", *options)
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), body

    return call


def api(made: Any, path: str) -> str:
    """The device API of this device."""
    return f"{made.twin.url}/api/v1/{made.token}/{path}"


WANTED = "firmware?title=pump&version=2.0.1"


def test_curl_downloads_the_whole_image(bench: Any, curl: Any, tmp_path: Path) -> None:
    """To a file, with the checksum that the attributes announce."""
    with bench() as made:
        image = tmp_path / "image.bin"
        assert curl("--output", str(image), api(made, WANTED)) == (200, b"")
        status, body = curl(api(made, "attributes?sharedKeys=fw_checksum,fw_size"))
        assert (status, json.loads(body)["shared"]["fw_size"]) == (200, 20_000)
        assert hashlib.sha256(image.read_bytes()).hexdigest() == json.loads(body)["shared"]["fw_checksum"]


def test_curl_downloads_chunk_by_chunk_and_stops_at_the_empty_one(bench: Any, curl: Any) -> None:
    """Five chunks, the last one short, and 200 with nothing past the end."""
    with bench() as made:
        got = [curl(api(made, f"{WANTED}&size={CHUNK}&chunk={index}")) for index in range(6)]
        assert [(status, len(body)) for status, body in got] == [(200, CHUNK)] * 4 + [(200, 3616), (200, 0)]
        assert hashlib.sha256(b"".join(body for _, body in got)).hexdigest() == made.package.checksum


def test_curl_reports_telemetry_and_attributes(bench: Any, curl: Any) -> None:
    """200 and an empty body; the operator sees both."""
    with bench() as made:
        told = ["--data", '{"fw_state":"UPDATED"}', "--header", "Content-Type: application/json"]
        assert curl(*told, api(made, "telemetry")) == (200, b"")
        assert curl("--data", '{"serial":"007x"}', api(made, "attributes")) == (200, b"")
        assert made.stored("fw_state")[-1] == "UPDATED"
        assert json.loads(curl(api(made, "attributes?clientKeys=serial"))[1]) == {"client": {"serial": "007x"}}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("firmware?title=pump&version=1.9", 400),
        ("firmware?title=pump", 400),
        ("software?title=pump&version=2.0.1", 404),
        (f"{WANTED}&size=x", 400),
    ],
)
def test_curl_is_refused_what_is_not_assigned(bench: Any, curl: Any, path: str, status: int) -> None:
    """ThingsBoard's own codes."""
    with bench() as made:
        assert curl(api(made, path))[0] == status


def test_curl_is_refused_with_another_token(bench: Any, curl: Any) -> None:
    """401, as for any device that is not there."""
    with bench() as made:
        made.token = "wrong"
        assert curl(api(made, WANTED))[0] == 401


def test_curl_provisions_a_device_that_can_update_itself_at_once(bench: Any, curl: Any) -> None:
    """Key and secret of the profile against a token of its own."""
    with bench() as made:
        provisioning = {"type": "ALLOW_CREATE_NEW_DEVICES", "provisionDeviceSecret": "S"}
        profile = made.twin.operator.call("GET", "/api/deviceProfileInfo/default")
        full = made.twin.operator.call("GET", f"/api/deviceProfile/{profile['id']['id']}")
        full |= {"provisionType": provisioning["type"], "provisionDeviceKey": "K"}
        full["profileData"]["provisionConfiguration"] = provisioning
        made.twin.operator.call("POST", "/api/deviceProfile", json=full)
        asked = {"deviceName": "curl-1", "provisionDeviceKey": "K", "provisionDeviceSecret": "S"}
        url = f"{made.twin.url}/api/v1/provision"
        status, body = curl("--data", json.dumps(asked), "--header", "Content-Type: application/json", url)
        answer = json.loads(body)
        assert (status, answer["status"], answer["credentialsType"]) == (200, "SUCCESS", "ACCESS_TOKEN")
        made.token = answer["credentialsValue"]
        assert curl(api(made, "attributes")) == (200, b"{}")
        refused = json.loads(curl("--data", json.dumps(asked), url)[1])
        assert refused == {"errorMsg": "Failed to provision device!", "status": "FAILURE"}
