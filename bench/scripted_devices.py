"""Many scripted devices in one process: each connects, subscribes, asks, and checks every byte it gets.

Run as ``python bench/scripted_devices.py '{"port": …, "devices": 2000, …}'``; prints one JSON line when all
are connected (mode ``idle``) and one at the end. Modes: ``update`` fetches the whole image once and compares
its SHA-256; ``idle`` fetches one chunk and stays until standard input ends; ``paced`` asks for one chunk
every ``every_s`` seconds, in a phase of its own, and keeps the times of the answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import time
from typing import Any

from otakit.protocol import packets as p
from otakit.protocol.messages import ATTRIBUTES_TOPIC, Kind, chunk_filter
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Version
from otakit.twin.descriptors import room_for

CONNACK, PUBLISH, SUBACK = 2, 3, 9
CONNECTING_AT_ONCE = 256


class ScriptedDevice(asyncio.Protocol):
    """One device."""

    def __init__(self, asked: dict[str, Any], number: int) -> None:
        self._prefix = asked.get("prefix", "").format(number)
        self._token, self._chunk, self._size = f"device-{number}", asked["chunk"], asked["size"]
        self._window, self._qos = asked.get("window", 1), asked.get("qos", 0)
        self._buffer = bytearray()
        self._next = self._got = 0
        self._hash = hashlib.sha256()
        self._transport: asyncio.Transport
        self._waiting: dict[int, float] = {}
        self.answers: list[float] = []
        loop = asyncio.get_running_loop()
        self.ready, self.answered, self.done = loop.create_future(), asyncio.Event(), loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connects and subscribes in one go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = chunk_filter(Kind.FIRMWARE)
        filters = (
            ((ATTRIBUTES_TOPIC, 1), (name, self._qos)) if not self._prefix else ((self._prefix + name, self._qos),)
        )
        connect = p.Connect(self._token, Version.MQTT_3_1_1, user_name=self._token)
        transport.write(encode(connect, Version.MQTT_3_1_1) + encode(p.Subscribe(1, filters), Version.MQTT_3_1_1))

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed, or the run is over."""
        lost = ConnectionError(f"{self._token}: connection lost ({exc})")
        for future in (self.ready, self.done):
            if not future.done():
                future.set_exception(lost)
                future.exception()  # seen: whoever waits for it gets it, nobody else has to

    def data_received(self, data: bytes) -> None:
        """Cuts packets: a fixed header, a length of one to four bytes, the rest."""
        buffer = self._buffer
        buffer += data
        at, end = 0, len(buffer)
        while end - at >= 2:
            length, shift, head = 0, 0, at + 1
            while head < end:
                length |= (buffer[head] & 127) << shift
                shift += 7
                head += 1
                if buffer[head - 1] < 128:
                    break
            else:
                break
            if end - head < length:
                break
            self._hears(buffer[at] >> 4, buffer[at] >> 1 & 3, head, head + length)
            at = head + length
        if at:
            del buffer[:at]

    def _hears(self, kind: int, qos: int, start: int, stop: int) -> None:
        if kind == SUBACK:
            self.ready.set_result(None)
        elif kind == PUBLISH:
            name_end = start + 2 + int.from_bytes(self._buffer[start : start + 2], "big")
            index = int(self._buffer[start + 2 : name_end].rpartition(b"/")[2])
            self._answer(index, memoryview(self._buffer)[name_end + (2 if qos else 0) : stop])

    def _answer(self, index: int, payload: memoryview) -> None:
        sent = self._waiting.pop(index)
        self.answers.append(time.perf_counter() - sent)
        if index == self._got:  # in order, as a pinned request id is served
            self._hash.update(payload)
        self._got += 1
        payload.release()
        self.answered.set()
        if not self.done.done() and self._got * self._chunk >= self._size:
            self.done.set_result(self._hash.hexdigest())

    def ask(self, index: int, request_id: int = 1) -> None:
        """Sends one chunk request at QoS 0."""
        self._waiting[index] = time.perf_counter()
        topic = f"{self._prefix}v2/fw/request/{request_id}/chunk/{index}"
        self._transport.write(encode(p.Publish(topic, str(self._chunk).encode()), Version.MQTT_3_1_1))

    async def update(self) -> str:
        """Fetches the whole image, the first chunk alone; its SHA-256."""
        last = -(-self._size // self._chunk)
        while not self.done.done():
            window = self._window if self._got else 1
            while self._next < last and len(self._waiting) < window:
                self.ask(self._next)
                self._next += 1
            self.answered.clear()
            await asyncio.wait((asyncio.ensure_future(self.answered.wait()), self.done), return_when="FIRST_COMPLETED")
        return str(await self.done)

    def close(self) -> None:
        """Goes away at once."""
        self._transport.abort()


async def connected(asked: dict[str, Any]) -> list[ScriptedDevice]:
    """All devices, connected and subscribed."""
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one(number: int) -> ScriptedDevice:
        async with gate:
            _, device = await loop.create_connection(lambda: ScriptedDevice(asked, number), "127.0.0.1", asked["port"])
            await device.ready
            return device

    first = asked.get("first", 0)
    return await asyncio.gather(*(one(first + number) for number in range(asked["devices"])))


async def run(asked: dict[str, Any]) -> dict[str, Any]:
    """One run in the mode that is asked for."""
    devices = await connected(asked)
    began = time.perf_counter()
    if asked["mode"] == "update":
        checksums = await asyncio.gather(*(device.update() for device in devices))
        seconds = time.perf_counter() - began
        right = sum(checksum == asked["checksum"] for checksum in checksums)
        report = {"seconds": seconds, "right": right, "bytes": asked["size"] * len(devices)}
    elif asked["mode"] == "idle":
        for device in devices:
            device.ask(0)
        await asyncio.gather(*(device.answered.wait() for device in devices))
        print(json.dumps({"fetched": len(devices)}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        report = {"seconds": time.perf_counter() - began}
    else:
        await asyncio.gather(*(paced(device, asked, number) for number, device in enumerate(devices)))
        times = sorted(each for device in devices for each in device.answers)
        report = {
            "answers": len(times),
            "p50_s": times[len(times) // 2],
            "p99_s": times[len(times) * 99 // 100],
            "seconds": time.perf_counter() - began,
        }
    for device in devices:
        device.close()
    return report


async def paced(device: ScriptedDevice, asked: dict[str, Any], number: int) -> None:
    """One request every so often, whatever the answers do."""
    phase = random.Random(number).random()
    count, every = int(asked["seconds"] / asked["every_s"]), asked["every_s"]
    began = time.perf_counter() + phase * every
    for index in range(count):
        await asyncio.sleep(max(0.0, began + index * every - time.perf_counter()))
        device.ask(index % (asked["size"] // asked["chunk"]))
    while len(device.answers) < count:
        device.answered.clear()
        await device.answered.wait()


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    room_for(order["devices"])
    print(json.dumps(asyncio.run(run(order))), flush=True)
