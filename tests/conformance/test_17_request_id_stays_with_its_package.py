"""Scenario 17 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A, IMAGE_B
from otakit.conformance.stage import Stage


def test_scenario_17_request_id_stays_with_its_package(stage: Stage) -> None:
    """A request id keeps the package of its first use, a fresh one has the package of now."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    assert device.chunk(1, 0, 10) == IMAGE_A[:10]
    fx.assign(fx.b)
    assert device.chunk(1, 0, 10) == IMAGE_A[:10]
    assert device.chunk(2, 0, 10) == IMAGE_B[:10]
