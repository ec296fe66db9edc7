"""The TLS door: any certificate passes the handshake, CONNECT decides; what is no TLS ends in a close."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import subprocess
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from otakit.errors import SettingsError
from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import Packet
from otakit.twin import authority as authorities
from otakit.twin import tls
from otakit.twin.authority import Authority
from otakit.twin.rules.credentials import X509
from otakit.twin.rules.entities import Credentials, Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

REFUSED = 5
"""CONNACK's code for a certificate that is unknown or expired, in MQTT 3.1.1."""
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
Story = Callable[[TwinServer], Coroutine[Any, Any, None]]
WAIT_S = 20


class Certificate:
    """A certificate with its key, made for a test."""

    def __init__(self, name: str, *, days: float = 30, issuer: Certificate | None = None, is_ca: bool = False) -> None:
        signer = None if is_ca and issuer is None else (issuer or self._root()).pair
        self.pair: authorities.Pair = authorities._made(name, days, issuer=signer)

    @staticmethod
    def _root() -> Certificate:
        return Certificate("somebody's authority", is_ca=True)

    @property
    def pem(self) -> str:
        return self.pair[0].public_bytes(Encoding.PEM).decode()

    def write(self, folder: Path, *chain: Certificate) -> tuple[Path, Path]:
        """As files: the certificate with a chain behind it, and its key."""
        files = folder / "shown.crt", folder / "shown.key"
        files[0].write_text("".join([self.pem, *(each.pem for each in chain)]))
        key = self.pair[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files[1].write_bytes(key)
        return files


def trusting(ca: Authority, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A client's side that checks the server's name and certificate."""
    context = ssl.create_default_context(cafile=str(ca.ca_file))
    context.minimum_version = context.maximum_version = version
    return context


def own_certificate(server: TwinServer, name: str, pem: str) -> Device:
    """A device that is known by its certificate."""
    return server.model.save_device(Device(name), server.now(), credentials=Credentials("", "", type=X509, value=pem))


class TlsDevice:
    """Says and hears packets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._framer, self._heard = Framer(1 << 28), list[Packet]()

    @classmethod
    async def reach(cls, server: TwinServer, context: ssl.SSLContext | None) -> TlsDevice:
        """Connects to the TLS door."""
        assert server.mqtts is not None
        return cls(*await asyncio.wait_for(asyncio.open_connection(*server.mqtts, ssl=context), WAIT_S))

    def says(self, *packets: Packet) -> None:
        self.writer.write(b"".join(encode(packet) for packet in packets))

    async def hears(self, count: int = 1) -> list[Packet]:
        while len(self._heard) < count:
            data = await asyncio.wait_for(self.reader.read(1 << 18), WAIT_S)
            assert data, "closed"
            self._heard += [decode(raw) for raw in self._framer.feed(data)]
        found, self._heard = self._heard[:count], self._heard[count:]
        return found

    async def connects(self, token: str | None = None) -> int:
        """The code of the answer to CONNECT."""
        self.says(p.Connect("c", user_name=token))
        (answer,) = await self.hears()
        assert isinstance(answer, p.ConnAck)
        return answer.reason_code

    async def is_ended(self) -> bool:
        """Whether the server closes, with or without a word of TLS."""
        try:
            return await asyncio.wait_for(self.reader.read(), WAIT_S) == b""
        except (ConnectionError, ssl.SSLError):
            return True

    def leave(self) -> None:
        self.writer.transport.abort()


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of the twins here."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def play(ca: Authority) -> Callable[..., None]:
    """Plays a story against a twin with a TLS door and a device ``d`` with the token ``token``."""

    def played(story: Story, *, authority: Authority | None = None, **settings: Any) -> None:
        async def whole() -> None:
            server = TwinServer(TwinSettings(**settings), authority=authority or ca)
            await server.start()
            server.model.save_device(Device("d"), server.now(), "token")
            try:
                await story(server)
            finally:
                await server.close(parting_s=0)
            assert server.faults == []
            assert not server.handshakes

        asyncio.run(whole())

    return played


@pytest.mark.parametrize("version", VERSIONS)
def test_update_travels_inside_tls(play: Callable[..., None], ca: Authority, version: ssl.TLSVersion) -> None:
    """Token, assignment, chunks; the client checks the server's certificate and name."""
    image = bytes(i % 251 for i in range(200_000))

    async def story(server: TwinServer) -> None:
        device = await TlsDevice.reach(server, trusting(ca, version))
        assert await device.connects("token") == 0
        package = server.model.upload(Kind.FIRMWARE, "pump", "1.10", image, server.now())
        found = server.model.store.device_named("d")
        assert found is not None
        server.model.assign(found, Kind.FIRMWARE, package.id, server.now())
        for index in range(4):
            device.says(p.Publish(f"v2/fw/request/1/chunk/{index}", b"65536"))
        chunks = [packet for packet in await device.hears(4) if isinstance(packet, p.Publish)]
        assert b"".join(chunk.payload for chunk in sorted(chunks, key=lambda each: each.topic)) == image
        device.leave()

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_known_certificate_connects_without_a_user_name(
    play: Callable[..., None], ca: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """A user name and password beside it are ignored."""
    shown = Certificate("pump-7")

    async def story(server: TwinServer) -> None:
        pump = own_certificate(server, "pump-7", shown.pem)
        context = trusting(ca, version)
        context.load_cert_chain(*shown.write(tmp_path))
        for user_name in (None, "token"):
            device = await TlsDevice.reach(server, context)
            assert await device.connects(user_name) == 0
            assert [wire.conversation.device_id for wire in server.wires][-1] == pump.id
            device.leave()

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_unknown_certificate_passes_the_handshake_and_is_refused_at_connect(
    play: Callable[..., None], ca: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """Whoever signed it, even itself."""

    async def story(server: TwinServer) -> None:
        context = trusting(ca, version)
        context.load_cert_chain(*Certificate("nobody", is_ca=True).write(tmp_path))
        device = await TlsDevice.reach(server, context)
        assert await device.connects() == REFUSED
        assert await device.is_ended()
        device.leave()

    play(story)


@pytest.mark.parametrize(("skip", "code"), [(False, REFUSED), (True, 0)])
def test_expired_certificate_is_refused_at_connect_unless_the_knob_says_otherwise(
    play: Callable[..., None], ca: Authority, tmp_path: Path, *, skip: bool, code: int
) -> None:
    shown = Certificate("pump-7", days=-0.5)

    async def story(server: TwinServer) -> None:
        own_certificate(server, "pump-7", shown.pem)
        context = trusting(ca)
        context.load_cert_chain(*shown.write(tmp_path))
        device = await TlsDevice.reach(server, context)
        assert await device.connects() == code
        device.leave()

    play(story, skip_certificate_validity=skip)


def test_chain_that_hangs_together_passes(play: Callable[..., None], ca: Authority, tmp_path: Path) -> None:
    """The leaf is what the device is known by."""
    root = Certificate("root", is_ca=True)
    leaf = Certificate("pump-7", issuer=root)

    async def story(server: TwinServer) -> None:
        own_certificate(server, "pump-7", leaf.pem)
        context = trusting(ca)
        context.load_cert_chain(*leaf.write(tmp_path, root))
        device = await TlsDevice.reach(server, context)
        assert await device.connects() == 0
        device.leave()

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_chain_whose_members_did_not_sign_each_other_breaks_the_handshake(
    play: Callable[..., None], ca: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """Although its leaf is known. In TLS 1.3 a client learns of it only when it listens."""
    leaf = Certificate("pump-7")

    async def story(server: TwinServer) -> None:
        own_certificate(server, "pump-7", leaf.pem)
        context = trusting(ca, version)
        context.load_cert_chain(*leaf.write(tmp_path, Certificate("stranger", is_ca=True)))
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            device = await TlsDevice.reach(server, context)
            assert version is ssl.TLSVersion.TLSv1_3
            device.says(p.Connect("c"))
            assert await device.is_ended()
            device.leave()
        assert server.wires == []

    play(story)


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02ab", bytes(99)]
)
def test_what_is_no_tls_ends_in_a_close(play: Callable[..., None], noise: bytes) -> None:
    """HTTP, plain MQTT, zeros."""

    async def story(server: TwinServer) -> None:
        device = await TlsDevice.reach(server, None)
        device.writer.write(noise)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(device.reader.read(), 20)
        device.leave()

    play(story)


def test_garbage_inside_a_session_ends_it(play: Callable[..., None], ca: Authority) -> None:
    """Bytes that nobody encrypted."""

    async def story(server: TwinServer) -> None:
        device = await TlsDevice.reach(server, trusting(ca))
        assert await device.connects("token") == 0
        raw = device.writer.get_extra_info("socket")
        os.write(raw.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        assert await device.is_ended()
        device.leave()

    play(story)


def test_handshake_that_takes_too_long_is_broken(play: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who connects and says nothing holds nothing."""
    monkeypatch.setattr("otakit.twin.tls.HANDSHAKE_S", 0.05)

    async def story(server: TwinServer) -> None:
        device = await TlsDevice.reach(server, None)
        device.writer.write(b"\x16\x03\x01")
        assert await device.is_ended()
        device.leave()

    play(story)


def test_connections_in_their_handshake_end_with_the_twin(ca: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_S", 3600)

    async def story() -> None:
        server = TwinServer(authority=ca)
        await server.start()
        device = await TlsDevice.reach(server, None)
        while not server.handshakes:  # noqa: ASYNC110 - a condition of the server's own
            await asyncio.sleep(0)
        await server.close()
        assert await device.is_ended()
        device.leave()

    asyncio.run(story())


def test_goodbye_of_tls_ends_the_connection(play: Callable[..., None], ca: Authority) -> None:
    """close_notify, as Netty takes it."""

    async def story(server: TwinServer) -> None:
        device = await TlsDevice.reach(server, trusting(ca))
        assert await device.connects("token") == 0
        device.writer.close()
        assert await device.is_ended()
        while server.wires:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)

    play(story)


def test_slow_reader_fills_no_memory(play: Callable[..., None], ca: Authority) -> None:
    """Its further requests stay in the kernel until it has read; then all comes whole."""
    image, times = bytes(4 << 20), 12

    async def story(server: TwinServer) -> None:
        found = server.model.store.device_named("d")
        assert found is not None
        package = server.model.upload(Kind.FIRMWARE, "pump", "1", image, server.now())
        server.model.assign(found, Kind.FIRMWARE, package.id, server.now())
        device = await TlsDevice.reach(server, trusting(ca))
        device.writer.transport.pause_reading()  # type: ignore[attr-defined]  # the transport reads too
        device.says(p.Connect("c", user_name="token"))
        most = 0
        for index in range(times):
            device.says(p.Publish(f"v2/fw/request/1/chunk/{index}", b""))
            for _ in range(20):
                await asyncio.sleep(0)
            most = max([most, *(wire._transport.get_write_buffer_size() for wire in server.wires)])
        assert most < 8 * 2**20 + len(image) + 2**20
        device.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        _, *chunks = await device.hears(1 + times)
        assert all(isinstance(chunk, p.Publish) and len(chunk.payload) == len(image) for chunk in chunks)
        device.leave()

    play(story)


@pytest.mark.parametrize(("version", "follows"), [("4.3.1.3", True), ("4.2.1", False)])
def test_changed_server_certificate_counts_for_new_connections(
    play: Callable[..., None], tmp_path: Path, *, version: str, follows: bool
) -> None:
    """ThingsBoard reads it anew since 4.3; connections that are there go on."""
    own = Authority(tmp_path)

    async def story(server: TwinServer) -> None:
        before = await TlsDevice.reach(server, trusting(own))
        shown = before.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        (tmp_path / "server.crt").unlink()
        own.server(["localhost", "127.0.0.1"])
        after = await TlsDevice.reach(server, trusting(own))
        is_new = after.writer.get_extra_info("ssl_object").getpeercert(binary_form=True) != shown
        assert is_new is follows
        assert await before.connects("token") == 0
        before.leave()
        after.leave()

    play(story, authority=own, version=version)


def test_server_certificate_is_renewed_while_the_twin_runs(
    play: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at once a day: here at each connection."""
    own = Authority(tmp_path)
    monkeypatch.setattr(authorities, "SERVER_DAYS", 1)

    async def story(server: TwinServer) -> None:
        monkeypatch.setattr(authorities, "SERVER_DAYS", 397)
        ends = []
        for day_s in (tls.DAY_S, -1):
            monkeypatch.setattr(tls, "DAY_S", day_s)
            device = await TlsDevice.reach(server, trusting(own))
            ends.append(device.writer.get_extra_info("ssl_object").getpeercert()["notAfter"])
            device.leave()
        first, second = (ssl.cert_time_to_seconds(end) - time.time() for end in ends)
        assert first < 2 * 86_400
        assert second > 300 * 86_400

    play(story, authority=own)


def test_half_written_certificate_does_not_close_the_door(play: Callable[..., None], tmp_path: Path) -> None:
    """Until both files are whole, the old ones serve."""
    own = Authority(tmp_path)

    async def story(server: TwinServer) -> None:
        (tmp_path / "server.crt").write_text("-----BEGIN CERT")
        device = await TlsDevice.reach(server, trusting(own))
        assert await device.connects("token") == 0
        device.leave()

    play(story, authority=own)


def test_server_files_that_are_none_are_named(tmp_path: Path) -> None:
    own = Authority(tmp_path)
    files = own.server(["127.0.0.1"])
    files.certificate.write_text("nothing")

    async def story() -> None:
        with pytest.raises(SettingsError, match=r"server\.crt"):
            await TwinServer(authority=own).start()

    asyncio.run(story())


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("option", ["-tls1_2", "-tls1_3"])
def test_openssl_finds_the_chain_in_order(play: Callable[..., None], ca: Authority, option: str) -> None:
    """A foreign client: it verifies the certificate, and is asked for its own without having to give one."""

    async def story(server: TwinServer) -> None:
        assert server.mqtts is not None
        where = "{}:{}".format(*server.mqtts)
        command = ["openssl", "s_client", "-connect", where, "-CAfile", str(ca.ca_file), "-verify_return_error", option]
        said = await asyncio.to_thread(subprocess.run, command, input=b"", capture_output=True, check=False)
        assert said.returncode == 0
        assert b"Verify return code: 0 (ok)" in said.stdout
        assert b"No client certificate CA names sent" in said.stdout

    play(story)
