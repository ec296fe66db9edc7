"""Scenario 15 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage
from otakit.protocol.packets import PubAck


def test_scenario_15_request_id_no_number(stage: Stage) -> None:
    """A request id that is no number makes the topic an unknown one: acknowledged, dropped, no answer."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    number = device.publishes("v2/fw/request/abc/chunk/0", "10")
    assert device.expect() == [PubAck(number or 0, 0x90 if stage.is_five else 0)]
    device.silent()
