"""One firmware update by otakit's client, in a process of its own; prints one JSON line.

Run as ``python bench/one_update.py '{"host": …, "port": …, "token": …, "folder": …, "chunk_bytes": 4096,
"window": 16, "record": "…/run.pcapng" or null, "keep": "head"}'``. Seconds and processor seconds count from
DOWNLOADING to VERIFIED: every byte received, written and hashed; ``peak_bytes`` is the whole process.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from otakit.client.disk import TwoSlotDevice
from otakit.client.driver import Client
from otakit.client.settings import Settings
from otakit.client.vocabulary import Progress
from otakit.protocol.messages import Kind
from otakit.record.pcapng import Recorder


class Stopwatch:
    """Notes when each state is first reached."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        """Hears the client's progress."""
        if progress.state not in self.wall:
            self.wall[progress.state], self.cpu[progress.state] = time.perf_counter(), time.process_time()


def peak_bytes() -> int | None:
    """Largest resident size of this process so far; None where the system does not tell."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(asked: dict[str, Any]) -> None:
    """Updates once and reports."""
    watch, folder = Stopwatch(), Path(asked["folder"])
    hardware = TwoSlotDevice(folder, {Kind.FIRMWARE: ("bench", "0")})
    settings = Settings(
        chunk_bytes=asked["chunk_bytes"], window=asked["window"], kinds=(Kind.FIRMWARE,), chunk_deadline_s=30.0
    )
    path = asked.get("record")
    with Recorder(Path(path), keep=asked.get("keep", "head")) if path else nullcontext() as recorder:
        client = Client(
            asked["host"],
            asked["port"],
            token=asked["token"],
            settings=settings,
            folder=folder,
            installer=hardware,
            watcher=recorder,
            on_progress=watch,
        )
        outcome = client.run()[Kind.FIRMWARE]
    if outcome.outcome != "UPDATED":
        raise SystemExit(f"the update ended in {outcome.outcome}: {outcome.reason}")
    report = {
        "seconds": watch.wall["VERIFIED"] - watch.wall["DOWNLOADING"],
        "cpu_seconds": watch.cpu["VERIFIED"] - watch.cpu["DOWNLOADING"],
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
