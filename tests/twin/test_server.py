"""The twin on real sockets: bytes pass, timers ring, doors close cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from otakit.errors import ServerRefused, TransportError
from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import Packet
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

IMAGE = bytes(i % 251 for i in range(200_000))


class Wire:
    """A device's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._framer, self._heard = Framer(), list[Packet]()

    def says(self, *packets: Packet) -> None:
        self._writer.write(b"".join(encode(packet) for packet in packets))

    async def hears(self, count: int) -> list[Packet]:
        while len(self._heard) < count:
            data = await asyncio.wait_for(self._reader.read(65_536), 20)
            assert data, "closed"
            self._heard += [decode(raw) for raw in self._framer.feed(data)]
        found, self._heard = self._heard[:count], self._heard[count:]
        return found

    async def end(self) -> None:
        """Waits until the server has closed."""
        assert await asyncio.wait_for(self._reader.read(), 20) == b""

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


Story = Callable[[TwinServer], Coroutine[Any, Any, None]]


@pytest.fixture
def play() -> Callable[..., None]:
    """Plays a story against a served twin, and looks whether anything fell on the way."""

    def played(story: Story, **settings: Any) -> None:
        async def whole() -> None:
            server = TwinServer(TwinSettings(**settings))
            await server.start()
            try:
                await story(server)
            finally:
                await server.close()
            assert server.faults == []

        asyncio.run(whole())

    return played


async def connected(server: TwinServer, token: str = "token") -> Wire:
    wire = Wire(*await asyncio.open_connection(*server.mqtt))
    wire.says(p.Connect("c", user_name=token))
    assert await wire.hears(1) == [p.ConnAck(0)]
    return wire


def a_device(server: TwinServer) -> Device:
    return server.model.save_device(Device("d"), server.now(), "token")


def test_update_travels_over_tcp(play: Callable[..., None]) -> None:
    """Assignment, push and chunks, with the dispatcher's turn rung by the clock."""

    async def story(server: TwinServer) -> None:
        device, wire = a_device(server), await connected(server)
        wire.says(p.Subscribe(1, (("v1/devices/me/attributes", 1),)))
        await wire.hears(1)
        package = server.model.upload(Kind.FIRMWARE, "pump", "1.10", IMAGE, server.now())
        server.model.assign(device, Kind.FIRMWARE, package.id, server.now())
        server.settle()
        assert {packet.type.name for packet in await wire.hears(2)} == {"PUBLISH"}
        for index in range(4):
            wire.says(p.Publish(f"v2/fw/request/1/chunk/{index}", b"65536"))
        chunks = [packet for packet in await wire.hears(4) if isinstance(packet, p.Publish)]
        assert b"".join(chunk.payload for chunk in sorted(chunks, key=lambda each: each.topic)) == IMAGE
        await wire.close()

    play(story)


def test_silent_connection_is_closed_by_the_clock(play: Callable[..., None]) -> None:
    async def story(server: TwinServer) -> None:
        a_device(server)
        wire = await connected(server)
        await wire.end()
        await wire.close()

    play(story, inactivity_s=0.05, inactivity_check_s=0.02)


def test_second_connection_evicts_the_first(play: Callable[..., None]) -> None:
    async def story(server: TwinServer) -> None:
        a_device(server)
        first, second = await connected(server), await connected(server)
        await first.end()
        second.says(p.PingReq())
        assert await second.hears(1) == [p.PingResp()]
        await first.close()
        await second.close()

    play(story)


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bytes(100)]
)
def test_foreign_bytes_end_in_a_close(play: Callable[..., None], noise: bytes) -> None:
    """HTTP and TLS on the plain MQTT port."""

    async def story(server: TwinServer) -> None:
        wire = Wire(*await asyncio.open_connection(*server.mqtt))
        wire._writer.write(noise)
        wire._writer.write_eof()
        await wire.end()
        await wire.close()

    play(story)


def test_many_devices_come_and_go(play: Callable[..., None]) -> None:
    async def story(server: TwinServer) -> None:
        for number in range(50):
            server.model.save_device(Device(f"d{number}"), server.now(), f"t{number}")
        wires = await asyncio.gather(*(connected(server, f"t{number}") for number in range(50)))
        assert len(server.model.sessions) == 50
        for wire in wires:
            await wire.close()
        for _ in range(10_000):
            if not len(server.model.sessions):
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{len(server.model.sessions)} sessions are left")

    play(story)


def test_taken_port_is_named(play: Callable[..., None]) -> None:
    async def story(server: TwinServer) -> None:
        for ports in ((server.mqtt[1], 0), (0, server.http[1])):
            with pytest.raises(TransportError, match="choose another port"):
                await TwinServer().start("127.0.0.1", *ports)

    play(story)


