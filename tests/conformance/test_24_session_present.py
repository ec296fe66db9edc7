"""Scenario 24 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.stage import Stage
from otakit.protocol.packets import ConnAck


@pytest.mark.over_sockets
def test_scenario_24_session_present(stage: Stage) -> None:
    """Session present says the opposite of clean session, and no subscription of the former connection exists."""
    fx = stage.fixture()
    stage.device(listens=True).drops()
    again = stage.connect(fx.token, clean_start=False)
    assert again.connack == ConnAck(0, session_present=True)
    fx.assign(fx.a)
    again.silent()
