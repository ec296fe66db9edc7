"""Scenario 12 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Stage


@pytest.mark.over_sockets
def test_scenario_12_chunk_too_large(stage: Stage) -> None:
    """One byte above the limit: the error word, no PUBACK, the end. The limit itself is served."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    device.says(device.a_chunk_request(1, 0, 65_537))
    device.ends_with_error("PAYLOAD_TOO_LARGE")
    assert stage.device().chunk(1, 0, 65_536) == IMAGE_A[:65_536]
