"""Scenario 26 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.stage import Stage


@pytest.mark.over_sockets
def test_scenario_26_keep_alive_is_not_read(stage: Stage) -> None:
    """A client that announces a keep alive of 2 s and says nothing for 8 s is still connected."""
    device = stage.connect(stage.fixture().token, keep_alive=2)
    stage.passes(8)
    device.stays()
