"""How often does the checker cry wolf? Healthy runs held against the article's diagrams.

    python bench/follow_runs.py [RUNS [FIRST_SEED]]

Each run has its own seed: MQTT version, kinds, sizes, chunk size, window, QoS, link, assigned before or meanwhile.
Every fifth is one of the device that overrides its profile. Each is held against every diagram that it must follow;
a difference is a false alarm and is printed. Exit status 1 if there is one.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

import followed

from otakit.diagrams.held import held_against


def main(runs: int, first: int) -> int:
    """Prints the counts; returns how many alarms were false."""
    held, kept, wrong = Counter[str](), 0, 0
    began = time.process_time()
    for seed in range(first, first + runs):
        if seed % 5:
            entries, names = followed.healthy(seed)
        else:
            entries, names = followed.overridden(followed.VERSIONS[seed // 5 % 2], seed), ("device-overrides-profile",)
        for name in names:
            verdict = held_against(entries, name)
            held[name] += 1
            kept += verdict.kept
            if not verdict:
                wrong += 1
                print(f"seed {seed}: {verdict}")
    for name, count in sorted(held.items()):
        print(f"{name:<40}{count:>6} runs")
    print(f"{runs} healthy runs, {held.total()} verdicts, {kept:,} arrows kept, {wrong} false alarms", end="")
    print(f", {time.process_time() - began:.0f} s of processor time")
    return wrong


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:3]]
    sys.exit(1 if main(*numbers, *(500, 0)[len(numbers) :]) else 0)
