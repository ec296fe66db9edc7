"""Scenario 6 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage


def test_scenario_06_past_the_end(stage: Stage) -> None:
    """A chunk behind the last one is acknowledged and empty."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    for index in range(4):
        device.fetch(1, index, 65_536)
    answer = device.fetch(1, 4, 65_536)
    assert answer.topic == "v2/fw/response/1/chunk/4"
    assert answer.payload == b""
