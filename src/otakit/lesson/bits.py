"""Checksums of two images side by side: which of their bits differ.

Pure: bytes in, a frame out; `analyse.plots.changed_bits` draws it. Called by the lesson on checksums.
"""

from __future__ import annotations

import pandas as pd

from otakit.errors import SettingsError
from otakit.protocol.checksums import ALGORITHMS, checksum_of


def flipped(image: bytes, bit: int) -> bytes:
    """The image with one bit turned.

    Args:
        image: at least one byte.
        bit: counted from 0, the lowest of the first byte.

    Raises:
        SettingsError: the image has no such bit.
    """
    if not 0 <= bit < 8 * len(image):
        raise SettingsError(f"bit {bit}: this image has the bits 0 to {8 * len(image) - 1}")
    changed = bytearray(image)
    changed[bit >> 3] ^= 1 << (bit & 7)
    return bytes(changed)


def changed_bits(one: bytes, other: bytes) -> pd.DataFrame:
    """The seven checksums of two images.

    Returns:
        Columns ``algorithm``, ``bits`` (how long the checksum is), ``changed`` (in how many of them the two differ),
        ``before`` and ``after`` (as ThingsBoard prints them).
    """
    pairs = [(name, checksum_of(name, one), checksum_of(name, other)) for name in ALGORITHMS]
    rows = [(name, 4 * len(before), differing(before, after), before, after) for name, before, after in pairs]
    return pd.DataFrame(rows, columns=["algorithm", "bits", "changed", "before", "after"])


def differing(before: str, after: str) -> int:
    """In how many bits two checksums of equal length differ."""
    return (int(before, 16) ^ int(after, 16)).bit_count()
