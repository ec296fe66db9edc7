"""Scenario 28 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage


def test_scenario_28_version_becomes_a_number(stage: Stage) -> None:
    """A device's "1.10" is stored as the number 1.1; what the server wrote stays the text "1.10"."""
    fx = stage.fixture()
    fx.assign(fx.a)
    stage.device().reports({"current_fw_version": "1.10", "fw_state": "UPDATED"})
    stage.until(lambda: fx.latest("fw_state")["fw_state"] == "UPDATED", "the device's state is stored")
    keys = ("current_fw_version", "target_fw_version")
    strict = fx.latest(*keys)
    assert strict == {"current_fw_version": 1.1, "target_fw_version": "1.10"}
    assert isinstance(strict["current_fw_version"], float)
    assert fx.latest(*keys, strict=False) == {"current_fw_version": "1.1", "target_fw_version": "1.10"}
