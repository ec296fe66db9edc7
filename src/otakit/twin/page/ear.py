"""What the page hears: the last packets of every device, and how much of its image went out.

A `captured.Watcher` with bounded memory that costs a few microseconds a packet: it keeps a packet's
beginning and decodes nothing but the topics of chunks. Chunks have a ring of their own, so that a
download does not push out the talk around it. Refuses to know what packets mean (`sentences`) and who
looks at them (`feed`).
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge

from otakit.captured import Address, CapturedPacket, Note, OpenedConnection
from otakit.errors import RemoteProtocolError
from otakit.protocol.messages import Direction, Kind
from otakit.protocol.mqtt import header_length, publish_layout
from otakit.protocol.packets import PacketType, Version
from otakit.twin.page.delivered import Delivery

RING = 160
"""Packets kept of each sort and device."""
KEPT_BYTES, KEPT_OF_CHUNK = 2_048, 128
"""Bytes kept of a packet; of a chunk its topic and first bytes."""
MOST_REQUEST_IDS, MOST_EARLY, MOST_ACKS = 64, 20, 4_096
STRANGER = ""
"""Stands in place of a device's id for connections that belong to none: refused, or only provisioning."""
_CHUNK = re.compile(rb"v2/(fw|sw)/(request|response)/(\d{1,18})/chunk/(\d{1,9})")
_ERROR = b"v2/fw/error"
_WIDEST_TOPIC = 80
_LEVEL_5 = b"\x05"


@dataclass(slots=True)
class Heard:
    """What is remembered of one device.

    Attributes:
        talk: its last packets but chunks.
        chunks: its last chunk requests and chunks.
        connects: CONNECT of each connection that the rings know, since nothing is readable without.
        deliveries: the image on its way, for each kind.
        refused: ThingsBoard's last error word and when it passed; None once a chunk passed after it.
        revision: grows with every packet.
    """

    talk: deque[CapturedPacket | Note] = field(default_factory=lambda: deque(maxlen=RING))
    chunks: deque[CapturedPacket] = field(default_factory=lambda: deque(maxlen=RING))
    connects: dict[int, CapturedPacket] = field(default_factory=dict)
    deliveries: dict[Kind, Delivery] = field(default_factory=dict)
    refused: tuple[str, int] | None = None
    revision: int = 0

    def entries(self) -> Iterator[OpenedConnection | CapturedPacket | Note]:
        """All that is kept, as it passed, each connection's CONNECT before its packets."""
        passed = list(merge(self.talk, self.chunks, key=_place))
        numbers = {each.connection for each in passed if each.connection is not None}
        for number in [number for number in self.connects if number not in numbers]:
            del self.connects[number]
        there = {each.number for each in passed if isinstance(each, CapturedPacket)}
        for number, connect in self.connects.items():
            yield OpenedConnection(number, ("", 0), ("", 0))
            if connect.number not in there:
                yield connect
        yield from passed


def _place(entry: CapturedPacket | Note) -> int:
    return entry.number if isinstance(entry, CapturedPacket) else entry.about or 0


@dataclass(slots=True)
class _Asked:
    """What a request id stands for on its connection: a package, and the size last named."""

    package_id: str | None
    size: int = 0


@dataclass(slots=True)
class _Line:
    """One connection."""

    number: int
    heard: Heard | None = None
    device_id: str | None = None
    version: Version = Version.MQTT_3_1_1
    early: deque[tuple[CapturedPacket, bool]] = field(default_factory=lambda: deque(maxlen=MOST_EARLY))
    asked: OrderedDict[bytes, _Asked] = field(default_factory=OrderedDict)
    acks: set[tuple[Direction, bytes]] = field(default_factory=set)


