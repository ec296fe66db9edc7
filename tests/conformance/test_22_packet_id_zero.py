"""Scenario 22 of section 19."""

from __future__ import annotations

from otakit.conformance.peer import Peer
from otakit.conformance.stage import Stage
from otakit.protocol.packets import Publish

DOWNLINKS, BURST = 65_535, 1285
assert DOWNLINKS % BURST == 0


def test_scenario_22_packet_id_zero(stage: Stage) -> None:
    """Packet ids count all downlinks of a connection and are cut to 16 bits: the 65,536th is 0."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    assert device.fetch(1, 0, 1, qos=0).packet_id == 1
    device.expect(ask(device, BURST - 1))
    for _ in range(DOWNLINKS // BURST - 1):
        last = device.expect(ask(device, BURST))[-1]
    assert isinstance(last, Publish)
    assert last.packet_id == 65_535
    answer = device.fetch(1, 0, 1)
    assert (answer.qos, answer.packet_id) == (1, 0)


def ask(device: Peer, times: int) -> int:
    """So many requests of one byte in one piece, at QoS 0, so that each has one answer."""
    request = device.a_chunk_request(1, 0, 1, qos=0)
    device.says(*[request] * times)
    return times
