"""TLS in front of a wire: bytes in the socket, packets inside.

ThingsBoard wants a client certificate, does not demand one, and lets every one through the handshake:
whether it is known is decided at CONNECT (`MqttSslHandlerProvider`). Python's own `ssl` can only refuse
what it cannot verify, so OpenSSL is driven through memory buffers here. Knows TLS and certificates as
bytes; refuses to know MQTT and devices.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from otakit.errors import SettingsError
from otakit.twin.authority import KeyPair
from otakit.twin.wire import Wire

if TYPE_CHECKING:
    from otakit.twin.server import TwinServer

HANDSHAKE_S = 10
"""Seconds that a handshake may take (Netty's `SslHandler`)."""
RECORD_BYTES, SEALED_BYTES = 16_384, 17_408
"""The largest record of TLS, plain and sealed."""
DAY_S = 86_400


class Endpoint:
    """The server's side of TLS. New connections get a certificate that was changed meanwhile (since v4.3).

    Args:
        files: gives the certificate and key; asked again each day, so that they can be renewed.
        reloads: whether changed files count without a restart.

    Raises:
        SettingsError: the files are no certificate and key.
    """

    def __init__(self, files: Callable[[], KeyPair], *, reloads: bool = True) -> None:
        self._files, self._reloads = files, reloads
        self._pair, self._asked_s = files(), time.monotonic()
        self._stamp = self._stamped()
        self._context = _context(self._pair)

    def connection(self) -> SSL.Connection:
        """The TLS of one new connection."""
        if self._reloads:
            self._follow()
        connection = SSL.Connection(self._context, None)
        connection.set_accept_state()
        return connection

    def _follow(self) -> None:
        try:
            if time.monotonic() - self._asked_s > DAY_S:
                self._pair, self._asked_s = self._files(), time.monotonic()
            if (stamp := self._stamped()) != self._stamp:
                self._context, self._stamp = _context(self._pair), stamp
        except (SettingsError, OSError):
            pass  # half written: the old one serves until both are whole

    def _stamped(self) -> tuple[int, ...]:
        # size and inode too: two writes may share a tick of the file system's clock
        found = [file.stat() for file in (self._pair.certificate, self._pair.key)]
        return tuple(number for each in found for number in (each.st_mtime_ns, each.st_size, each.st_ino))


def _context(pair: KeyPair) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    # a resumed session would not show its certificates again
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_verify(SSL.VERIFY_PEER, _every_one)
    try:
        context.use_certificate_chain_file(str(pair.certificate))
        context.use_privatekey_file(str(pair.key))
        context.check_privatekey()
    except SSL.Error as error:
        raise SettingsError(f"{pair.certificate} and {pair.key}: not a certificate and its key, as PEM") from error
    return context


def _every_one(*_: object) -> bool:
    """CONNECT decides; that its owner has the key is checked by the handshake itself."""
    return True


def is_chain(shown: list[x509.Certificate]) -> bool:
    """Whether each certificate was signed by the one behind it."""
    try:
        for certificate, issuer in pairwise(shown):
            certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - a signature that cannot even be read is none
        return False
    return True


class TlsDoor(asyncio.Protocol):
    """One TCP connection of a device that speaks TLS; its wire begins when the handshake is done."""

    def __init__(self, server: TwinServer, endpoint: Endpoint) -> None:
        self._server = server
        self._tls = endpoint.connection()
        self._wire: Wire | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is there."""
        self.transport = cast("asyncio.Transport", transport)
        self._server.handshakes.add(self)
        self._alarm = asyncio.get_running_loop().call_later(HANDSHAKE_S, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if self.transport.is_closing():
            return
        self._tls.bio_write(data)
        if self._wire is not None or self._shake_hands():
            self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self._end_handshake()
        if self._wire is not None:
            self._wire.connection_lost(exc)

    def pause_writing(self) -> None:
        """asyncio: too much is unsent."""
        if self._wire is not None:
            self._wire.pause_writing()

    def resume_writing(self) -> None:
        """asyncio: enough of it is sent."""
        if self._wire is not None:
            self._wire.resume_writing()

    def write(self, data: bytes) -> None:
        """Encrypts and sends."""
        view, at, sealed = memoryview(data), 0, list[bytes]()
        try:
            while at < len(view):
                at += self._tls.send(view[at : at + RECORD_BYTES])
                # record by record: the buffer of a connection keeps the size that it once had
                sealed += self._said()
        except SSL.Error:
            self.transport.abort()
        else:
            self.transport.writelines(sealed)

    def say_goodbye(self) -> None:
        """TLS's own last word, close_notify."""
        try:
            self._tls.shutdown()
        except SSL.Error:
            return
        self.drain()

    def drain(self) -> None:
        """Sends what TLS has to say."""
        if said := self._said():
            self.transport.writelines(said)

    def _said(self) -> list[bytes]:
        pieces = []
        try:
            while True:
                pieces.append(self._tls.bio_read(SEALED_BYTES))
        except SSL.Error:  # empty
            return pieces

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self.drain()
            return False
        except SSL.Error:  # no TLS at all, a version or a signature that is not right: the alert says which
            self.drain()
            self.transport.close()
            return False
        leaf = self._tls.get_peer_certificate(as_cryptography=True)
        others = self._tls.get_peer_cert_chain(as_cryptography=True) or []
        shown = [] if leaf is None else [leaf, *(each for each in others if each != leaf)]
        if not is_chain(shown):
            self.transport.close()  # the last flight stays here, so the handshake never ends
            return False
        self._end_handshake()
        self.drain()
        self._wire = Wire(self._server, tuple(each.public_bytes(Encoding.DER) for each in shown))
        self._wire.connection_made(_Inside(self))
        return True

    def _end_handshake(self) -> None:
        self._server.handshakes.discard(self)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _read(self) -> None:
        assert self._wire is not None
        pieces, ended = [], False
        try:
            while True:
                pieces.append(self._tls.recv(RECORD_BYTES))
        except SSL.WantReadError:
            pass
        except SSL.Error:  # close_notify, or bytes that were never encrypted by the peer
            ended = True
        self.drain()
        if pieces:
            self._wire.data_received(b"".join(pieces))
        if ended:
            self.transport.close()


class _Inside(asyncio.Transport):
    """What the wire takes for its transport."""

    def __init__(self, door: TlsDoor) -> None:
        super().__init__()
        self._door = door

    def write(self, data: Any) -> None:
        self._door.write(data)

    def write_eof(self) -> None:
        self._door.say_goodbye()
        self._door.transport.write_eof()

    def close(self) -> None:
        if not self.is_closing():
            self._door.say_goodbye()
            self._door.transport.close()

    def abort(self) -> None:
        self._door.transport.abort()

    def is_closing(self) -> bool:
        return self._door.transport.is_closing()

    def pause_reading(self) -> None:
        self._door.transport.pause_reading()

    def resume_reading(self) -> None:
        self._door.transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._door.transport.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._door.transport.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._door.transport.get_extra_info(name, default)
