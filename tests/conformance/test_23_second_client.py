"""Scenario 23 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.stage import Stage
from otakit.protocol.packets import ConnAck


@pytest.mark.seeded
@pytest.mark.over_sockets
def test_scenario_23_second_client(stage: Stage) -> None:
    """A second client with the token is accepted and the first closed; updates come once the second subscribes."""
    fx = stage.fixture()
    first = stage.device(listens=True)
    second = stage.connect(fx.token)
    assert second.connack == ConnAck(0)
    assert first.ends(0x8E) == []
    fx.assign(fx.a)
    second.silent()
    second.listens()
    fx.assign(fx.b)
    versions = [body.get("fw_version") for body in second.updates(2)]
    assert sorted(versions, key=str) == ["1.11", None]
