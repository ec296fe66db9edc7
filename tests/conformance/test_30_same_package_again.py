"""Scenario 30 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage


def test_scenario_30_same_package_again(stage: Stage) -> None:
    """Nothing happens where the effective package stays: saved unchanged, or set to what the profile gives."""
    fx = stage.fixture()
    fx.assign(fx.a)
    device = stage.device(listens=True)
    before = [fx.rows(key) for key in ("fw_state", "target_fw_ts")]

    def assert_nothing_happened() -> None:
        device.silent()
        assert [fx.rows(key) for key in ("fw_state", "target_fw_ts")] == before

    fx.saved("/api/device", fx.fresh("device", fx.device))
    assert_nothing_happened()
    fx.assign_profile(fx.a)
    fx.assign(None, dispatched=False)  # the profile gives the same
    assert_nothing_happened()
    fx.assign(fx.a, dispatched=False)
    assert_nothing_happened()
