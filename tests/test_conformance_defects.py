"""Every planted defect of the twin shows as a difference in the scenario that is about it; a healthy one has none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import find_defects as finding
from planting import DEFECTS, Defect

from otakit.conformance.judging import Outcome, judged
from otakit.protocol.packets import Version

V3, V5 = Version.MQTT_3_1_1, Version.MQTT_5
FAST = [each for each in DEFECTS.values() if each.scenario not in finding.SLOW]
SEEDED = (1, 3, 21, 23, 25, 29, 32)
"""Scenarios in which ThingsBoard leaves an order or a choice open."""


@pytest.fixture(autouse=True, scope="module")
def _marks(request: pytest.FixtureRequest) -> None:
    """The scenarios say with marks where their own tests play them; here nobody asks."""
    for name in ("seeded", "over_sockets"):
        request.config.addinivalue_line("markers", f"{name}: of a scenario")


@pytest.mark.parametrize("defect", FAST, ids=lambda each: f"{each.scenario}: {each.name}")
def test_defect_shows_in_the_scenario_that_is_about_it(defect: Defect) -> None:
    """As a difference with both sides of it, in the words of a person who reads the table."""
    row = finding.judged_in_memory(defect, defect.versions[-1])
    assert row.outcome is Outcome.DIFFERENT
    assert row.difference is not None
    assert row.difference.server != row.difference.twin


def test_defects_are_spread_over_all_scenarios() -> None:
    """At least forty, and no scenario without one."""
    assert len(DEFECTS) >= 40
    assert {each.scenario for each in DEFECTS.values()} == set(range(1, 44))


@pytest.mark.parametrize("version", [V3, V5], ids=["v3", "v5"])
@pytest.mark.parametrize("number", SEEDED)
def test_healthy_twins_of_other_seeds_are_the_same(number: int, version: Version) -> None:
    """Where an order is open, three seeds that take it otherwise are no difference."""
    sentence = finding.scenario(number).sentence
    one = finding.healthy(number, version)
    for seed in (2, 3):
        row = judged(str(number), sentence, version, finding.healthy(number, version, seed), one)
        assert row.outcome is Outcome.SAME, row.difference
