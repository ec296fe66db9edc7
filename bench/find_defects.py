"""How many of the planted defects does the comparison find?

    python bench/find_defects.py [--sockets | --healthy] [NAME ...]

In memory without an option: the defective twin and a healthy one in virtual time. With ``--sockets`` every defective
twin is a process of its own, and the runner of `make conformance` is put on it. ``--healthy`` plays all scenarios on
healthy twins in processes with other seeds and knobs, where every difference is a false one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import planted_mqtt
import planted_rest
from planting import DEFECTS, Defect

from otakit.conformance.asked import Asked
from otakit.conformance.judging import Outcome, Played, Row, judged
from otakit.conformance.memory import MemoryStage
from otakit.conformance.playing import Playing
from otakit.conformance.runner import Login, Runner
from otakit.conformance.scenarios import Scenario, scenarios
from otakit.protocol.packets import Version

assert planted_mqtt
assert planted_rest
HERE = Path(__file__).resolve().parent
BOTH = (Version.MQTT_3_1_1, Version.MQTT_5)
KNOBS = {25: (("inactivity_s", 10.0),)}
"""What a scenario needs that no server is shipped with."""
SLOW = (22,)
"""Scenarios that take seconds: 65,536 packets."""
OTHERS = ({"seed": 11}, {"seed": 22, "core_delay_s": 0.02, "dispatch_latency_s": 0.05}, {"seed": 33, "shuffle": False})


@cache
def scenario(number: int) -> Scenario:
    """A scenario by its number."""
    (found,) = scenarios(only=(number,))
    return found


@cache
def healthy(number: int, version: Version, seed: int = 1) -> Played:
    """A scenario on a twin without a defect, in memory."""
    return Playing(scenario(number).play, lambda: MemoryStage(version, seed)).played()


def judged_in_memory(defect: Defect, version: Version) -> Row:
    """The row of the scenario that is about a defect."""
    beside = healthy(defect.scenario, version)  # before it is planted
    with defect.planted():
        played = Playing(scenario(defect.scenario).play, lambda: MemoryStage(version, 2)).played()
    return judged(str(defect.scenario), scenario(defect.scenario).sentence, version, played, beside)


@contextmanager
def another_process(*defects: str, **settings: object) -> Iterator[dict[str, Any]]:
    """A twin in a process of its own; what it says of itself."""
    command = [sys.executable, str(HERE / "defective_twin.py"), json.dumps({"defects": defects, **settings})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def rows_of(there: dict[str, Any], numbers: Sequence[int], versions: Sequence[Version], **knobs: object) -> list[Row]:
    """The rows of some scenarios, by the runner of `make conformance`."""
    with tempfile.TemporaryDirectory() as folder:
        mqtt = "{}:{}".format(*there["mqtt"])
        asked = Asked(there["url"], mqtt, tuple(numbers), (), tuple(versions), tuple(knobs.items()), out=folder)
        runner = Runner(asked, Login(there["user"], there["password"]))
        try:
            return list(runner.play(lambda _words, _done, _of: None))
        finally:
            runner.close()


def judged_over_sockets(defect: Defect, version: Version) -> Row:
    """The row of the scenario that is about a defect, against a process that has it."""
    knobs = dict(KNOBS.get(defect.scenario, ()))
    with another_process(defect.name, seed=2, **knobs) as there:
        (row,) = rows_of(there, [defect.scenario], [version], **knobs)
    return row


def search(chosen: Sequence[Defect], *, sockets: bool) -> int:
    """Looks for each; the number that was not found."""
    missed = []
    for defect in chosen:
        begun = time.monotonic()
        row = (judged_over_sockets if sockets else judged_in_memory)(defect, defect.versions[-1])
        is_found = row.outcome is Outcome.DIFFERENT
        word, took_s = "found " if is_found else "MISSED", time.monotonic() - begun
        print(f"{word} {defect.scenario:>2} {defect.name} ({took_s:.1f} s)", flush=True)
        if is_found and row.difference is not None:
            print(f"         defective: {row.difference.server[:150]}\n         healthy:   {row.difference.twin[:150]}")
        missed += [] if is_found else [defect.name]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} planted defects found; missed: {', '.join(missed) or 'none'}")
    return len(missed)


def false_alarms() -> int:
    """Differences that healthy twins show."""
    count = 0
    for settings in OTHERS:
        with another_process(**settings) as there:
            numbers = [each.number for each in scenarios()]
            rows = rows_of(there, numbers, BOTH)
        different = [row for row in rows if row.outcome is Outcome.DIFFERENT]
        print(f"a healthy twin with {settings}: {len(rows)} rows, {len(different)} different")
        for row in different:
            print(f"  {row.name} {row.version}: {row.why} {row.difference}")
        count += len(different)
    return count


def main(words: list[str]) -> int:
    """The command."""
    if "--healthy" in words:
        return false_alarms()
    names = [word for word in words if not word.startswith("-")]
    return search([DEFECTS[name] for name in names] or list(DEFECTS.values()), sockets="--sockets" in words)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
