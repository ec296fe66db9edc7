"""How many connections fit into a process: the limit is raised, or one sentence says what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource")

LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from otakit.errors import TransportError
from otakit.twin import descriptors
try:
    print({call})
except TransportError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def said(call: str, soft: int, hard: int) -> list[str]:
    """What a process with these limits prints: the answer, and its limit afterwards."""
    script = LIMITED.format(call=call, soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_limit_is_raised_as_far_as_it_is_wanted() -> None:
    assert said("descriptors.room_for(300)", 128, 512) == ["300", "364"]


def test_limit_that_cannot_be_raised_is_one_sentence_with_the_way_out() -> None:
    answer, limit = said("descriptors.room_for(10_000)", 128, 512)
    assert answer.startswith(
        "10,000 connections need 10,064 open files and this system allows 512; raise the hard limit"
    )
    assert "LimitNOFILE" in answer
    assert limit == "512"


def test_a_service_takes_what_it_can_get_and_warns_when_that_is_little() -> None:
    answer, limit = said("descriptors.too_few()", 128, 512)
    assert answer.startswith("no more than 448 devices fit")
    assert limit == "512"


def test_enough_room_needs_no_word() -> None:
    assert said("descriptors.too_few()", 128, 4096) == ["None", "4096"]
