"""Scenario 7 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Stage


def test_scenario_07_chunk_without_subscription(stage: Stage) -> None:
    """Chunks need no SUBSCRIBE; they come at QoS 1 then, with DUP and RETAIN 0."""
    fx = stage.fixture()
    fx.assign(fx.a)
    answer = stage.device().fetch(1, 0, 4096)
    assert answer.topic == "v2/fw/response/1/chunk/0"
    assert answer.payload == IMAGE_A[:4096]
    assert (answer.qos, answer.dup, answer.retain) == (1, False, False)
