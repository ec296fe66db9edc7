"""Listening sockets for the twin's doors, or one clear error; and what this machine is called on them."""

from __future__ import annotations

import contextlib
import ipaddress
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


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def addresses_of(host: str) -> list[str]:
    """What devices can type for a host that is listened on: itself, or each address of this machine."""
    if host not in ("0.0.0.0", "::", ""):  # noqa: S104 - asked for, not listened on
        return [host]
    found = []
    # no packet is sent: connecting a datagram socket only asks which of our addresses leads there
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        if family is socket.AF_INET or host == "::":
            with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
                asked.connect((far, 9))
                found.append(str(asked.getsockname()[0]))
    with contextlib.suppress(OSError):
        found += socket.gethostbyname_ex(socket.gethostname())[2]
    outside = [each for each in dict.fromkeys(found) if not ipaddress.ip_address(each).is_loopback]
    return outside or ["127.0.0.1"]


def names_of(host: str) -> list[str]:
    """All that a client may call this machine when it checks a certificate."""
    own = socket.gethostname()
    names = [*addresses_of(host), "localhost", "127.0.0.1", "::1", own, own if "." in own else f"{own}.local"]
    return [name for name in dict.fromkeys(names) if name.isascii() and name]
