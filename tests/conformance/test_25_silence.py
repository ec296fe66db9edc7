"""Scenario 25 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.peer import Peer
from otakit.conformance.stage import Stage
from otakit.protocol.packets import Packet, Publish

LIMIT_S = 10


@pytest.mark.seeded
@pytest.mark.over_sockets
def test_scenario_25_silence(stage: Stage) -> None:
    """Chunk requests are no activity: the connection closes; a PINGREQ now and then keeps it."""
    stage.needs(inactivity_s=LIMIT_S)
    fx = stage.fixture()
    fx.assign(fx.a)
    downloading = stage.device()
    assert LIMIT_S <= seconds_of_life(stage, downloading) <= 14
    pinging = stage.device()
    assert seconds_of_life(stage, pinging, ping_every_s=5) == 2 * LIMIT_S


def seconds_of_life(stage: Stage, device: Peer, ping_every_s: int = 0) -> int:
    """How long it lives while it asks for a chunk every second; twice the limit when it was not closed."""
    for second in range(2 * LIMIT_S):
        device.says(device.a_chunk_request(1, 0, 10, qos=0))
        heard = device.hear(has_chunk)
        if device.ended:
            assert_closed_for_silence(device, heard)
            return second
        if ping_every_s and second % ping_every_s == 0:
            device.stays()
        stage.passes(1)
    return 2 * LIMIT_S


def has_chunk(packets: object) -> bool:
    """Whether the chunk came."""
    assert isinstance(packets, list)
    return any(isinstance(each, Publish) for each in packets)


def assert_closed_for_silence(device: Peer, heard: list[Packet]) -> None:
    """MQTT 5 names one of the two checks; MQTT 3.1.1 hears nothing."""
    reasons = [getattr(each, "reason_code", None) for each in heard]
    assert reasons in ([[0x83], [0xA0]] if device.is_five else [[]])
