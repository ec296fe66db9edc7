"""Where packets begin and end: whole packets cut out of a byte stream (MQTT 5, section 2.1).

Knows the fixed header and where in a PUBLISH the topic and the payload stand; refuses to know what a
packet says. `Framer` is fed with slices of any size. Called by the link, the taps, the twin and the
recordings through `protocol.mqtt`.
"""

from __future__ import annotations

from otakit.errors import RemoteProtocolError
from otakit.protocol.packets import PacketType, Version
from otakit.protocol.properties import MAX_VARINT, Cursor


class Framer:
    """Cuts a byte stream into whole control packets.

    Args:
        max_remaining_length: the largest remaining length accepted, in bytes
            (ThingsBoard takes 65,536 from a device: `MqttDecoder`).
    """

    __slots__ = ("_buffer", "_max", "_need")

    def __init__(self, max_remaining_length: int = MAX_VARINT) -> None:
        self._buffer = bytearray()
        self._need = 0  # bytes the buffer must have before looking at it again is worth it
        self._max = max_remaining_length

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """The packets that are whole now, each with its fixed header.

        Raises:
            RemoteProtocolError: a malformed length, or one above the limit; the stream is lost then,
                and `rest` has every byte that was not given out.
        """
        view, at, whole = memoryview(data), 0, list[bytes]()
        try:
            while self._buffer:  # a packet was begun: only what completes it is copied to it
                lacking = self._need - len(self._buffer)
                self._buffer += view[at : at + lacking]
                at = min(at + lacking, len(view))
                if len(self._buffer) < self._need:
                    return whole
                self._need = self._end(self._buffer, 0)
                if self._need == len(self._buffer):
                    whole.append(bytes(self._buffer))
                    self._buffer.clear()
            while (end := self._end(view, at)) <= len(view):
                # no copy at all when the slice is one packet
                whole.append(data[at:end] if isinstance(data, bytes) else bytes(view[at:end]))
                at = end
        except RemoteProtocolError:
            self._buffer[:0] = b"".join(whole)
            self._buffer += view[at:]
            raise
        self._buffer += view[at:]
        self._need = end - at
        return whole

    @property
    def pending(self) -> int:
        """Bytes held that are not a whole packet yet."""
        return len(self._buffer)

    def rest(self) -> bytes:
        """Gives up the bytes held, for who must pass on a stream that turned out to be no MQTT."""
        held = bytes(self._buffer)
        self._buffer.clear()
        self._need = 0
        return held

    def _end(self, data: bytes | bytearray | memoryview, at: int) -> int:
        """Where the packet at `at` ends, as far as its bytes tell: beyond the end of `data` if it is not whole."""
        length, position = 0, at + 1
        for shift in (0, 7, 14, 21):
            if position >= len(data):
                return len(data) + 1
            byte = data[position]
            position += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        else:
            raise RemoteProtocolError("remaining length has more than four bytes [MQTT-1.5.5-1]")
        if length > self._max:
            raise RemoteProtocolError(f"remaining length {length} is above the limit of {self._max}")
        return position + length


# fixed header flags that a packet type must carry (section 2.1.3); PUBLISH has its own
FLAGS = {PacketType.PUBREL: 2, PacketType.SUBSCRIBE: 2, PacketType.UNSUBSCRIBE: 2}


def packet_type(raw: bytes | memoryview) -> PacketType:
    """The type in the first byte.

    Raises:
        RemoteProtocolError: the reserved type 0, or no byte at all.
    """
    if not raw or not raw[0] >> 4:
        raise RemoteProtocolError("packet type 0 is reserved" if raw else "an empty packet")
    return PacketType(raw[0] >> 4)


def header_length(raw: bytes | memoryview) -> int:
    """Bytes of the fixed header: the type byte and the remaining length."""
    cursor = Cursor(raw, 1)
    cursor.varint("remaining length")
    return cursor.at


def publish_layout(raw: bytes, version: Version) -> tuple[bytes, int]:
    """Topic name and offset of the payload of a PUBLISH, without decoding the rest.

    Args:
        raw: the packet, or as much of its beginning as holds both.
        version: what CONNECT said.

    Raises:
        RemoteProtocolError: malformed.
    """
    at = header_length(raw) if raw[1:2] > b"\x7f" else 2
    end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
    payload = end + (2 if raw[0] & 6 else 0)
    if version is Version.MQTT_5:
        cursor = Cursor(raw, payload)
        payload = cursor.varint("property length") + cursor.at
    if payload > len(raw):
        raise RemoteProtocolError(f"PUBLISH: the payload would begin at {payload} of {len(raw)} bytes")
    return raw[at + 2 : end], payload
