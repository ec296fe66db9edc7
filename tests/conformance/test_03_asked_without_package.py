"""Scenario 3 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.stage import Stage


@pytest.mark.seeded
@pytest.mark.over_sockets
def test_scenario_03_asked_without_package(stage: Stage) -> None:
    """A device without a package asks for one: PUBACK and an empty object, in either order."""
    assert stage.device().attributes("fw_title") == {}
