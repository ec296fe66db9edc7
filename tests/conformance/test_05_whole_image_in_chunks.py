"""Scenario 5 of section 19."""

from __future__ import annotations

import hashlib

import pytest

from otakit.conformance.fixture import SHA256_A
from otakit.conformance.stage import Stage


@pytest.mark.over_sockets
def test_scenario_05_whole_image_in_chunks(stage: Stage) -> None:
    """One request after another: PUBACK first, then the chunk, the last one short, and the sum is the image."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    chunks = [device.chunk(1, index, 65_536) for index in range(4)]
    assert [len(each) for each in chunks] == [65_536, 65_536, 65_536, 3392]
    assert hashlib.sha256(b"".join(chunks)).hexdigest() == SHA256_A
