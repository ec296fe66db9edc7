"""Scenario 31 of section 19."""

from __future__ import annotations

from itertools import pairwise

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Stage

SPACING_MS = 600


def test_scenario_31_one_after_another(stage: Stage) -> None:
    """A profile's devices are queued at once, with one time, and told one after another; bytes do not wait for that."""
    stage.needs(dispatch_spacing_s=SPACING_MS / 1000)
    fx = stage.fixture()
    devices = [fx.make_device(name) for name in ("D1", "D2", "D3")]
    peers = [stage.device(fx.token_of(each)) for each in devices]
    a = fx.a
    fx.assign_profile(a)
    early = [peer.chunk(1, 0, 10) == IMAGE_A[:10] and "fw_title" not in fx.shared(device)
             for peer, device in zip(peers, devices, strict=True)]  # fmt: skip
    assert any(early), "a device whose attributes are still the old ones gets the new bytes"
    for device in devices:
        fx.until_dispatched(a, device)
    (queued_at,) = {fx.rows("fw_state", device)[0] for device in devices}
    assert queued_at[1] == "QUEUED"
    targets = [fx.latest("target_fw_ts", "target_fw_version", device=device) for device in devices]
    assert targets == [{"target_fw_ts": queued_at[0], "target_fw_version": "1.10"}] * 3

    rows = sorted(fx.rows("fw_state", device)[1] for device in devices)
    assert [state for _, state in rows] == ["INITIATED"] * 3
    waits = [ts - queued_at[0] for ts, _ in rows]
    assert waits[0] < SPACING_MS
    for earlier, later in pairwise(waits):
        assert SPACING_MS - 50 <= later - earlier <= 2 * SPACING_MS, f"INITIATED after {waits} ms"
