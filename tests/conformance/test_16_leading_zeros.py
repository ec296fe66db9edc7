"""Scenario 16 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Stage


def test_scenario_16_leading_zeros(stage: Stage) -> None:
    """The request id is echoed as a text, the index as a number."""
    fx = stage.fixture()
    fx.assign(fx.a)
    answer = stage.device().fetch("01", "007", 10)
    assert answer.topic == "v2/fw/response/01/chunk/7"
    assert answer.payload == IMAGE_A[70:80]
