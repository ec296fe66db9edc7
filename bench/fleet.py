"""Many devices at one twin: how many, how fast, how much memory for each, and beside a general broker."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from children import HERE, Child, child
from peer import peer_python

MIB = 1 << 20
DEVICES, REAL_CLIENTS, IDLE, PACED = 2000, 50, 10_000, 200
BROKER_DEVICES = 50


@contextmanager
def crowded(devices: int, size: int = MIB) -> Iterator[tuple[Child, dict[str, Any]]]:
    """A twin with so many devices, and what its scripted devices need to know."""
    with child(str(HERE / "crowded_twin.py"), json.dumps({"devices": devices, "size": size})) as twin:
        doors = twin.line()
        yield twin, {"port": doors["mqtt"][1], "size": size, "checksum": doors["checksum"], "devices": devices}


def scripted(asked: dict[str, Any]) -> Any:
    """The scripted devices in a process of their own."""
    return child(str(HERE / "scripted_devices.py"), json.dumps(asked))


def fleet(runs: int) -> dict[str, float]:
    """2,000 scripted devices and 50 processes of the real client update at once; every byte is checked."""
    rates, beside = [], []
    for _ in range(min(runs, 3)):
        with crowded(DEVICES + REAL_CLIENTS) as (_twin, asked):
            alone = asked | {"devices": DEVICES, "mode": "update", "chunk": 65_536, "window": 4}
            with scripted(alone) as devices:
                report = devices.line()
            rates.append(_rate(report, DEVICES))
            beside.append(_with_real_clients(alone, asked["port"]))
    return {
        "devices": DEVICES,
        "MB_s": statistics.median(rates),
        "real_clients": REAL_CLIENTS,
        "MB_s_with_them": statistics.median(beside),
    }


def _rate(report: dict[str, Any], devices: int) -> float:
    if report["right"] != devices:
        raise SystemExit(f"{devices - report['right']} of {devices} images were wrong")
    return float(report["bytes"]) / float(report["seconds"]) / 1e6


def _with_real_clients(asked: dict[str, Any], port: int) -> float:
    """All of them at once: bytes of all images by the time until the last one was right."""
    with tempfile.TemporaryDirectory(prefix="otakit-fleet-") as folder, ExitStack() as stack:
        began = time.perf_counter()
        clients = [stack.enter_context(_real_client(number, port, Path(folder))) for number in range(REAL_CLIENTS)]
        report = stack.enter_context(scripted(asked)).line()
        _rate(report, DEVICES)
        for client in clients:
            client.line()  # ends with an error unless it is UPDATED
        seconds = time.perf_counter() - began
    return (DEVICES + REAL_CLIENTS) * MIB / seconds / 1e6


def _real_client(number: int, port: int, folder: Path) -> Any:
    own = folder / str(number)
    own.mkdir()
    asked = {
        "host": "127.0.0.1",
        "port": port,
        "token": f"device-{DEVICES + number}",
        "folder": str(own),
        "chunk_bytes": 65_536,
        "window": 4,
    }
    return child(str(HERE / "one_update.py"), json.dumps(asked))


def idle(_runs: int) -> dict[str, float]:
    """What the twin holds for a device that is connected, has subscribed and has fetched one chunk."""
    with crowded(IDLE) as (twin, asked):
        before = twin.ask("memory")
        with scripted(asked | {"mode": "idle", "chunk": 4096}) as devices:
            fetched = devices.line()["fetched"]
            after = twin.ask("memory")
            devices.end_input()
            devices.line()
        if not fetched == after["open"] == IDLE:
            raise SystemExit(f"only {after['open']} of {IDLE} connections are open")
    return {"devices": IDLE, "bytes_each": (after["resident_bytes"] - before["resident_bytes"]) / IDLE}


def answers(runs: int) -> dict[str, float]:
    """Answer times of 200 devices that each ask for a 4 KiB chunk ten times a second."""
    p50, p99 = [], []
    for _ in range(runs):
        with (
            crowded(PACED) as (_twin, asked),
            scripted(asked | {"mode": "paced", "chunk": 4096, "every_s": 0.1, "seconds": 10}) as devices,
        ):
            report = devices.line()
        p50.append(report["p50_s"] * 1000)
        p99.append(report["p99_s"] * 1000)
    return {"devices": PACED, "p50_ms": statistics.median(p50), "p99_ms": statistics.median(p99)}


def broker(runs: int) -> dict[str, float]:
    """The same load on a general broker in Python with a scripted responder behind it."""
    python, ours, theirs = peer_python("broker"), [], []
    for _ in range(min(runs, 3)):
        with crowded(BROKER_DEVICES) as (_twin, asked):
            asked |= {"mode": "update", "chunk": 65_536, "window": 4}
            with scripted(asked) as devices:
                ours.append(_rate(devices.line(), BROKER_DEVICES))
        with (
            child(str(HERE / "amqtt_broker.py"), python=python) as amqtt,
            child(str(HERE / "responder.py"), str(port := amqtt.line()["port"]), str(MIB)) as responder,
        ):
            responder.line()
            with scripted(asked | {"port": port, "prefix": "d/{}/"}) as devices:
                theirs.append(_rate(devices.line(), BROKER_DEVICES))
    a, b = statistics.median(ours), statistics.median(theirs)
    return {"devices": BROKER_DEVICES, "twin_MB_s": a, "amqtt_MB_s": b, "ratio": a / b}


def startup(runs: int) -> dict[str, float]:
    """From the start of the process until its doors are open."""
    times = []
    for _ in range(2 * runs + 1):
        began = time.perf_counter()
        with child("-m", "otakit.twin") as twin:
            twin.line()
            times.append(time.perf_counter() - began)
    return {"seconds": statistics.median(times)}


def machine() -> str:
    """One line about where this ran."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = subprocess.run(
            ["grep", "-m1", "model name", "/proc/cpuinfo"], capture_output=True, text=True, check=False
        )
        model = found.stdout.partition(":")[2].strip() or model
    return f"{os.cpu_count()} cores, {model}, Python {sys.version.split()[0]}"
