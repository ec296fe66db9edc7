"""Scenario 41 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.fixture import identifier
from otakit.conformance.stage import Stage
from otakit.protocol.packets import ConnAck


@pytest.mark.over_sockets
def test_scenario_41_credentials_changed(stage: Stage) -> None:
    """A device whose credentials change, and one that is deleted, is closed at once; the new token connects."""
    fx = stage.fixture()
    old = stage.device()
    credentials = fx.credentials_of(fx.device)
    fresh = stage.unique("fresh-token")
    fx.saved("/api/device/credentials", {**credentials, "credentialsId": fresh})
    assert old.ends(0x98) == []
    assert stage.connect(fresh).connack == ConnAck(0)

    doomed = fx.make_device("E")
    last = stage.device(fx.token_of(doomed))
    assert stage.rest("DELETE", f"/api/device/{identifier(doomed)}").status == 200
    assert last.ends(0x98) == []
