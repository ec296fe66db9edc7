"""An image that grows on disk while it is hashed; memory does not grow with it.

Chunks may come in any order: those at the front are hashed as they come, those that wait behind a gap are
read back from the file once it is closed. The name of the file never comes from the server.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Self

from otakit.errors import ImageError
from otakit.protocol.checksums import checksum

BUFFER_BYTES = 1 << 18
READ_BACK_BYTES = 1 << 18
SPARE_BYTES = 1 << 20
"""Left free on the disk: journal, file system."""


class ImageFile:
    """The image of one update.

    Args:
        path: where it is kept; what is there is overwritten.
        size: bytes that it will have.
        algorithm: checksum algorithm over the whole.

    Raises:
        ImageError: no room on the disk, or the file cannot be made.
    """

    def __init__(self, path: Path, size: int, algorithm: str) -> None:
        self.path = path
        self.size = size
        self._checksum = checksum(algorithm)
        self._hashed = 0
        self._ahead: dict[int, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        free = shutil.disk_usage(path.parent).free
        if free < size + SPARE_BYTES:
            raise ImageError(
                f"{path.parent}: {free} bytes are free, the image needs {size} and {SPARE_BYTES} to spare; "
                "make room, then update again"
            )
        self._file = path.open("w+b", buffering=BUFFER_BYTES)
        self._at = 0

    def write(self, offset: int, data: bytes) -> None:
        """Writes a piece and hashes as far as the image is whole.

        Raises:
            OSError: the disk refuses.
        """
        if offset != self._at:
            self._file.seek(offset)
        self._file.write(data)
        self._at = end = offset + len(data)
        if offset > self._hashed:
            self._ahead[offset] = max(end, self._ahead.get(offset, 0))
            return
        if end > self._hashed:
            self._checksum.update(data[self._hashed - offset :] if offset < self._hashed else data)
            self._hashed = end
        if self._ahead:
            self._catch_up()

    def _catch_up(self) -> None:
        while self._ahead and (start := min(self._ahead)) <= self._hashed:
            end = self._ahead.pop(start)
            self._file.seek(self._hashed)
            self._at = -1  # the next write seeks
            while self._hashed < end:
                piece = self._file.read(min(READ_BACK_BYTES, end - self._hashed))
                if not piece:
                    raise ImageError(f"{self.path}: ends at {self._hashed}, though {end} bytes were written")
                self._checksum.update(piece)
                self._hashed += len(piece)

    def hexdigest(self) -> str:
        """The checksum over the whole image, as ThingsBoard prints it.

        Raises:
            ImageError: bytes are missing.
        """
        if self._hashed != self.size:
            raise ImageError(f"{self.path}: {self._hashed} of {self.size} bytes are there")
        return self._checksum.hexdigest()

    def sync(self) -> None:
        """Returns when the bytes would survive a power cut."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file; it stays on the disk."""
        self._file.close()

    def __enter__(self) -> Self:
        """The image file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
