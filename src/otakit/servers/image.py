"""An operator's image: bytes or a file, opened, weighed and compared with what the server holds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from otakit.errors import ImageError
from otakit.protocol.checksums import checksum

READ_BYTES = 1 << 20
WORDS = {
    "type": "type",
    "tag": "tag",
    "deviceProfileId": "device profile",
    "url": "URL",
    "checksumAlgorithm": "checksum algorithm",
    "checksum": "checksum",
    "dataSize": "size",
}
"""Members of a package's JSON, as errors name them."""


@contextmanager
def opened(image: bytes | Path | str) -> Iterator[tuple[BinaryIO, str]]:
    """The image as a stream, and the name of its file.

    Raises:
        ImageError: missing, unreadable or empty.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        if not len(image):
            raise ImageError("image: no bytes; an update needs at least one")
        yield io.BytesIO(image), "image.bin"
        return
    path = Path(image)
    try:
        file = path.open("rb")
    except OSError as error:
        raise ImageError(f"image {path}: cannot be read ({error.strerror}); give the path of a file") from error
    with file:
        if not file.read(1):
            raise ImageError(f"image {path}: the file is empty; an update needs at least one byte")
        file.seek(0)
        yield file, path.name


def checksum_of(file: BinaryIO, algorithm: str) -> str:
    """The checksum of a stream, read piece by piece and wound back.

    Raises:
        SettingsError: an unknown algorithm.
    """
    running = checksum(algorithm)
    while piece := file.read(READ_BYTES):
        running.update(piece)
    file.seek(0)
    return running.hexdigest()


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """How a package on the server differs from the one that is wanted.

    Args:
        found: ThingsBoard's JSON.
        wanted: likewise, with the members that matter; what is None there and unknown on the server is the same.
    """
    there = {**found, "deviceProfileId": (found.get("deviceProfileId") or {}).get("id")}
    if not found.get("hasData"):  # nothing is stored yet that could differ
        there |= {name: wanted.get(name) for name in ("checksumAlgorithm", "checksum", "dataSize")}
    elif there.get("checksumAlgorithm") != wanted.get("checksumAlgorithm"):
        there["checksum"] = wanted.get("checksum")  # of another algorithm, so they tell nothing
    return [
        f"{WORDS[name]} {there.get(name) or None!r} instead of {value!r}"
        for name, value in wanted.items()
        if (there.get(name) or None) != value
    ]
