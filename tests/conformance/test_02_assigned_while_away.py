"""Scenario 2 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage
from otakit.protocol.messages import ATTRIBUTES_TOPIC


def test_scenario_02_assigned_while_away(stage: Stage) -> None:
    """Nothing is kept for a device that was away; it asks, and gets those of the wanted keys that exist."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    assert device.subscribes(ATTRIBUTES_TOPIC) == (1,)
    device.silent()
    there = {"fw_title": fx.title, "fw_version": "1.10", "fw_size": 200_000}
    assert device.attributes("fw_title,fw_version,fw_size,fw_url") == {"shared": there}
