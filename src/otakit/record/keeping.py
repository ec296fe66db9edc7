"""How much of an image a recording keeps: all of it, the head of each chunk, or nothing.

Knows which packets carry image bytes (`ChunkResponse`, firmware and software); refuses to know blocks
and files. What is left out is vouched for by the SHA-256 of the whole payload, so that every frame is
the same as from the whole. Pure; called by `record.scribe`.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from otakit.errors import RemoteProtocolError, SettingsError
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import publish_layout
from otakit.protocol.packets import PacketType, Version

_CHUNK_TOPICS = (b"v2/fw/response/", b"v2/sw/response/")
Keep = Literal["all", "head", "none"]
KEPT_BYTES: dict[str, int | None] = {"all": None, "head": 32, "none": 0}
"""Bytes of each chunk that are kept; None for all."""


def kept_bytes(keep: str) -> int | None:
    """The entry of `KEPT_BYTES`.

    Raises:
        SettingsError: no such way of keeping.
    """
    if keep not in KEPT_BYTES:
        raise SettingsError(f"keep: expected 'all', 'head' or 'none' (image bytes in the recording), got {keep!r}")
    return KEPT_BYTES[keep]


def is_chunk(raw: bytes, direction: Direction) -> bool:
    """Whether a packet carries image bytes, told from its first bytes without decoding it."""
    if direction is not Direction.TO_DEVICE or not raw or raw[0] >> 4 != PacketType.PUBLISH:
        return False
    at = 2
    while at < 5 and raw[at - 1 : at] >= b"\x80":  # the length of the packet goes on
        at += 1
    if raw[at : at + 2] == b"\0\0":
        return True  # MQTT 5 may leave the topic to an alias: in doubt it is image
    return raw.startswith(_CHUNK_TOPICS, at + 2)


def trimmed(raw: bytes, version: Version, most: int) -> tuple[bytes, str | None]:
    """A chunk with at most `most` bytes of its payload.

    Returns:
        The bytes to keep, and the SHA-256 of the whole payload when some were left out.
    """
    try:
        _topic, at = publish_layout(raw, version)
    except RemoteProtocolError:
        return raw[: min(len(raw), 64)], hashlib.sha256(raw).hexdigest()
    if len(raw) - at <= most:
        return raw, None
    return raw[: at + most], hashlib.sha256(memoryview(raw)[at:]).hexdigest()
