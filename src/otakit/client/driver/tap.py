"""The socket under paho-mqtt: buffered both ways, and exact bytes to a watcher as whole packets.

paho reads a packet in pieces of one byte and writes each packet with a call of its own; this reads and
writes in large pieces instead. It has the shape of paho's `SocketLike` and sits inside TLS, so a watcher
sees plain MQTT. Knows no MQTT beyond where a packet ends.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable

from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import Framer

READ_BYTES = 1 << 18
HEAD_BYTES = 16
"""What is kept of the first bytes received, to say what answered when it was no MQTT server."""

Seen = Callable[[Direction, bytes, int], None]
"""Hears the way, the packet, and when it passed, by the monotonic clock."""


def connected(host: str, port: int, tls: ssl.SSLContext | None, timeout_s: float) -> socket.socket:
    """A connected socket, inside TLS when a context is given; nothing stays open when that fails.

    Raises:
        OSError: TCP or TLS failed; `ssl.SSLError` is one.
    """
    sock = socket.create_connection((host, port), timeout=timeout_s)
    if tls is None:
        return sock
    try:
        secure = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    try:
        secure.do_handshake()
    except BaseException:
        secure.close()
        raise
    return secure


class Tap:
    """A connected socket as paho sees it.

    Args:
        sock: TCP or TLS, connected.
        seen: hears each whole packet the moment it passes; None when nobody watches.
    """

    def __init__(self, sock: socket.socket, seen: Seen | None) -> None:
        self._socket = sock
        self._seen = seen
        self._buffer = bytearray(READ_BYTES)
        self._in = memoryview(self._buffer)[:0]
        self._out = bytearray()
        self._framers = {direction: Framer() for direction in (Direction.TO_SERVER, Direction.TO_DEVICE)}
        self.head = b""
        with contextlib.suppress(OSError):  # a Unix socket has no such option
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, buffer_size: int) -> memoryview:
        """At most `buffer_size` bytes, valid until the next call; BlockingIOError when there are none yet.

        paho copies what it gets into its own buffer at once, so no bytes object is made here.
        """
        if not self._in:
            self._fill()
        piece = self._in[:buffer_size]
        self._in = self._in[buffer_size:]
        return piece

    def _fill(self) -> None:
        try:
            count = self._socket.recv_into(self._buffer)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wait:
            raise BlockingIOError from wait
        self._in = memoryview(self._buffer)[:count]
        if len(self.head) < HEAD_BYTES:
            self.head += bytes(self._in[: HEAD_BYTES - len(self.head)])
        if self._seen is not None:
            self._show(Direction.TO_DEVICE, self._in, time.monotonic_ns())

    def _show(self, direction: Direction, data: bytes | memoryview, passed_ns: int) -> None:
        if self._seen is None or not data:
            return
        for packet in self._framers[direction].feed(data):
            self._seen(direction, packet, passed_ns)

    def pending(self) -> int:
        """Bytes that can be received without asking the kernel."""
        return len(self._in) + (self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0)

    def send(self, buffer: bytes | bytearray) -> int:
        """Takes all bytes; `flush` sends them."""
        self._out += buffer
        return len(buffer)

    @property
    def unsent(self) -> int:
        """Bytes that wait for `flush`."""
        return len(self._out)

    def flush(self) -> None:
        """Sends what the kernel takes now.

        Raises:
            OSError: the connection is gone.
        """
        while self._out:
            leaves_ns = time.monotonic_ns()  # before the call: an answer must never look faster than its link
            try:
                sent = self._socket.send(self._out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            if self._seen is not None:
                self._show(Direction.TO_SERVER, bytes(self._out[:sent]), leaves_ns)
            del self._out[:sent]

    def close(self) -> None:
        """Sends what is left, as far as the kernel takes it, and closes."""
        with contextlib.suppress(OSError):
            self.flush()
        self._socket.close()

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def setblocking(self, flag: bool) -> None:
        """As a socket's."""
        self._socket.setblocking(flag)

    def addresses(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Ours and theirs."""
        ours, theirs = self._socket.getsockname(), self._socket.getpeername()
        return (str(ours[0]), int(ours[1])), (str(theirs[0]), int(theirs[1]))
