"""The twin on real sockets: bytes pass, timers ring, doors close cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from otakit.errors import TransportError
from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import Packet
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

IMAGE = bytes(i % 251 for i in range(200_000))


def _pem(name: str, body: str) -> str:
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join((f"-----BEGIN {name}-----", *lines, f"-----END {name}-----", ""))


# a self-signed certificate for 127.0.0.1, made for this test only
KEY = _pem(
    "PRIVATE KEY",
    (
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmnXovedSXyjtqzMX"
        "7rvqYkbbsDQlTeP+IzbzSbaZe8uhRANCAAQCtWIwVhgl85nsGvQ3VjE7nP/1OiWf"
        "IHWytIFx5uOPjYsjRbD9ofUwQIXf193HJCIHhFurb2IQUk80EpLsfogW"
    ),
)
CERTIFICATE = _pem(
    "CERTIFICATE",
    (
        "MIIBlTCCATqgAwIBAgIUJ7w6ggyj4neBj0g6ekRGF22wZfMwCgYIKoZIzj0EAwIw"
        "FjEUMBIGA1UEAwwLb3Rha2l0IHRlc3QwIBcNMjYxMTI0MTExNjQ0WhgPMjEyNjEw"
        "MzExMTE2NDRaMBYxFDASBgNVBAMMC290YWtpdCB0ZXN0MFkwEwYHKoZIzj0CAQYI"
        "KoZIzj0DAQcDQgAEArViMFYYJfOZ7Br0N1YxO5z/9TolnyB1srSBcebjj42LI0Ww"
        "/aH1MECF39fdxyQiB4Rbq29iEFJPNBKS7H6IFqNkMGIwHQYDVR0OBBYEFCBD4t7w"
        "9E0zdQ2sFbbq+TgLcwNQMB8GA1UdIwQYMBaAFCBD4t7w9E0zdQ2sFbbq+TgLcwNQ"
        "MA8GA1UdEwEB/wQFMAMBAf8wDwYDVR0RBAgwBocEfwAAATAKBggqhkjOPQQDAgNJ"
        "ADBGAiEA18RZko6UNE7oH0d5Xsgd8VzywdZk4JddhP+NXLnct60CIQDEb9FgLiFc"
        "rBooq9M2SGGBMkmYOquuw/H1X82qF0UgVA=="
    ),
)


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


def test_twin_speaks_tls(tmp_path: Path) -> None:
    """The conversation sits inside."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    key.write_text(KEY)
    certificate.write_text(CERTIFICATE)
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(certificate, key)
    outside = ssl.create_default_context(cafile=str(certificate))
    outside.check_hostname = False

    async def story() -> None:
        server = TwinServer(tls=inside)
        await server.start()
        a_device(server)
        wire = Wire(*await asyncio.open_connection(*server.mqtt, ssl=outside))
        wire.says(p.Connect("c", user_name="token"))
        assert await wire.hears(1) == [p.ConnAck(0)]
        await wire.close()
        plain = Wire(*await asyncio.open_connection(*server.mqtt))
        plain.says(p.Connect("c", user_name="token"))
        with contextlib.suppress(ConnectionError):
            await plain._reader.read()
        await plain.close()
        await server.close()
        assert server.faults == []

    asyncio.run(story())


def test_twin_runs_as_a_process() -> None:
    """One JSON line says where the doors are; a signal ends it."""
    command = [sys.executable, "-m", "otakit.twin", "--seed", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        doors = json.loads(process.stdout.readline())
        with socket.create_connection(tuple(doors["mqtt"]), timeout=10) as device:
            device.sendall(encode(p.Connect("c", user_name="wrong")))
            assert decode(device.recv(100)) == p.ConnAck(5)
        process.terminate()
        assert process.stderr.read() == ""
        process.wait(20)


def test_process_with_a_taken_port_says_so_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "otakit.twin", "--mqtt-port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("otakit: twin: cannot listen on")
    assert len(done.stderr.splitlines()) == 1
