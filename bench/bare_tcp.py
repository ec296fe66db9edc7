"""Bare TCP, the base of every goodput figure: `sendall` of 64 KiB blocks to `recv_into` in another process.

Run as ``python bench/bare_tcp.py receive BYTES`` (prints its port, then the seconds from the first byte
to the last) and ``python bench/bare_tcp.py send HOST PORT BYTES``.
"""

from __future__ import annotations

import json
import socket
import sys
import time

BLOCK_BYTES = 65_536


def receive(total: int) -> None:
    """Takes one connection and times it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(json.dumps({"port": server.getsockname()[1]}), flush=True)
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            print(json.dumps({"seconds": _drain(connection, total)}), flush=True)


def _drain(connection: socket.socket, total: int) -> float:
    buffer, got = bytearray(1 << 20), connection.recv_into(bytearray(1), 1)
    began = time.perf_counter()
    while got < total:
        count = connection.recv_into(buffer)
        if not count:
            raise SystemExit(f"the sender stopped after {got} of {total} bytes")
        got += count
    return time.perf_counter() - began


def send(host: str, port: int, total: int) -> None:
    """Sends `total` bytes and leaves."""
    block = bytes(BLOCK_BYTES)
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(total // BLOCK_BYTES):
            connection.sendall(block)
        connection.sendall(block[: total % BLOCK_BYTES])
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)  # until the receiver has closed, so that the link between keeps both sides


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["receive", total]:
            receive(int(total))
        case ["send", host, port, total]:
            send(host, int(port), int(total))
        case _:
            raise SystemExit(__doc__)
