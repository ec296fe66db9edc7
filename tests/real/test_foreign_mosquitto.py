"""Mosquitto's command-line clients at the twin, MQTT 3.1.1 and 5, with TLS and without."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from otakit.protocol.messages import Direction

pytestmark = pytest.mark.needs("mosquitto_pub")
VERSIONS = pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
DOWN, UP = Direction.TO_DEVICE, Direction.TO_SERVER


@pytest.fixture
def started() -> Any:
    """Starts a client that stays; it ends with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*command: str) -> subprocess.Popen[str]:
        found = shutil.which(command[0])
        assert found is not None
        process = subprocess.Popen(
            [found, *command[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def at(made: Any, version: str, *more: str) -> list[str]:
    """The options that every one of these clients has."""
    return ["-h", made.host, "-p", str(made.port), "-u", made.token, "-V", version, "-q", "1", *more]


@VERSIONS
def test_mosquitto_sub_hears_an_assignment(bench: Any, started: Any, until: Any, kept: Any, version: str) -> None:
    """Two updates: what is new, and what is stale."""
    with bench(assigned=False) as made:
        listening = started("mosquitto_sub", *at(made, version, "-t", "v1/devices/me/attributes", "-C", "2"))
        until(lambda: made.heard.count("SubAck"), "SUBACK")
        made.assign()
        said = [json.loads(line) for line in listening.communicate(timeout=60)[0].splitlines()]
        until(lambda: made.heard.count("Disconnect"), "the goodbye")
        values, deleted = sorted(said, key=lambda body: "deleted" in body)
        assert (values["fw_title"], values["fw_version"], values["fw_size"]) == ("pump", "2.0.1", 20_000)
        assert set(deleted["deleted"]) == {"fw_tag", "fw_url"}
        kept(made.session(), f"mosquitto_sub-{version}")


@VERSIONS
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_mosquitto_pub_reports_its_state(bench: Any, tool: Any, version: str, tls: bool) -> None:
    """Acknowledged at QoS 1, and stored; over TLS by the authority that the twin made itself."""
    with bench(tls=tls) as made:
        trust = ["--cafile", str(made.twin.ca_file)] if tls else []
        message = json.dumps({"fw_state": "UPDATED", "current_fw_version": "2.0.1"})
        done = tool("mosquitto_pub", *at(made, version, "-t", "v1/devices/me/telemetry", "-m", message, *trust))
        assert (done.returncode, done.stderr) == (0, b"")
        assert made.stored("fw_state")[-1] == "UPDATED"


@VERSIONS
def test_mosquitto_pub_gets_the_chunk_that_it_asked_for(
    bench: Any, started: Any, until: Callable[..., None], kept: Any, version: str
) -> None:
    """Without any subscription: the answer comes to who asked, at QoS 1."""
    with bench() as made:
        asking = started("mosquitto_pub", *at(made, version, "-t", "v2/fw/request/1/chunk/4", "-l", "-d"))
        asking.stdin.write("4096\n")
        asking.stdin.flush()
        until(lambda: made.heard.count("ChunkResponse", DOWN) and made.heard.count("PubAck", UP), "chunk and PUBACK")
        said = asking.communicate(timeout=60)[0]
        assert "'v2/fw/response/1/chunk/4', ... (3616 bytes)" in said
        until(lambda: made.heard.count("Disconnect"), "the goodbye")
        kept(made.session(), f"mosquitto_pub-chunk-{version}")


@VERSIONS
def test_mosquitto_rr_cannot_ask_since_its_filter_is_refused(bench: Any, tool: Any, kept: Any, version: str) -> None:
    """It subscribes to the very topic of the answer; ThingsBoard grants its own filters and nothing else."""
    with bench() as made:
        topics = ["-t", "v2/fw/request/1/chunk/0", "-e", "v2/fw/response/1/chunk/0", "-m", "4096", "-W", "20"]
        done = tool("mosquitto_rr", *at(made, version, *topics))
        assert done.stdout == b""
        session = made.session()
        assert list(session.packets.query("message == 'SubAck'")["reason"]) == [
            "0x80" if version == "mqttv311" else "0x8F"
        ]
        kept(session, f"mosquitto_rr-{version}")


@VERSIONS
def test_mosquitto_sub_is_told_that_its_token_is_wrong(bench: Any, tool: Any, version: str) -> None:
    """CONNACK 5, or 0x86 in MQTT 5, in mosquitto's words."""
    with bench() as made:
        made.token = "wrong"
        done = tool("mosquitto_sub", *at(made, version, "-t", "v1/devices/me/attributes", "-W", "20"))
        assert done.returncode != 0
        words = done.stderr.decode().lower()
        assert "not authori" in words or "bad user name or password" in words
