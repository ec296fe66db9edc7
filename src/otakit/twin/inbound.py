"""The way in from one device: whole packets out of bytes, and what Netty's decoder refuses of them.

Refuses to know what a packet means.
"""

from __future__ import annotations

from contextlib import suppress

from otakit.errors import RemoteProtocolError
from otakit.protocol import packets as p
from otakit.protocol.mqtt import Framer, decode
from otakit.protocol.packets import Packet, Version


class Inbound(Framer):
    """Gives the whole packets that stand before a broken one; keeps the break for afterwards."""

    __slots__ = ("fault",)

    def __init__(self, max_remaining_length: int) -> None:
        super().__init__(max_remaining_length)
        self.fault: RemoteProtocolError | None = None

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """The packets that are whole now; never raises."""
        try:
            return super().feed(data)
        except RemoteProtocolError as error:
            self.fault = error
        held, whole, at = self.rest(), [], 0
        with suppress(RemoteProtocolError):  # the same one again, behind the last whole packet
            while (end := self._end(held, at)) <= len(held):
                whole.append(held[at:end])
                at = end
        return whole


def packet_of(raw: bytes, version: Version) -> Packet:
    """One whole packet, read.

    Raises:
        RemoteProtocolError: malformed, also by packet id 0 or a wildcard in a topic name.
    """
    packet = decode(raw, version)
    if isinstance(packet, p.Publish):
        if packet.packet_id == 0 or "+" in packet.topic or "#" in packet.topic:
            raise RemoteProtocolError("PUBLISH: packet id 0 or a wildcard in the topic name")
    elif getattr(packet, "packet_id", None) == 0:
        raise RemoteProtocolError(f"{packet.type.name}: packet id 0")
    return packet
