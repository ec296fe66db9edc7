"""Many devices and rude ones at one twin: none of them takes from the others, and none makes it grow."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings
from otakit.twin.wire import MOST_UNSENT, READ_BYTES

CHUNK = 65_536
IDLE = 500  # both ends of each connection are in this process
PATIENCE_S = 30
ROUND_TRIPS, TURNS = 8, 8  # a round trip within one process takes some turns of the loop


class Peer:
    """A device on a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer, self._framer, self._heard = reader, writer, Framer(), list[p.Packet]()

    def says(self, *packets: p.Packet) -> None:
        self.writer.write(b"".join(encode(packet) for packet in packets))

    async def hears(self) -> p.Packet:
        """The next packet."""
        while not self._heard:
            data = await asyncio.wait_for(self._reader.read(1 << 18), PATIENCE_S)
            assert data, "closed"
            self._heard += [decode(raw) for raw in self._framer.feed(data)]
        return self._heard.pop(0)


class Crowd:
    """A served twin and the devices that came to it."""

    def __init__(self, server: TwinServer) -> None:
        self.server = server
        self.peers: list[Peer] = []

    async def device(self, name: str) -> Peer:
        """A connected device of this name."""
        self.server.model.save_device(Device(name), self.server.now(), name)
        peer = Peer(*await asyncio.open_connection(*self.server.mqtt))
        self.peers.append(peer)
        peer.says(p.Connect(name, user_name=name))
        assert await peer.hears() == p.ConnAck(0)
        return peer

    async def leave(self) -> None:
        """All go at once; returns when the twin knows."""
        for peer in self.peers:
            peer.writer.transport.abort()
        for _ in range(10_000):
            if not self.server.wires:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{len(self.server.wires)} connections are left")


@pytest.fixture
def play() -> Callable[..., None]:
    """Plays a story against a served twin with one package for all devices."""

    def played(story: Callable[[Crowd], Any]) -> None:
        async def whole() -> None:
            server = TwinServer(TwinSettings(dispatch_spacing_s=0))
            await server.start()
            model, now = server.model, server.now()
            package = model.upload(Kind.FIRMWARE, "pump", "1.10", bytes(1 << 20), now)
            model.assign(model.store.profiles[model.store.default_profile_id], Kind.FIRMWARE, package.id, now)
            crowd = Crowd(server)
            try:
                await story(crowd)
            finally:
                await crowd.leave()
                await server.close(0)
            assert server.faults == []

        asyncio.run(whole())

    return played


def a_request(index: int) -> p.Publish:
    return p.Publish(f"v2/fw/request/1/chunk/{index}", str(CHUNK).encode())


def test_a_flood_of_pings_leaves_others_their_turn(play: Callable[..., None]) -> None:
    """Between a question of another device and its answer the flood gets a few turns of one buffer each, no more."""

    async def story(crowd: Crowd) -> None:
        flood, other = await crowd.device("flood"), await crowd.device("other")
        heard = 0

        def counts(raw: bytes) -> dict[Any, int]:
            nonlocal heard
            heard += 1
            return {}

        names = crowd.server.model.store.devices
        (flooding,) = (
            wire.conversation for wire in crowd.server.wires if names[wire.conversation.device_id or ""].name == "flood"
        )
        flooding.on_packet = counts
        flood.writer.write(encode(p.PingReq()) * 4_000_000)
        for _ in range(ROUND_TRIPS):
            other.says(p.PingReq())
            assert await other.hears() == p.PingResp()
        assert 0 < heard <= ROUND_TRIPS * TURNS * 2048

    play(story)


def test_a_device_that_never_reads_is_left_waiting_and_nothing_piles_up(play: Callable[..., None]) -> None:
    """ThingsBoard would go on; the twin stops reading at some megabytes, and others are served."""

    async def story(crowd: Crowd) -> None:
        server = crowd.server
        server.model.save_device(Device("deaf"), server.now(), "deaf")
        other = await crowd.device("other")
        deaf = socket.create_connection(server.mqtt)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(deaf, encode(p.Connect("deaf", user_name="deaf")))
        asking = asyncio.ensure_future(loop.sock_sendall(deaf, encode(a_request(0)) * 100_000))
        other.says(p.PingReq())
        assert await other.hears() == p.PingResp()
        for _ in range(200):
            other.says(a_request(3))
            assert isinstance(await other.hears(), p.Publish)
        unsent = max(wire.unsent for wire in crowd.server.wires)
        assert MOST_UNSENT / 2 < unsent <= MOST_UNSENT + CHUNK * (READ_BYTES // len(encode(a_request(0))) + 2)
        asking.cancel()
        deaf.close()

    play(story)


def test_half_a_packet_holds_nobody_up(play: Callable[..., None]) -> None:
    """A peer that goes silent in the middle of CONNECT, and one in the middle of a publish."""

    async def story(crowd: Crowd) -> None:
        half, torn, other = await crowd.device("half"), await crowd.device("torn"), await crowd.device("other")
        half.writer.write(encode(p.Publish("v1/devices/me/telemetry", b'{"a":1}'))[:-3])
        torn.writer.write(b"\x30")
        other.says(a_request(15))
        answer = await other.hears()
        assert isinstance(answer, p.Publish)
        assert len(answer.payload) == CHUNK
        half.writer.write(b":1}")
        half.says(p.PingReq())
        assert await half.hears() == p.PingResp()

    play(story)


@pytest.mark.needs("open-files")
def test_hundreds_of_idle_devices_cost_the_others_nothing(play: Callable[..., None]) -> None:
    """All stay connected while one updates; all are forgotten when they go."""

    async def story(crowd: Crowd) -> None:
        for number in range(IDLE):
            await crowd.device(f"idle-{number}")
        busy = await crowd.device("busy")
        for index in range(16):
            busy.says(a_request(index))
            assert isinstance(await busy.hears(), p.Publish)
        assert len(crowd.server.wires) == IDLE + 1
        await crowd.leave()
        assert len(crowd.server.model.sessions) == 0

    play(story)
