"""Listening sockets for the twin's doors, or one clear error."""

from __future__ import annotations

import socket
import sys

from otakit.errors import TransportError


def listening(host: str, port: int, door: str) -> socket.socket:
    """A bound socket.

    Args:
        host: where to listen.
        port: 0 for a free one.
        door: what it is for, as the error says it.

    Raises:
        TransportError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol by its number: asyncio sets TCP_NODELAY only where it stands there
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # where it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or error
        text = f"twin: cannot listen on {host}:{port} for {door} ({reason}); choose another port, or 0 for a free one"
        raise TransportError(text) from error
    return bound


def all_listening(host: str, ports: dict[str, int]) -> dict[str, socket.socket]:
    """One bound socket for each door, or none at all.

    Raises:
        TransportError: one of the ports is taken.
    """
    bound: dict[str, socket.socket] = {}
    try:
        for door, port in ports.items():
            bound[door] = listening(host, port, door)
    except TransportError:
        for each in bound.values():
            each.close()
        raise
    return bound
