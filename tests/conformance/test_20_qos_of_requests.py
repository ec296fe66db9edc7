"""Scenario 20 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Stage
from otakit.protocol.packets import PubAck, Publish, PubRel


@pytest.mark.over_sockets
def test_scenario_20_qos_of_requests(stage: Stage) -> None:
    """A request at QoS 2 gets PUBACK (no PUBREC, no PUBCOMP) and its chunk; one at QoS 0 the chunk alone."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    request = device.a_chunk_request(1, 0, 10, qos=2)
    device.says(request)
    acknowledged, chunk = device.expect(2)
    assert acknowledged == PubAck(request.packet_id or 0)
    assert isinstance(chunk, Publish)
    assert chunk.payload == IMAGE_A[:10]
    device.says(PubRel(request.packet_id or 0))
    device.silent()
    assert device.fetch(1, 0, 10, qos=0).payload == IMAGE_A[:10]
    device.silent()
