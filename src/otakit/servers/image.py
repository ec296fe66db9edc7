"""An operator's image: bytes or a file, opened, weighed and compared with what the server holds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from otakit.errors import ImageError
from otakit.protocol.checksums import checksum
from otakit.protocol.messages import Kind

READ_BYTES = 1 << 20


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


def differences(
    found: dict[str, Any], kind: Kind, expected: str, algorithm: str, tag: str | None, profile_id: str
) -> list[str]:
    """How a package on the server differs from the one that is wanted."""
    pairs: dict[str, tuple[Any, Any]] = {
        "type": (found["type"], kind.name),
        "tag": (found.get("tag") or None, tag or None),
        "device profile": ((found.get("deviceProfileId") or {}).get("id"), profile_id),
        "URL": (found.get("url") or None, None),
    }
    if found.get("hasData") and not found.get("url"):
        pairs["checksum algorithm"] = (found.get("checksumAlgorithm"), algorithm.upper())
        if pairs["checksum algorithm"][0] == pairs["checksum algorithm"][1]:
            pairs["checksum"] = (found.get("checksum"), expected)
    return [f"{what} {there!r} instead of {wanted!r}" for what, (there, wanted) in pairs.items() if there != wanted]
