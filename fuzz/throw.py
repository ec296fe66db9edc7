"""Throws hostile frames at a twin's MQTT port: `make fuzz`.

Every connection must end in an answer or a close: after its frames each one asks for a SUBACK, behind enough
bytes to fill up whatever length it announced, and reads until the twin answers or closes. Fails on any
exception inside the twin, any connection that is stuck, and memory that grows with the number of
connections. Run as ``python fuzz/throw.py [--connections 16000] [--frames 120] [--seed 0]``; a failure names
the seed of its connection, and ``--connections 1 --seed N`` plays it again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frames import Frames

from otakit.protocol import packets as p
from otakit.protocol.framing import Framer
from otakit.protocol.mqtt import encode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))

from children import child  # noqa: E402 - bench's process helper

AT_ONCE, DEVICES = 24, 400
PATIENCE_S = 20
PINGREQ = b"\xc0\x00"
FILLER = PINGREQ * 35_000  # more than the longest packet that a device may announce
LAST_ID, SUBACK = 0xBEEF, 0x90
WARM_UP = 0.5
MOST_GROWTH = 512
"""Bytes that a connection which is gone may leave behind, on average: the allocator's crumbs."""


@dataclass
class Tally:
    """What happened."""

    frames: int = 0
    bytes: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    stuck: list[int] = field(default_factory=list)


async def connection(port: int, seed: int, frames: int, tally: Tally) -> None:
    """One connection from its first frame to its end."""
    source = Frames(seed, DEVICES)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            listening = asyncio.create_task(_until_answered(reader))
            await _speak(source, writer, frames, tally)
            tally.ends[await listening] += 1
    except TimeoutError:
        tally.stuck.append(seed)
    except OSError:  # the twin closed while we spoke
        tally.ends["closed"] += 1
    finally:
        listening.cancel()
        writer.transport.abort()


async def _speak(source: Frames, writer: asyncio.StreamWriter, frames: int, tally: Tally) -> None:
    data = source.first()
    for _ in range(frames):
        for piece in source.slices(data):
            writer.write(piece)
        tally.frames += 1
        tally.bytes += len(data)
        if writer.is_closing():
            return
        if tally.frames % 16 == 0:
            await writer.drain()
        data = source.next()
    last = p.Subscribe(LAST_ID, (("v2/fw/error", 0),))
    writer.write((FILLER if source.is_bent else b"") + encode(last, source.version))
    writer.write_eof()


async def _until_answered(reader: asyncio.StreamReader) -> str:
    """Reads to the end; the twin closes behind the end of the stream at the latest."""
    framer, end, wanted = Framer(), "closed", LAST_ID.to_bytes(2, "big")
    while data := await reader.read(1 << 16):
        for raw in framer.feed(data):
            if raw[0] == SUBACK and raw[2:4] == wanted:
                end = "answered"
    return end


async def throw(port: int, seeds: range, frames: int, tally: Tally) -> None:
    """All connections, so many at once."""
    waiting = iter(seeds)

    async def one_after_another() -> None:
        for seed in waiting:
            await connection(port, seed, frames, tally)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


def main() -> None:
    """Fuzzes, and says what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=16_000)
    parser.add_argument("--frames", type=int, default=120, help="frames of each connection (default 120)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first connection")
    asked = parser.parse_args()
    order: dict[str, Any] = {"devices": DEVICES, "size": 2000, "gateways": 10, "counts": True}
    order["settings"] = {"remembered_values": 5, "remembered_keys": 20}
    tally, began = Tally(), time.perf_counter()
    warm = asked.seed + int(asked.connections * WARM_UP)
    with child(str(ROOT / "bench" / "crowded_twin.py"), json.dumps(order)) as twin:
        port = twin.line()["mqtt"][1]
        asyncio.run(throw(port, range(asked.seed, warm), asked.frames, tally))
        before = twin.ask("memory")
        asyncio.run(throw(port, range(warm, asked.seed + asked.connections), asked.frames, tally))
        after = twin.ask("memory")
    report = _report(tally, before, after, asked, time.perf_counter() - began)
    print(json.dumps(report, indent=1))
    sys.exit(1 if report["failures"] else 0)


def _report(tally: Tally, before: dict[str, Any], after: dict[str, Any], asked: Any, seconds: float) -> dict[str, Any]:
    growth = (after["resident_bytes"] - before["resident_bytes"]) / max(1, asked.connections * (1 - WARM_UP))
    failures = [
        f"connection with seed {seed}: neither answered nor closed in {PATIENCE_S} s" for seed in tally.stuck[:9]
    ]
    failures += [f"exception in the twin: {each}" for each in after["faults"][:9]]
    if after["open"]:
        failures.append(f"{after['open']} connections are still open in the twin")
    if growth > MOST_GROWTH and asked.connections >= 1000:
        failures.append(f"memory grew by {growth:.0f} bytes a connection")
    return {
        "connections": asked.connections,
        "frames_sent": tally.frames,
        "frames_heard_without_pings": after["heard"],
        "MB": round(tally.bytes / 1e6, 1),
        "answered_at_the_end": tally.ends["answered"],
        "closed_by_the_twin": tally.ends["closed"],
        "growth_bytes_a_connection": round(growth, 1),
        "seconds": round(seconds, 1),
        "failures": failures,
    }


if __name__ == "__main__":
    main()
