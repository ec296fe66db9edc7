"""Scenario 14 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.stage import Stage


@pytest.mark.over_sockets
def test_scenario_14_unreadable_numbers(stage: Stage) -> None:
    """A size or an index that Java cannot read ends the connection without PUBLISH and without PUBACK."""
    fx = stage.fixture()
    fx.assign(fx.a)
    for index, size in ((0, '"1024"'), (0, " 10"), (2_147_483_648, "10")):
        device = stage.device()
        device.says(device.a_chunk_request(1, index, size))
        assert device.ends(0x8B) == []
