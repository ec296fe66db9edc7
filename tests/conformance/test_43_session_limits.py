"""Scenario 43 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.peer import json_of
from otakit.conformance.stage import Stage
from otakit.protocol.messages import RPC_RESPONSE_FILTER
from otakit.protocol.packets import PubAck


@pytest.mark.over_sockets
def test_scenario_43_session_limits(stage: Stage) -> None:
    """The transport answers getSessionLimits itself: PUBACK first, then the limits."""
    device = stage.device()
    assert device.subscribes(RPC_RESPONSE_FILTER) == (1,)
    number = device.publishes("v1/devices/me/rpc/request/7", {"method": "getSessionLimits", "params": {}})
    acknowledged, answer = device.expect(2)
    assert acknowledged == PubAck(number or 0)
    limits = json_of(answer, "v1/devices/me/rpc/response/7")
    assert (limits["maxPayloadSize"], limits["maxInflightMessages"]) == (65_536, 100)
    assert "rateLimits" in limits
