"""A device on aiomqtt, as somebody would write it: one update, then one JSON line with what came of it.

python aiomqtt_device.py HOST PORT TOKEN VERSION
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from typing import Any

import aiomqtt

CHUNK = 4096
WINDOWS = sys.platform == "win32"


async def update(host: str, port: str, token: str, version: str) -> dict[str, Any]:
    """Everything the update protocol has, once."""
    protocol = aiomqtt.ProtocolVersion.V5 if version == "5" else aiomqtt.ProtocolVersion.V311
    async with aiomqtt.Client(host, int(port), username=token, protocol=protocol) as client:
        for name in ("v1/devices/me/attributes", "v1/devices/me/attributes/response/+", "v2/fw/response/+/chunk/+"):
            await client.subscribe(name, qos=1)
        await report(client, current_fw_title="pump", current_fw_version="1.0.0")
        wanted = "fw_title,fw_version,fw_size,fw_checksum"
        await client.publish("v1/devices/me/attributes/request/1", json.dumps({"sharedKeys": wanted}), qos=1)
        offer = json.loads((await anext(client.messages)).payload)["shared"]
        await report(client, fw_state="DOWNLOADING")
        image = await download(client, -(-offer["fw_size"] // CHUNK))
        fits = hashlib.sha256(image).hexdigest() == offer["fw_checksum"]
        for state in ("DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED") if fits else ("FAILED",):
            await report(client, fw_state=state)
        return {"bytes": len(image), "fits": fits}


async def download(client: aiomqtt.Client, count: int) -> bytes:
    """All chunks, asked for at once behind the first."""
    chunks: dict[int, bytes] = {}
    await ask(client, 0)
    async for message in client.messages:
        first = not chunks
        chunks[int(str(message.topic).rsplit("/", 1)[1])] = bytes(message.payload)
        if first:
            for index in range(1, count):
                await ask(client, index)
        if len(chunks) == count:
            break
    return b"".join(chunks[index] for index in range(count))


async def ask(client: aiomqtt.Client, index: int) -> None:
    """One chunk."""
    await client.publish(f"v2/fw/request/1/chunk/{index}", str(CHUNK), qos=1)


async def report(client: aiomqtt.Client, **values: str) -> None:
    """Telemetry."""
    await client.publish("v1/devices/me/telemetry", json.dumps(values), qos=1)


if __name__ == "__main__":
    if WINDOWS:  # paho's sockets need a loop that can select
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())  # type: ignore[attr-defined,unused-ignore]
    sys.stdout.write(json.dumps(asyncio.run(update(*sys.argv[1:]))) + "\n")
