"""A twin with many devices and one package for all of them, in a process of its own.

Run as ``python bench/crowded_twin.py '{"devices": 2000, "size": 1048576}'``. Prints its doors as one JSON
line, then answers each line on its standard input with one: ``memory`` gives the resident bytes of the
process. The devices' access tokens are ``device-0``, ``device-1``, …
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from otakit.protocol.messages import Kind
from otakit.twin.conversation import Conversation
from otakit.twin.descriptors import room_for
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings
from otakit.twin.talk import Talk

PINGREQ = 0xC0


def image_of(size: int) -> bytes:
    """The image that every device is to get."""
    return bytes(number * 167 % 251 for number in range(251)) * (size // 251 + 1)


def resident_bytes() -> int:
    """What this process holds in memory now."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path of ours
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def counting(heard: list[int]) -> Callable[[Conversation], Talk]:
    """Counts the packets that the twin heard, PINGREQ aside."""

    def around(conversation: Conversation) -> Talk:
        hear = conversation.on_packet

        def count(raw: bytes) -> None:
            heard[0] += raw[0] != PINGREQ
            if hear is not None:
                hear(raw)

        conversation.on_packet = count
        return conversation

    return around


async def serve(asked: dict[str, Any]) -> None:
    """Serves until standard input ends."""
    server, heard = TwinServer(TwinSettings(**{"dispatch_spacing_s": 0, **asked.get("settings", {})})), [0]
    if asked.get("counts"):
        server.around = counting(heard)
    await server.start()
    model, now = server.model, server.now()
    for number in range(asked["devices"]):
        extra = {"additionalInfo": {"gateway": True}} if number < asked.get("gateways", 0) else {}
        model.save_device(Device(f"device-{number}", extra=extra), now, f"device-{number}")
    package = model.upload(Kind.FIRMWARE, "image", "1.0", image_of(asked["size"])[: asked["size"]], now)
    profile = model.store.profiles[model.store.default_profile_id]
    model.assign(profile, Kind.FIRMWARE, package.id, now)
    model.advance(now + 10**10)
    server.settle()
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def listen() -> None:
        for line in sys.stdin:
            if line.strip() == "memory":
                faults = [repr(fault) for fault in server.faults]
                report = {"resident_bytes": resident_bytes(), "open": len(server.wires), "heard": heard[0]}
                print(json.dumps(report | {"faults": faults}), flush=True)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    print(json.dumps({"mqtt": server.mqtt, "http": server.http, "checksum": package.checksum}), flush=True)
    await ended.wait()
    faults = server.faults
    await server.close()
    if faults:
        sys.exit(f"the twin had {len(faults)} faults of its own, the first: {faults[0]!r}")


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    room_for(order["devices"])
    asyncio.run(serve(order))
