"""Scenario 1 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.fixture import SHA256_A
from otakit.conformance.stage import Stage


@pytest.mark.seeded
@pytest.mark.over_sockets
def test_scenario_01_assigned_while_connected(stage: Stage) -> None:
    """A device that listens when a package is assigned hears two updates in any order: the package, the stale keys."""
    fx = stage.fixture()
    device = stage.device(listens=True)
    fx.assign(fx.a)
    flat, deleted = sorted(device.updates(2), key=lambda body: "deleted" in body)
    assert flat == {
        "fw_title": fx.title,
        "fw_version": "1.10",
        "fw_size": 200_000,
        "fw_checksum_algorithm": "SHA256",
        "fw_checksum": SHA256_A,
    }
    assert sorted(deleted) == ["deleted"]
    assert sorted(deleted["deleted"]) == ["fw_tag", "fw_url"]
    device.silent()
    assert fx.latest("target_fw_version", "fw_state") == {"target_fw_version": "1.10", "fw_state": "INITIATED"}
    assert fx.history("fw_state") == ["QUEUED", "INITIATED"]
