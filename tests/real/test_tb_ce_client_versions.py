"""ThingsBoard's official REST client in two versions: each works a whole day on the twin, unchanged."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otakit.protocol.checksums import checksum_of
from otakit.twin.rest.login import PASSWORD, USER, Login
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "operator-4.4.txt"
FOLDER = ROOT / "build" / "operator-4.4"
DAY = Path(__file__).with_name("operator_day.py")
IMAGE = bytes(i % 251 for i in range(200_000))


@pytest.fixture(scope="module")
def newer() -> Path:
    """The folder with tb-ce-client 4.4.0, brought by its lock when it is not there."""
    mark = f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {sys.version_info[:2]} {sys.platform}"
    ready = FOLDER / "ready"
    if ready.is_file() and ready.read_text(encoding="utf-8") == mark:
        return FOLDER
    shutil.rmtree(FOLDER, ignore_errors=True)
    options = ("--quiet", "--require-hashes", "--only-binary", ":all:", "--no-deps", "--retries", "1")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(FOLDER), "-r", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"tb-ce-client 4.4.0 could not be brought; once connected: pip install --target {FOLDER} -r {LOCK}"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(f"REQUIRE_ALL=1, and {reason}\n{done.stderr[-2000:]}", pytrace=False)
        pytest.skip(reason)
    ready.write_text(mark, encoding="utf-8")
    return FOLDER


def day_with(folder: Path | None) -> Any:
    """What the operator's day prints, with the client from a folder, or with this environment's own."""
    path = {} if folder is None else {"PYTHONPATH": str(folder)}

    async def played() -> tuple[int | None, bytes, bytes]:
        settings = TwinSettings(dispatch_latency_s=0, dispatch_spacing_s=0, shuffle=False)
        server = TwinServer(settings, login=Login(api_key="a-key"))
        await server.start()
        url = "http://{}:{}".format(*server.http)
        try:
            day = await asyncio.create_subprocess_exec(
                sys.executable, str(DAY), url, USER, PASSWORD, "a-key",
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **path},
            )  # fmt: skip
            out, err = await asyncio.wait_for(day.communicate(), 120)
        finally:
            await server.close()
        assert server.faults == []
        return day.returncode, out, err

    status, out, err = asyncio.run(played())
    assert status == 0, err.decode()[-3000:]
    return json.loads(out)


@pytest.fixture(scope="module", params=["4.3.1.8", "4.4.0"])
def day(request: pytest.FixtureRequest) -> Any:
    """One day for each version, in a process of its own."""
    report = day_with(None if request.param == "4.3.1.8" else request.getfixturevalue("newer"))
    assert report["version"] == request.param
    return report


def test_it_logs_in_by_password_and_by_key_and_refreshes(day: Any) -> None:
    assert day["logins"] == {"refreshed": True, "by key": "default", "wrong password": [401, 10]}


def test_it_keeps_profiles(day: Any) -> None:
    assert day["profiles"] == {
        "transport": "MQTT",
        "listed": ["short-lived", "default"],
        "gone": [404, 32],
        "default stays": [400, 31],
    }


def test_it_keeps_devices_with_credentials_of_three_kinds(day: Any) -> None:
    """Ids are computed where they follow from the value; refusals arrive as its exceptions."""
    sha3 = {
        kind: hashlib.sha3_256(text).hexdigest()
        for kind, text in (("MQTT_BASIC", b"cid-1|user-1"), ("X509_CERTIFICATE", b"TUlJ"))
    }
    assert day["devices"] == {
        "ids": sha3,
        "changed": "another-token",
        "taken": [400, 31],
        "same name": [400, 31],
        "stale": [409, 35],
        "found": "MQTT_BASIC",
        "searched": ["X509_CERTIFICATE"],
        "gone": [404, 32],
    }


def test_it_uploads_packages(day: Any) -> None:
    assert day["packages"] == {
        "first": False,
        "checksum": checksum_of("SHA256", IMAGE),
        "info": 200_000,
        "listed": ["pump"],
        "downloaded": True,
        "twice": [400, 31],
        "other bytes": [400, 31],
        "algorithm": [400, 31],
        "nobody": [404, 32],
    }


def test_it_carries_an_update(day: Any) -> None:
    """To attributes and telemetry and back; a package in use stays."""
    update = day["update"]
    assert update["latest"] == {"fw_state": "INITIATED", "target_fw_version": "1.10"}
    assert update["shared"] == {
        "fw_title": "pump", "fw_version": "1.10", "fw_size": 200_000, "fw_checksum_algorithm": "SHA256",
        "fw_checksum": checksum_of("SHA256", IMAGE),
    }  # fmt: skip
    assert set(update["keys"]) == {"target_fw_title", "target_fw_version", "target_fw_ts", "fw_state"}
    assert (update["in use"], update["left"], update["deleted"]) == ([400, 31], {}, None)


def test_it_reads_and_writes_telemetry_and_attributes(day: Any) -> None:
    assert day["telemetry"] == {
        "history": [[0, 0], [1000, 1], [2000, 2]],
        "sums": [[1000, 1], [3000, 5]],
        "shared": {"size": 1.0},
        "no keys": [400, "Empty keys: []"],
        "no object": [400, "Request is not a JSON object"],
        "nobody": [404, "Device with requested id wasn't found!"],
        "no id": [400, 31],
    }
