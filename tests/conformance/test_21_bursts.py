"""Scenario 21 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Stage
from otakit.protocol.packets import Packet, PubAck, Publish


@pytest.mark.seeded
@pytest.mark.over_sockets
def test_scenario_21_bursts(stage: Stage) -> None:
    """Of a burst on a fresh request id each PUBACK comes before its chunk, in any order; on a known one, in order."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    burst = [device.a_chunk_request(9, index, 65_536) for index in range(4)]
    device.says(*burst)
    heard = [name_of(each) for each in device.expect(8)]
    wanted = [word for index, each in enumerate(burst) for word in (f"ack {each.packet_id}", f"chunk {index}")]
    assert sorted(heard) == sorted(wanted)
    for acknowledged, chunk in zip(wanted[::2], wanted[1::2], strict=True):
        assert heard.index(acknowledged) < heard.index(chunk)
    again = [device.a_chunk_request(9, index, 65_536) for index in range(4)]
    device.says(*again)
    in_order = [word for index, each in enumerate(again) for word in (f"ack {each.packet_id}", f"chunk {index}")]
    assert [name_of(each) for each in device.expect(8)] == in_order


def name_of(packet: Packet) -> str:
    """What an answer is, its bytes checked."""
    if isinstance(packet, PubAck):
        return f"ack {packet.packet_id}"
    assert isinstance(packet, Publish)
    index = int(packet.topic.removeprefix("v2/fw/response/9/chunk/"))
    assert packet.payload == IMAGE_A[65_536 * index : 65_536 * (index + 1)]
    return f"chunk {index}"
