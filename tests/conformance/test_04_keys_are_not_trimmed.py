"""Scenario 4 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage


def test_scenario_04_keys_are_not_trimmed(stage: Stage) -> None:
    """A blank behind the comma is part of the key, and no such key exists."""
    fx = stage.fixture()
    fx.assign(fx.a)
    assert stage.device().attributes("fw_title, fw_version") == {"shared": {"fw_title": fx.title}}
