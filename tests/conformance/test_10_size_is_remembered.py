"""Scenario 10 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Stage


def test_scenario_10_size_is_remembered(stage: Stage) -> None:
    """An empty payload means the size that this request id had before."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    assert device.chunk(1, 1, 65_536) == IMAGE_A[65_536:131_072]
    assert device.chunk(1, 2) == IMAGE_A[131_072:196_608]
