"""A device's end of a real connection: a socket, read with a deadline."""

from __future__ import annotations

import socket
import ssl
from typing import cast

from otakit.captured import Address
from otakit.errors import TransportError

READ_BYTES = 256 * 1024
CONNECT_S = 10.0
SEND_S = 30.0


class TcpChannel:
    """One TCP connection, TLS inside it where asked for.

    Args:
        address: the server's MQTT door.
        tls: how to trust it; None speaks plain.
        needs_barrier: see `channel.Channel`.

    Raises:
        TransportError: nobody answers there.
    """

    def __init__(self, address: Address, *, tls: ssl.SSLContext | None = None, needs_barrier: bool = False) -> None:
        self.needs_barrier = needs_barrier
        try:
            plain = socket.create_connection(address, CONNECT_S)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = tls.wrap_socket(plain, server_hostname=address[0]) if tls else plain
        except OSError as error:
            raise TransportError(f"MQTT at {address[0]}:{address[1]}: nobody answers ({error})") from error
        ends = (self._socket.getsockname(), self._socket.getpeername())
        self.addresses = cast("tuple[Address, Address]", tuple(end[:2] for end in ends))

    def send(self, data: bytes) -> None:
        """Sends bytes; a connection that is closed by now swallows them."""
        try:
            self._socket.settimeout(SEND_S)
            self._socket.sendall(data)
        except ConnectionError:
            return  # hearing will tell

    def hear(self, wait_s: float) -> bytes | None:
        """Bytes as soon as some are there; none when `wait_s` has passed; None once the other side has closed."""
        try:
            self._socket.settimeout(max(wait_s, 1e-3))  # 0 would mean "do not wait", which TLS cannot do
            return self._socket.recv(READ_BYTES) or None
        except TimeoutError:
            return b""
        except OSError:  # a reset is an end too
            return None

    def drop(self) -> None:
        """Breaks the connection without a word; safe to call twice."""
        self._socket.close()