def test_end_of_the_twin_reaches_devices_as_an_orderly_close(play: Callable[..., None]) -> None:
    """All that was sent, then FIN, no reset, even while a device is still sending; MQTT 5 hears no DISCONNECT."""

    async def story(server: TwinServer) -> None:
        a_device(server)
        wire = await connected(server)
        wire.says(*[p.PingReq()] * 100)
        await wire.hears(1)
        closing = asyncio.create_task(server.close())
        while not server.wires[0]._parting:  # noqa: ASYNC110 - a condition of the server's own
            await asyncio.sleep(0)
        wire.says(*[p.PingReq()] * 100)
        await wire.hears(99)
        await wire.end()
        await wire.close()
        await closing

    play(story)


def test_nothing_more_is_said_to_a_device_that_is_being_closed(play: Callable[..., None]) -> None:
    """An update that comes while the twin ends: the connection's own end was sent already."""

    async def story(server: TwinServer) -> None:
        device, wire = a_device(server), await connected(server)
        wire.says(p.Subscribe(1, (("v1/devices/me/attributes", 1),)))
        await wire.hears(1)
        closing = asyncio.create_task(server.close())
        while not server.wires[0]._parting:  # noqa: ASYNC110 - a condition of the server's own
            await asyncio.sleep(0)
        server.model.write_shared(device.id, {"a": 1}, server.now())
        server.settle()
        await wire.end()
        await wire.close()
        await closing

    play(story)


def test_device_that_keeps_its_end_open_delays_the_end_no_longer_than_asked(play: Callable[..., None]) -> None:
    async def story(server: TwinServer) -> None:
        a_device(server)
        wire = await connected(server)
        began = time.monotonic()
        await server.close(parting_s=0.05)
        assert time.monotonic() - began < 5
        assert server.wires == []
        with contextlib.suppress(ConnectionError):
            await wire.end()
        await wire.close()

    play(story)


def test_device_that_broke_its_connection_does_not_disturb_the_end(play: Callable[..., None]) -> None:
    """A reset that the twin has not noticed yet."""

    async def story(server: TwinServer) -> None:
        a_device(server)
        wire = await connected(server)
        raw = wire._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire._writer.transport.abort()
        await asyncio.sleep(0)
        await server.close()

    play(story)


def test_watcher_learns_whose_connection_it_hears(play: Callable[..., None]) -> None:
    """Once CONNECT was accepted."""

    class Ear:
        def __init__(self) -> None:
            self.names: list[str | None] = []
            self.server: TwinServer

        def connection(self, *_: object) -> int:
            return 7

        def packet(self, connection: int, *_: object) -> int:
            self.names.append(self.server.device_name(self, connection))
            return 0

        def note(self, *_: object, **__: object) -> None: ...

    async def story(server: TwinServer) -> None:
        ear = Ear()
        ear.server = server
        server.watchers.append(ear)
        a_device(server)
        wire = await connected(server)
        assert ear.names == [None, "d"]
        assert server.device_name(ear, 8) is None
        await wire.close()

    play(story)


def test_what_came_in_one_turn_is_kept_once_and_then_answered(tmp_path: Path) -> None:
    """Many devices share one wait for the disk."""

    async def story() -> None:
        server = TwinServer(data=tmp_path)
        await server.start()
        for number in range(10):
            server.model.save_device(Device(f"d{number}"), server.now(), f"t{number}")
        wires = await asyncio.gather(*(connected(server, f"t{number}") for number in range(10)))
        kept, unanswered = [0], server.keep

        def keep() -> None:
            kept[0] += server._keeper is not None and server._keeper.pending
            unanswered()

        server.keep = keep
        for wire in wires:
            wire.says(p.Publish("v1/devices/me/telemetry", b'{"a":1}', 1, 1))
        for wire in wires:
            assert await wire.hears(1) == [p.PubAck(1)]
            await wire.close()
        assert 1 <= kept[0] <= 10
        await server.close()
        assert server.faults == []

    asyncio.run(story())


def test_nothing_is_acknowledged_that_could_not_be_kept(tmp_path: Path) -> None:
    """The device sees its connection end, and sends again."""

    async def story() -> None:
        server = TwinServer(data=tmp_path)
        await server.start()
        a_device(server)
        wire = await connected(server)

        def full() -> None:
            raise ServerRefused("the disk is full", 500, 2)

        server.keep = full
        wire.says(p.Publish("v1/devices/me/telemetry", b'{"a":1}', 1, 1))
        with contextlib.suppress(ConnectionError):
            await wire.end()
        await wire.close()
        await server.close()
        assert {type(fault) for fault in server.faults} == {ServerRefused}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200), ("localhost", 200), ("LOCALHOST.:1", 200), ("[::1]:8080", 200), ("a.localhost", 200),
        ("evil.example", 403), ("127.0.0.1.evil.example:80", 403), ("", 403), ("192.0.2.7", 403), ("[::1", 200),
    ],
)  # fmt: skip
def test_call_that_names_another_host_is_refused_on_loopback(play: Callable[..., None], host: str, status: int) -> None:
    """A page elsewhere may let its name lead here (DNS rebinding); the browser still names it."""

    async def story(server: TwinServer) -> None:
        reader, writer = await asyncio.open_connection(*server.http)
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        writer.close()
        await writer.wait_closed()

    play(story)
