"""A class at one twin: thirty clients of their own, at the same time, as docs/teaching.rst promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otakit.protocol.messages import Kind
from otakit.run import peer_at, start_update
from otakit.session import Session, load

THIRTY = [f"seat-{number:02d}" for number in range(1, 31)]
IMAGE_BYTES = 3_000
CHUNK_BYTES = 1_024

LAB = f"""
[settings]
dispatch_spacing_s = 0

[[profile]]
name = "class"
firmware = "pump 1.1"

[[package]]
kind = "firmware"
title = "pump"
version = "1.1"
profile = "class"
size = {IMAGE_BYTES}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a laboratory of thirty devices."""
    folder = tmp_path_factory.mktemp("class")
    devices = "".join(f'[[device]]\nname = "{name}"\nprofile = "class"\ntoken = "token-of-{name}"\n' for name in THIRTY)
    (folder / "lab.toml").write_text(LAB + devices, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def twin(lab: Path) -> Iterator[dict[str, Any]]:
    """The one twin, a process of its own, which records each device; its doors."""
    options = ("--json", "--mqtt-port", "0", "--http-port", "0", "--lab", "lab.toml", "--record", "recordings")
    command = [sys.executable, "-m", "otakit", "twin", *options]
    environment = {**os.environ, "OTAKIT_CONFIG_DIR": str(lab / "settings")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=lab, env=environment) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def sessions(twin: dict[str, Any], lab: Path) -> dict[str, Session]:
    """All thirty updates, begun before the first is over."""
    host, port = twin["mqtt"]
    running = {}
    for name in THIRTY:
        peer = peer_at(
            f"mqtt://{host}:{port}", f"token-of-{name}", folder=lab / name, running={Kind.FIRMWARE: ("pump", "1.0")}
        )
        running[name] = start_update(
            peer, record=lab / f"{name}.pcapng", chunk_bytes=CHUNK_BYTES, kinds=(Kind.FIRMWARE,)
        )
    return {name: handle.wait() for name, handle in running.items()}


def test_each_device_of_the_class_is_updated(sessions: dict[str, Session]) -> None:
    """None waits for another, none takes another's place."""
    assert {name: session.outcome for name, session in sessions.items()} == {
        name: {"firmware": "UPDATED"} for name in THIRTY
    }


def test_each_got_its_own_bytes_and_no_more(sessions: dict[str, Session]) -> None:
    """Three chunks each, none twice, and the image stands in the device's own folder."""
    for session in sessions.values():
        assert session.chunks["received_bytes"].tolist() == [1_024, 1_024, 952]
        assert session.chunks["attempt"].max() == 1


def test_each_can_take_a_recording_home(sessions: dict[str, Session], lab: Path) -> None:
    """The twin kept one for each device, named after it; no two of them tell of the same device."""
    kept = {name: load(next((lab / "recordings").glob(f"{name}*.pcapng"))) for name in sessions}
    assert all("UPDATED" in set(session.statuses["status"]) for session in kept.values())
    assert len({session.packets["device"].dropna().iloc[0] for session in kept.values()}) == len(THIRTY)
