"""Scenario 35 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage


def test_scenario_35_full_replace(stage: Stage) -> None:
    """A saved device replaces the stored one: what is left out is cleared; an old version conflicts, none does not."""
    fx = stage.fixture()
    older = fx.fresh("device", fx.device)
    fx.assign(fx.a)
    stored = fx.fresh("device", fx.device)
    assert stored["firmwareId"] == fx.a["id"]

    conflict = stage.rest("POST", "/api/device", json={**stored, "version": older["version"]})
    assert (conflict.status, conflict.body["errorCode"]) == (409, 35)

    without_package = {name: value for name, value in stored.items() if name != "firmwareId"}
    assert stage.rest("POST", "/api/device", json=without_package).status == 200
    assert fx.fresh("device", fx.device)["firmwareId"] is None

    without_version = {name: value for name, value in stored.items() if name != "version"}
    assert stage.rest("POST", "/api/device", json=without_version).status == 200
    assert fx.fresh("device", fx.device)["firmwareId"] == fx.a["id"]
