"""ThingsBoard's seven checksum algorithms, fed chunk by chunk.

Knows how `BaseOtaPackageService.generateChecksum` prints each: lower-case hexadecimal of Guava's own
byte order, so CRC32 and MURMUR3_32 are little-endian with leading zeros kept. Holds no bytes: memory
does not grow with the image.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Protocol

import mmh3

from otakit.errors import SettingsError


class Checksum(Protocol):
    """A running checksum."""

    def update(self, data: bytes | memoryview) -> None:
        """Takes the next bytes of the image."""

    def hexdigest(self) -> str:
        """The checksum of all bytes so far, as ThingsBoard prints it."""


class _Digest:
    def __init__(self, name: str) -> None:
        self._hash = hashlib.new(name, usedforsecurity=False)

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return self._value.to_bytes(4, "little").hex()


class _Murmur32:
    def __init__(self) -> None:
        self._hash = mmh3.mmh3_32(seed=0)

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(bytes(data))

    def hexdigest(self) -> str:
        return self._hash.uintdigest().to_bytes(4, "little").hex()


class _Murmur128:
    def __init__(self) -> None:
        self._hash = mmh3.mmh3_x64_128(seed=0)

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(bytes(data))

    def hexdigest(self) -> str:
        return self._hash.uintdigest().to_bytes(16, "little").hex()


ALGORITHMS = ("MD5", "SHA256", "SHA384", "SHA512", "CRC32", "MURMUR3_32", "MURMUR3_128")


def checksum(algorithm: str) -> Checksum:
    """A fresh running checksum.

    Args:
        algorithm: one of `ALGORITHMS`, ThingsBoard's spelling in any letter case.

    Raises:
        SettingsError: an unknown algorithm; the text lists the seven.
    """
    match algorithm.upper():
        case "CRC32":
            return _Crc32()
        case "MURMUR3_32":
            return _Murmur32()
        case "MURMUR3_128":
            return _Murmur128()
        case "MD5" | "SHA256" | "SHA384" | "SHA512" as name:
            return _Digest(name)
    raise SettingsError(f"checksum algorithm {algorithm[:40]!r} is unknown: ThingsBoard has {', '.join(ALGORITHMS)}")


def checksum_of(algorithm: str, data: bytes) -> str:
    """The checksum of bytes that are all there."""
    running = checksum(algorithm)
    running.update(data)
    return running.hexdigest()
