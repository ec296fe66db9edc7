"""The chunk protocol of one connection: which package a request id means, and which bytes are its chunk.

Knows `MqttTransportHandler.getOtaPackageCallback` and its corner cases: request ids that stay with the
package of their first use, sizes that are remembered, Java's 32-bit product, errors that come without a
PUBACK. Refuses to know attributes: what the device believes is assigned plays no part here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from otakit.protocol.messages import Kind, chunk_filter, error_filter
from otakit.protocol.packets import Publish
from otakit.twin.line import Line
from otakit.twin.model import Model
from otakit.twin.rules.entities import Image
from otakit.twin.settings import nanoseconds

OTA_ERROR, UNREADABLE = 0x83, 0x8B
"""Reason codes of MQTT 5's DISCONNECT after an error word and after a number that Java cannot read."""
_PATTERNS = tuple(
    (kind, re.compile(rf"v2/{kind.value}/request/(\d+)/chunk/(\d+)", re.ASCII))
    for kind in (Kind.FIRMWARE, Kind.SOFTWARE)
)
_INTEGER = re.compile(r"[+-]?\d{1,4000}")
_FILTERS = {kind: chunk_filter(kind) for kind in Kind}
_ERROR_TOPIC = error_filter(Kind.FIRMWARE)  # of both kinds: MqttTransportHandler.sendOtaPackageError


class UnreadableNumber(ValueError):
    """Java's `Integer.parseInt` refuses it: an error that ends the connection."""


def java_int(text: str) -> int:
    """`Integer.parseInt`: a sign is fine, blanks and anything beyond 32 bits are not.

    Raises:
        UnreadableNumber: it is refused.
    """
    if not _INTEGER.fullmatch(text) or not -(2**31) <= (value := int(text)) < 2**31:
        raise UnreadableNumber(f"{text[:40]!r} is no 32-bit integer")
    return value


def wrapped(number: int) -> int:
    """The number as a Java int: its low 32 bits with a sign."""
    return (number + 2**31) % 2**32 - 2**31


@dataclass(frozen=True, slots=True)
class Asked:
    """One chunk that a device asked for."""

    kind: Kind
    request_id: str
    index: int
    size: int
    packet_id: int | None


class ChunkDesk:
    """Serves chunks on one connection.

    Args:
        model: knows which package counts and holds the bytes.
        line: where answers go.
        device_id: whose connection it is.
        wake: called when an answer is there that came later.
    """

    def __init__(self, model: Model, line: Line, device_id: str, wake: Callable[[], None]) -> None:
        self._model, self._line, self._device_id = model, line, device_id
        self._packages: dict[str, str] = {}
        self._wake = wake
        self._sizes: dict[str, int] = {}
        self._waiting: list[Asked] = []

    def hears(self, packet: Publish, now: int) -> bool:
        """Serves a chunk request; False when the topic is none.

        Raises:
            UnreadableNumber: the size or the index is no 32-bit integer.
        """
        for kind, pattern in _PATTERNS:
            if found := pattern.search(packet.topic):  # unanchored, as ThingsBoard looks for it
                self._request(kind, found[1], found[2], packet, now)
                return True
        return False

    def _request(self, kind: Kind, request_id: str, index_text: str, packet: Publish, now: int) -> None:
        size = java_int(packet.payload.decode(errors="replace")) if packet.payload else 0
        index = java_int(index_text)
        if size > 0:
            self._sizes[request_id] = size
        else:
            size = self._sizes.get(request_id, 0)
        asked = Asked(kind, request_id, index, size, packet.packet_id)
        if size > self._model.settings.max_payload_bytes:
            self._refuse("PAYLOAD_TOO_LARGE")
        elif request_id in self._packages:
            self._serve(asked, now)
        else:
            self._waiting.append(asked)

    def ask_core(self, now: int) -> None:
        """Asks the core about the request ids heard for the first time.

        Each request is asked on its own, so the answers of a first burst may come in any order.
        """
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        settings = self._model.settings
        delay_ns = nanoseconds(min(settings.core_delay_s, settings.core_timeout_s))
        for asked in self._model.chance.shuffled(waiting):
            if delay_ns:
                self._model.timers.at(now + delay_ns, partial(self._answer_late, asked))
            else:
                self._answer(asked, now)

    def _answer_late(self, asked: Asked, now: int) -> None:
        if self._model.settings.core_delay_s >= self._model.settings.core_timeout_s:
            self._line.close(OTA_ERROR)
        else:
            self._answer(asked, now)
        self._wake()

    def _answer(self, asked: Asked, now: int) -> None:
        package = self._model.package_now(self._device_id, asked.kind, now)
        if isinstance(package, str):
            self._refuse(package)
            return
        self._packages[asked.request_id] = package.id
        self._serve(asked, now)

    def _serve(self, asked: Asked, now: int) -> None:
        self._line.ack(asked.packet_id)
        image = self._model.cache.get(self._packages[asked.request_id], now)
        chunk = chunk_of(image, asked.size, asked.index)
        if chunk is not None:
            topic = f"v2/{asked.kind.value}/response/{asked.request_id}/chunk/{asked.index}"
            self._line.publish(topic, chunk, _FILTERS[asked.kind])

    def _refuse(self, word: str) -> None:
        """The error word, no PUBACK, the end."""
        self._line.publish(_ERROR_TOPIC, word.encode(), _ERROR_TOPIC)
        self._line.close(OTA_ERROR)


def chunk_of(image: Image | None, size: int, index: int) -> bytes | None:
    """The bytes of a chunk; None where ThingsBoard falls silent (`CaffeineOtaPackageCache.get`)."""
    if size < 1:
        return None if image is None else image.read(0, image.size)
    if image is None:
        return b""
    offset = wrapped(size * index)
    length = min(wrapped(image.size - offset), size)
    if offset >= image.size or length <= 0:
        return b""
    return image.read(offset, length) if offset >= 0 else None