class Ear:
    """Hears the packets of all connections.

    Args:
        owner: the device behind a connection, by the number it got here; None while it has none.
        effective: the package that counts for a device now.
        now: nanoseconds since the epoch.
    """

    def __init__(
        self,
        owner: Callable[[int], str | None],
        effective: Callable[[str, Kind], str | None],
        now: Callable[[], int],
    ) -> None:
        self._owner, self._effective, self._now = owner, effective, now
        self._lines: dict[int, _Line] = {}
        self._devices: dict[str, Heard] = {}
        self._connections = self._packets = 0

    def of(self, device_id: str) -> Heard | None:
        """What was heard of a device."""
        return self._devices.get(device_id)

    def forget(self, connections: Collection[int], devices: Collection[str]) -> None:
        """Keeps only these connections and devices, and the strangers."""
        for number in [number for number in self._lines if number not in connections]:
            del self._lines[number]
        for each in [each for each in self._devices if each not in devices and each != STRANGER]:
            del self._devices[each]

    # the Watcher

    def connection(self, client: Address, server: Address) -> int:
        """A connection opened; returns its number."""
        del client, server
        self._connections += 1
        self._lines[self._connections] = _Line(self._connections)
        return self._connections

    def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
        """A whole control packet passed; one without a time is a CONNECT from before the first page."""
        self._packets += 1
        line = self._lines.get(connection)
        if line is None:
            return self._packets
        kind = raw[0] >> 4
        is_chunk = kind == PacketType.PUBLISH and self._publish(line, direction, raw)
        is_chunk = is_chunk or (kind == PacketType.PUBACK and self._acknowledges_chunk(line, direction, raw))
        kept = raw[: KEPT_OF_CHUNK if is_chunk else KEPT_BYTES]
        marks = {"repeated": True} if at_ns is None else {}
        seen_ns = self._now() if at_ns is None else at_ns
        captured = CapturedPacket(self._packets, seen_ns, connection, direction, kept, len(raw), marks)
        if kind == PacketType.CONNECT:
            self._connect(line, captured)
        elif line.heard is None:
            self._find_owner(line, is_refusal=kind == PacketType.CONNACK)
        self._keep(line, captured, is_chunk=is_chunk)
        return self._packets

    def note(
        self,
        name: str,
        fields: Mapping[str, object],
        *,
        connection: int | None = None,
        about: int | None = None,
        at_ns: int | None = None,
    ) -> None:
        """Something only the twin knows, such as a fault on purpose."""
        line = self._lines.get(connection or 0)
        if line is not None and line.heard is not None:
            note = Note(name, self._now() if at_ns is None else at_ns, fields, connection, about or self._packets)
            line.heard.talk.append(note)
            line.heard.revision += 1

    # whose it is

    def _connect(self, line: _Line, captured: CapturedPacket) -> None:
        """CONNECT, also a second one on the same connection: its device is not known before the answer."""
        line.heard = line.device_id = None
        try:
            at = header_length(captured.raw)
        except RemoteProtocolError:
            return
        level = at + 2 + int.from_bytes(captured.raw[at : at + 2], "big")
        line.version = Version.MQTT_5 if captured.raw[level : level + 1] == _LEVEL_5 else Version.MQTT_3_1_1

    def _find_owner(self, line: _Line, *, is_refusal: bool) -> None:
        """Asked at each packet until there is one; CONNACK without a device is a stranger's."""
        line.device_id = self._owner(line.number)
        if line.device_id is None and not is_refusal:
            return
        line.heard = self._devices.setdefault(line.device_id or STRANGER, Heard())
        while line.early:
            captured, is_chunk = line.early.popleft()
            self._keep(line, captured, is_chunk=is_chunk)

    def _keep(self, line: _Line, captured: CapturedPacket, *, is_chunk: bool) -> None:
        if line.heard is None:
            line.early.append((captured, is_chunk))
            return
        if captured.raw[0] >> 4 == PacketType.CONNECT:
            line.heard.connects[line.number] = captured
        if not captured.marks:  # one from before is needed to read the others, and did not pass now
            (line.heard.chunks if is_chunk else line.heard.talk).append(captured)
        line.heard.revision += 1

    # chunks

    def _publish(self, line: _Line, direction: Direction, raw: bytes) -> bool:
        """Whether it is a chunk or asks for one."""
        try:
            topic, payload = publish_layout(raw[: _WIDEST_TOPIC * 2], line.version)
        except RemoteProtocolError:
            return False
        if direction is Direction.TO_DEVICE and topic == _ERROR and line.heard is not None:
            line.heard.refused = (raw[payload : payload + 40].decode(errors="replace"), self._now())
        found = _CHUNK.fullmatch(topic)
        if found is None or (found[2] == b"request") is not (direction is Direction.TO_SERVER):
            return False
        if raw[0] & 6:
            at = header_length(raw) + 2 + len(topic)
            if len(line.acks) >= MOST_ACKS:
                line.acks.clear()
            line.acks.add((direction, raw[at : at + 2]))
        if direction is Direction.TO_SERVER:
            self._request(line, found, raw[payload:])
        else:
            self._response(line, found, len(raw) - payload)
        return True

    def _acknowledges_chunk(self, line: _Line, direction: Direction, raw: bytes) -> bool:
        asker = Direction.TO_SERVER if direction is Direction.TO_DEVICE else Direction.TO_DEVICE
        key = (asker, raw[2:4])
        if key not in line.acks:
            return False
        line.acks.discard(key)
        return True

    def _request(self, line: _Line, topic: re.Match[bytes], payload: bytes) -> None:
        """A request id stays with the package of its first use, and with the size last named."""
        if line.heard is None:
            self._find_owner(line, is_refusal=False)
        asked = line.asked.get(topic[3])
        if asked is None:
            counts = self._effective(line.device_id, Kind(topic[1].decode())) if line.device_id else None
            asked = line.asked[topic[3]] = _Asked(counts)
            if len(line.asked) > MOST_REQUEST_IDS:
                line.asked.popitem(last=False)
        if payload.isdigit() and len(payload) < 11:
            asked.size = int(payload) or asked.size

    def _response(self, line: _Line, topic: re.Match[bytes], count: int) -> None:
        asked = line.asked.get(topic[3])
        if line.heard is None or asked is None or asked.package_id is None:
            return
        kind = Kind(topic[1].decode())
        delivery = line.heard.deliveries.get(kind)
        if delivery is None or delivery.package_id != asked.package_id:
            delivery = line.heard.deliveries[kind] = Delivery(asked.package_id)
        start = asked.size * int(topic[4])
        delivery.credit(start, start + count, (line.number, topic[3]))
        if count:
            line.heard.refused = None
