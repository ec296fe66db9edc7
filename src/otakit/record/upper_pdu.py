"""The tags that stand before each packet of link type 252 (Wireshark's ``epan/exported_pdu.h``).

Knows how they name the dissector and the two ends of a TCP connection, so that Wireshark decodes the
bytes and shows addresses; refuses to know the packet behind them. Called by `record.scribe` and
`record.reader`. Tags are big-endian in every file.
"""

from __future__ import annotations

import ipaddress
import struct

from otakit.captured import Address
from otakit.errors import RecordingError

END, DISSECTOR, PORT_TYPE, SOURCE_PORT, DESTINATION_PORT = 0, 12, 24, 25, 26
SOURCE, DESTINATION = {4: 20, 6: 22}, {4: 21, 6: 23}
TCP = 2


def tags(dissector: str, source: Address | None = None, destination: Address | None = None) -> bytes:
    """The tags of one packet.

    Args:
        dissector: Wireshark's name for what follows: ``mqtt``, ``json`` or ``data``.
        source: who sent it; without both ends the packet shows no addresses.
        destination: who received it.
    """
    out = _tag(DISSECTOR, dissector.encode())
    if source is not None and destination is not None:
        one, two = _same_family(source[0], destination[0])
        out += _tag(SOURCE[one.version], one.packed) + _tag(DESTINATION[two.version], two.packed)
        out += _number(PORT_TYPE, TCP) + _number(SOURCE_PORT, source[1]) + _number(DESTINATION_PORT, destination[1])
    return out + _tag(END, b"")


def dissector_of(data: bytes) -> tuple[str, int]:
    """The dissector's name (empty when the tags have none) and where the packet begins.

    Raises:
        RecordingError: the tags run past the end.
    """
    name, at = "", 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(">HH", data, at)
        value, at = data[at + 4 : at + 4 + length], at + 4 + length
        if at > len(data):
            break
        if code == END:
            return name, at
        if code == DISSECTOR:
            name = value.rstrip(b"\0").decode(errors="replace")
    raise RecordingError("the tags before a packet run past its end")


def _tag(code: int, value: bytes) -> bytes:
    padded = value + b"\0" * (-len(value) % 4)
    return struct.pack(">HH", code, len(padded)) + padded


def _number(code: int, value: int) -> bytes:
    return _tag(code, struct.pack(">I", value & 0xFFFFFFFF))


_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def _same_family(one: str, two: str) -> tuple[_Ip, _Ip]:
    """Both as addresses of one family, since Wireshark tells conversations apart by them."""
    found = _ip(one), _ip(two)
    if found[0].version == found[1].version:
        return found
    first, second = (_as_v6(ip) for ip in found)
    return first, second


def _ip(host: str) -> _Ip:
    """The address; a host that is a name has none, and shows as 0.0.0.0."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])  # fe80::1%eth0
    except ValueError:
        return ipaddress.IPv4Address(0)


def _as_v6(ip: _Ip) -> ipaddress.IPv6Address:
    return ip if isinstance(ip, ipaddress.IPv6Address) else ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + ip.packed)
