"""Scenario 11 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Stage


def test_scenario_11_size_none_is_the_whole_image(stage: Stage) -> None:
    """Without a size, now and before, the whole image comes in one PUBLISH, whatever the index, which is echoed."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    for request_id, size in ((2, ""), (3, "0"), (4, "-1")):
        answer = device.fetch(request_id, 5, size)
        assert answer.topic == f"v2/fw/response/{request_id}/chunk/5"
        assert answer.payload == IMAGE_A
