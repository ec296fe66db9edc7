"""The chunk protocol of one connection: which package a request id means, and which bytes are its chunk.

Knows `MqttTransportHandler.getOtaPackageCallback` and its corner cases: request ids that stay with the
package of their first use, sizes that are remembered, Java's 32-bit product, errors that come without a
PUBACK. Refuses to know attributes: what the device believes is assigned plays no part here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from otakit.protocol.messages import Kind, chunk_filter, error_filter
from otakit.protocol.packets import Publish
from otakit.twin.line import Line
from otakit.twin.model import Model
from otakit.twin.rules.entities import Image
from otakit.twin.sessions import Session
from otakit.twin.settings import nanoseconds

OTA_ERROR, UNREADABLE = 0x83, 0x8B
"""Reason codes of MQTT 5's DISCONNECT after an error word and after a number that Java cannot read."""
CHARACTERS = 16
"""Of remembered request ids, for each that may be remembered: a topic has room for 65,000 digits."""
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


class Asker(Session, Protocol):
    """The session that asks: it pays for its questions."""

    def pay(self, now: int, values: int = 0) -> bool:
        """Charges one message; False when a limit refuses it."""


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

    What a device makes it remember is bounded (`TwinSettings.remembered_request_ids`, and characters of
    them); ThingsBoard remembers all.

    Args:
        model: knows which package counts and holds the bytes.
        line: where answers go.
        session: whose connection it is.
    """

    __slots__ = ("_characters", "_known", "_line", "_model", "_session", "_waiting")

    def __init__(self, model: Model, line: Line, session: Asker) -> None:
        self._model, self._line, self._session = model, line, session
        self._known: dict[str, tuple[int, str | None]] = {}  # by request id: the last size, the package
        self._characters = 0
        self._waiting: list[Asked] | None = None

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
        known_size, package_id = self._known.get(request_id, (0, None))
        if size > 0:
            self._remember(request_id, size, package_id)
        else:
            size = known_size
        asked = Asked(kind, request_id, index, size, packet.packet_id)
        if size > self._model.settings.max_payload_bytes:
            self.refuse("PAYLOAD_TOO_LARGE")
        elif package_id is not None:
            self._serve(asked, package_id, now)
        elif not self._session.pay(now):
            self._line.close(OTA_ERROR)
        else:
            self._waiting = self._waiting or []
            self._waiting.append(asked)

    def _remember(self, request_id: str, size: int, package_id: str | None) -> None:
        if request_id not in self._known:
            self._characters += len(request_id)
        self._known[request_id] = (size, package_id)
        most = self._model.settings.remembered_request_ids
        while len(self._known) > 1 and (len(self._known) > most or self._characters > CHARACTERS * most):
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._characters -= len(oldest)

    def ask_core(self, now: int) -> None:
        """Asks the core about the request ids heard for the first time.

        Each request is asked on its own, so the answers of a first burst may come in any order.
        """
        if self._waiting is None:
            return
        waiting, self._waiting = self._waiting, None
        settings = self._model.settings
        wait_s = min(settings.core_delay_s, settings.core_timeout_s)
        delay_ns = nanoseconds(wait_s if settings.core_reachable else settings.core_timeout_s)
        for asked in self._model.chance.shuffled(waiting):
            if delay_ns:
                self._model.timers.at(now + delay_ns, partial(self._answer_late, asked))
            else:
                self._answer(asked, now)

    def _answer_late(self, asked: Asked, now: int) -> None:
        settings = self._model.settings
        if self._line.closing:
            return
        if settings.core_delay_s >= settings.core_timeout_s or not settings.core_reachable:
            self._line.close(OTA_ERROR)
        else:
            self._answer(asked, now)
        if self._line.closing:
            self._model.sessions.gone(self._session)
        self._model.sessions.wake(self._session)

    def _answer(self, asked: Asked, now: int) -> None:
        package = self._model.package_now(self._session.device_id or "", asked.kind, now)
        if isinstance(package, str):
            self.refuse(package)
            return
        size, _ = self._known.get(asked.request_id, (0, None))
        self._remember(asked.request_id, size, package.id)
        self._serve(asked, package.id, now)

    def _serve(self, asked: Asked, package_id: str, now: int) -> None:
        self._line.ack(asked.packet_id)
        image = self._model.cache.get(package_id, now)
        chunk = chunk_of(image, asked.size, asked.index)
        if chunk is not None:
            topic = f"v2/{asked.kind.value}/response/{asked.request_id}/chunk/{asked.index}"
            self._line.publish(topic, chunk, _FILTERS[asked.kind])

    def refuse(self, word: str) -> None:
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
