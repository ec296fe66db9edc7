"""Small wrong clients and servers: each is caught, and at the right arrow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import followed
from mutants import MUTANTS, Mutant

from otakit.diagrams.held import held_against
from otakit.protocol.packets import Version


@pytest.mark.parametrize("version", followed.VERSIONS, ids=["v3", "v5"])
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_a_mutant_is_caught_at_its_arrow(mutant: Mutant, version: Version) -> None:
    """The arrow promised and the packet seen are those of the table in `bench/mutants.py`."""
    verdict = held_against(mutant.entries(version), mutant.diagram)
    assert not verdict
    assert verdict.promised is not None
    assert verdict.promised.label.startswith(mutant.promised), str(verdict)
    assert (verdict.seen.row if verdict.seen else "") == mutant.seen, str(verdict)


def test_there_are_enough_of_every_sort() -> None:
    """Left out, out of order, repeated, wrong filter, topic and id; and servers."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 70
    assert {mutant.diagram for mutant in MUTANTS} >= {
        *followed.FIRMWARE,
        *followed.SOFTWARE,
        "device-overrides-profile",
    }
