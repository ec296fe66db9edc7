"""Scenario 18 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A, IMAGE_B
from otakit.conformance.stage import Stage


def test_scenario_18_request_id_shared_by_both_kinds(stage: Stage) -> None:
    """A request id that meant firmware brings firmware on the software's topic; a fresh one brings software."""
    fx = stage.fixture()
    fx.assign(fx.a)
    software = fx.make_package("2.0", IMAGE_B, type="SOFTWARE")
    fx.assign(software, kind="software")
    device = stage.device()
    assert device.chunk(1, 0, 10) == IMAGE_A[:10]
    assert device.chunk(1, 0, 10, "sw") == IMAGE_A[:10]
    assert device.chunk(2, 0, 10, "sw") == IMAGE_B[:10]
