# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The sample recording that ships with the package, from a seeded run in virtual time.

    python docs/make_samples.py             writes src/otakit/samples/two-updates.pcapng
    python docs/make_samples.py --check     says whether it is stale; ends with 1 then

The same bytes on every machine: a test makes it anew and compares.
"""

from __future__ import annotations

import hashlib
import random
import sys
from pathlib import Path

from current import keep_current

from otakit.captured import Note
from otakit.client.settings import Settings
from otakit.faults import LinkSettings, Withhold
from otakit.protocol.messages import Kind
from otakit.record.writing import entries_to_bytes
from otakit.run.history import server_statuses
from otakit.trial.memory import MemoryDevice
from otakit.trial.world import EPOCH_NS, Plan, Run, run_world
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device
from otakit.twin.settings import TwinSettings

SAMPLE = Path(__file__).resolve().parent.parent / "src" / "otakit" / "samples" / "two-updates.pcapng"
FIRMWARE_BYTES, SOFTWARE_BYTES = 20_000, 9_000  # five chunks of 4,096 and three: all of it fits a screen
LINK = LinkSettings(round_trip_s=0.04, rate_bit_s=2e6, plan=(Withhold(nth=2, kind=Kind.SOFTWARE),))
NOTES = {"what": "firmware and software of one device, the software's second answer withheld", "link": LINK.describe()}


def image(name: str, length: int) -> bytes:
    """Bytes that look like an image."""
    return hashlib.shake_256(f"otakit sample {name}".encode()).digest(length)


def sample_run() -> tuple[Run, str]:
    """Both packages are assigned while the device is away; it connects and takes them. And the device's id."""
    model = Model(TwinSettings(), random.Random(7), EPOCH_NS)  # noqa: S311 - a seed is the point
    device = model.save_device(Device(name="pump-7"), EPOCH_NS, "SAMPLE-TOKEN-PUMP-7")
    images = {Kind.FIRMWARE: ("pump", "1.1.0", FIRMWARE_BYTES), Kind.SOFTWARE: ("panel", "2.1.0", SOFTWARE_BYTES)}
    for kind, (title, version, length) in images.items():
        package = model.upload(kind, title, version, image(kind.word, length), EPOCH_NS)
        model.assign(model.store.device(device.id), kind, package.id, EPOCH_NS)
    memory = MemoryDevice({Kind.FIRMWARE: ("pump", "1.0.0"), Kind.SOFTWARE: ("panel", "2.0.0")})
    settings = Settings(chunk_qos=1, window=4, chunk_deadline_s=1.0)
    return run_world(model, "SAMPLE-TOKEN-PUMP-7", settings, plan=Plan(LINK), device=memory), device.id


def told_by_server(run: Run, device_id: str) -> list[Note]:
    """The statuses that the server wrote, as `otakit.update` adds them after a run."""
    memory = run.model.memory(device_id)
    assert memory is not None
    series = {key: memory.telemetry.between(key, 0, 1 << 62, ascending=True) for key in ("fw_state", "sw_state")}
    statuses = server_statuses(series, EPOCH_NS // 1_000_000)
    return [
        Note("server_status", ts_ms * 1_000_000, {"kind": kind.word, "status": status, "ts_ms": ts_ms})
        for kind, status, ts_ms in statuses
    ]


def sample_bytes() -> bytes:
    """The file's content."""
    run, device_id = sample_run()
    outcome: dict[str, object] = {kind.word: end.outcome for kind, end in run.outcomes.items()}
    entries = [*run.entries, *told_by_server(run, device_id)]
    return b"".join(entries_to_bytes(entries, notes=NOTES, outcome=outcome))


def main() -> int:
    """Writes the sample, or with ``--check`` compares it."""
    return keep_current("The sample recording that ships with the package.", {SAMPLE: sample_bytes()})


if __name__ == "__main__":
    sys.exit(main())
