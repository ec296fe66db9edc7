"""Scenario 32 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.fixture import NINE_KEYS, Fixture
from otakit.conformance.stage import Stage


@pytest.mark.seeded
def test_scenario_32_changed_before_its_turn(stage: Stage) -> None:
    """At its turn only the package that is effective by then is told; the others leave QUEUED and nothing else."""
    stage.needs(dispatch_spacing_s=0.6)
    fx = stage.fixture()
    a, b = fx.a, fx.b
    changed = stage.device(listens=True)
    keep_dispatcher_busy(stage, fx, "E")
    fx.assign(a, dispatched=False)
    stage.passes(0.01)  # two states of one millisecond would be one row
    fx.assign(b, dispatched=False)
    flat, deleted = sorted(changed.updates(2), key=lambda body: "deleted" in body)
    assert flat["fw_version"] == "1.11"
    assert sorted(deleted["deleted"]) == ["fw_tag", "fw_url"]
    changed.silent()
    assert fx.history("fw_state") == ["QUEUED", "QUEUED", "INITIATED"]

    other = fx.make_device("F")
    withdrawn = stage.device(fx.token_of(other), listens=True)
    keep_dispatcher_busy(stage, fx, "G")
    fx.assign(a, other, dispatched=False)
    fx.assign(None, other, dispatched=False)
    (update,) = withdrawn.updates(1)
    assert sorted(update) == ["deleted"]
    assert sorted(update["deleted"]) == NINE_KEYS
    withdrawn.silent(3)
    assert fx.history("fw_state", other) == ["QUEUED"]


def keep_dispatcher_busy(stage: Stage, fx: Fixture, name: str) -> None:
    """Three other devices are told first, 600 ms each."""
    others = [fx.make_device(f"{name}{number}") for number in (1, 2, 3)]
    for each in others:
        fx.assign(fx.a, each, dispatched=False)
    stage.until(lambda: "INITIATED" in fx.history("fw_state", others[0]), "the first of them is told")
