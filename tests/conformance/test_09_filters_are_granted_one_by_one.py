"""Scenario 9 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage


def test_scenario_09_filters_are_granted_one_by_one(stage: Stage) -> None:
    """The filter of many public clients is refused, the right one beside it granted, and the connection stays."""
    device = stage.device()
    codes = device.subscribes("v2/fw/response/+", "v2/fw/response/+/chunk/+")
    assert codes == (0x8F if stage.is_five else 0x80, 1)
    device.stays()
