"""Scenario 40 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.stage import Stage
from otakit.protocol.packets import ConnAck


@pytest.mark.over_sockets
def test_scenario_40_refused_connect(stage: Stage) -> None:
    """CONNACK tells what was presented; MQTT 5 gets a DISCONNECT with the same code behind it."""
    wrong = stage.connect(f"{stage.fixture().token}-no")
    assert wrong.connack == ConnAck(0x86 if stage.is_five else 5)
    assert wrong.ends(0x86) == []
    nameless = stage.connect(client_id="c1")
    assert nameless.connack == ConnAck(0x85 if stage.is_five else 2)
    assert nameless.ends(0x85) == []
