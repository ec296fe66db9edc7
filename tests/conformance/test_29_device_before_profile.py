"""Scenario 29 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.fixture import IMAGE_A, IMAGE_B, NINE_KEYS
from otakit.conformance.stage import Stage


@pytest.mark.seeded
def test_scenario_29_device_before_profile(stage: Stage) -> None:
    """A device's own package goes before its profile's; without it comes the profile's, without both the deletion."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device(listens=True)
    fx.assign_profile(fx.b)
    device.silent()
    assert device.chunk(1, 0, 10) == IMAGE_A[:10]
    assert device.attributes("fw_version") == {"shared": {"fw_version": "1.10"}}

    fx.assign(None, dispatched=False)
    flat, deleted = sorted(device.updates(2), key=lambda body: "deleted" in body)
    assert flat["fw_version"] == "1.11"
    assert sorted(deleted["deleted"]) == ["fw_tag", "fw_url"]
    assert device.chunk(2, 0, 10) == IMAGE_B[:10]
    stage.until(lambda: fx.history("fw_state")[2:] == ["QUEUED", "INITIATED"], "B is dispatched")

    fx.assign_profile(None)
    (update,) = device.updates(1)
    assert sorted(update) == ["deleted"]
    assert sorted(update["deleted"]) == NINE_KEYS
    device.silent()
    assert fx.latest("fw_state") == {"fw_state": "INITIATED"}
