"""Scenario 19 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.peer import Peer
from otakit.conformance.stage import Stage


def test_scenario_19_lost_cache_entry(stage: Stage) -> None:
    """Once the cached bytes are gone a known request id yields empty chunks; a fresh one loads them, for both."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device()
    assert device.chunk(1, 0, 65_536) == IMAGE_A[:65_536]
    described = fx.fresh("otaPackage/info", fx.a)
    fx.saved("/api/otaPackage", {**described, "additionalInfo": {"description": "edited in mid-rollout"}})
    empty_until_loaded_again(device, 2)
    if stage.can_pass(3600):
        for _ in range(12):  # sixty minutes after loading, in steps that inactivity does not notice
            stage.passes(300)
            device.stays()
        empty_until_loaded_again(device, 3)


def empty_until_loaded_again(device: Peer, fresh: int) -> None:
    """Request id 1 yields nothing, a fresh one bytes, and then 1 again."""
    assert [device.chunk(1, index, 65_536) for index in (1, 2)] == [b"", b""]
    assert device.chunk(fresh, 1, 65_536) == IMAGE_A[65_536:131_072]
    assert device.chunk(1, 1, 65_536) == IMAGE_A[65_536:131_072]
