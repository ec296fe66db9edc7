"""Scenario 13 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.stage import Stage


@pytest.mark.over_sockets
def test_scenario_13_nothing_assigned(stage: Stage) -> None:
    """A chunk of nothing: the error word, on the firmware's topic for software too, and the end."""
    for kind in ("fw", "sw"):
        device = stage.device()
        device.says(device.a_chunk_request(1, 0, 10, kind))
        device.ends_with_error("NOT_FOUND")
