"""Scenario 8 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage
from otakit.protocol.messages import Kind, chunk_filter


def test_scenario_08_qos_of_chunks(stage: Stage) -> None:
    """Chunks come at the QoS granted to their filter; QoS 2 is granted as 1."""
    fx = stage.fixture()
    fx.assign(fx.a)
    for requested, granted in ((0, 0), (1, 1), (2, 1)):
        device = stage.device()
        assert device.subscribes(chunk_filter(Kind.FIRMWARE), qos=requested) == (granted,)
        assert device.fetch(1, 0, 10).qos == granted
        device.drops()
