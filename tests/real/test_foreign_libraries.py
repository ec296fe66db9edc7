"""Devices on other MQTT libraries update themselves at the twin: aiomqtt and npm's mqtt, in both versions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

DEVICES = Path(__file__).parent / "devices"
VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])


def assert_updated(made: Any, done: Any) -> None:
    """The device is content, and the server has its word for it."""
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == {"bytes": 20_000, "fits": True}
    assert made.stored("fw_state")[-1] == "UPDATED"  # two states of one millisecond leave one row, as in ThingsBoard


@VERSIONS
def test_a_device_on_aiomqtt_updates_itself(bench: Any, tool: Any, kept: Any, version: str) -> None:
    """Everything at QoS 1, all chunks behind the first asked for at once."""
    with bench() as made:
        done = tool(sys.executable, str(DEVICES / "aiomqtt_device.py"), made.host, str(made.port), made.token, version)
        assert_updated(made, done)
        kept(made.session(), f"aiomqtt-{version}")


@VERSIONS
@pytest.mark.needs("npm")
def test_a_device_on_npm_s_mqtt_updates_itself(
    bench: Any, tool: Any, kept: Any, npm_folder: Path, version: str
) -> None:
    """The library most JavaScript devices use; it believes all that CONNACK says."""
    with bench() as made:
        script = str(DEVICES / "mqtt_js_device.js")
        done = tool("node", script, made.host, str(made.port), made.token, version, cwd=npm_folder)
        assert_updated(made, done)
        kept(made.session(), f"npm-mqtt-{version}")


@VERSIONS
def test_a_device_on_aiomqtt_gets_over_duplicates(bench: Any, tool: Any, kept: Any, version: str) -> None:
    """QoS 1 delivers at least once: each chunk comes twice, sorted by its index."""
    with bench("each answer duplicated") as made:
        done = tool(sys.executable, str(DEVICES / "aiomqtt_device.py"), made.host, str(made.port), made.token, version)
        assert_updated(made, done)
        kept(made.session(), f"aiomqtt-{version}-duplicates")
