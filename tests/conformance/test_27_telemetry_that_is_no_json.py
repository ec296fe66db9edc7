"""Scenario 27 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.stage import Stage
from otakit.protocol.messages import TELEMETRY_TOPIC
from otakit.protocol.packets import PubAck


@pytest.mark.over_sockets
def test_scenario_27_telemetry_that_is_no_json(stage: Stage) -> None:
    """MQTT 3.1.1 is closed without a word; MQTT 5 hears why, and keeps its connection where it asked for a PUBACK."""
    device = stage.device()
    number = device.publishes(TELEMETRY_TOPIC, "not json")
    if stage.is_five:
        assert device.expect() == [PubAck(number or 0, 0x99)]
        device.stays()
    else:
        assert device.ends() == []
        device = stage.device()
    device.publishes(TELEMETRY_TOPIC, "not json", qos=0)
    assert device.ends(0x99) == []
