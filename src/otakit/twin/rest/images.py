"""Images on disk: an upload streamed to a file while it is hashed, and slices served from it.

Memory does not grow with the image. Knows `multipart/form-data`; refuses to know packages.
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from otakit.protocol.checksums import checksum
from otakit.twin.rules.store import refused

UNSUPPORTED = (415, 31)


class TooLarge(Exception):
    """An upload beyond the limit of multipart bodies."""


class FileImage:
    """An image in a file, read where it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb", buffering=0)
        self._size = path.stat().st_size
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`, fewer at the end."""
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, offset)
        with self._lock:  # Windows: position and read are two calls there
            self._file.seek(offset)
            return self._file.read(size)

    @property
    def closed(self) -> bool:
        """Whether nothing can be read any more."""
        return self._file.closed

    def move(self, path: Path) -> None:
        """Gives the file another name, in place of what had it; reading goes on."""
        with self._lock:
            if os.name == "nt":  # it renames no open file
                self._file.close()
            self.path = self.path.replace(path)
            if self._file.closed:
                self._file = path.open("rb", buffering=0)

    def close(self) -> None:
        """Closes the file and leaves it where it is."""
        self._file.close()

    def remove(self) -> None:
        """Closes and deletes the file."""
        self._file.close()
        self.path.unlink(missing_ok=True)


@dataclass
class Upload:
    """One `file` part of a form, written while it comes.

    Attributes:
        file_name: as the part names it.
        content_type: likewise.
        checksum: of all bytes, once they are there.
    """

    path: Path
    algorithm: str
    file_name: str | None = None
    content_type: str | None = None
    checksum: str = ""
    _headers: dict[str, str] = field(default_factory=dict)
    _name: str = ""
    _is_file: bool = False

    @property
    def is_there(self) -> bool:
        """Whether the form had such a part."""
        return self.file_name is not None

    async def take(self, pieces: AsyncIterator[bytes], boundary: bytes, limit: int) -> None:
        """Reads the whole form.

        Raises:
            ServerRefused: it is no form.
            TooLarge: more than `limit` bytes.
        """
        running, total = checksum(self.algorithm), 0
        with self.path.open("wb") as file:

            def data(raw: bytes, start: int, end: int) -> None:
                if self._is_file:
                    piece = memoryview(raw)[start:end]
                    file.write(piece)
                    running.update(piece)

            parser = self._parser(boundary, data)
            try:
                async for piece in pieces:
                    total += len(piece)
                    if total > limit:
                        raise TooLarge
                    parser.write(piece)
            except MultipartParseError as error:
                raise refused("Failed to parse multipart request") from error
        self.checksum = running.hexdigest()

    def _parser(self, boundary: bytes, data: Callable[[bytes, int, int], None]) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_headers_finished": self._headers_end,
                "on_part_data": data,
            },
        )

    def _begin(self) -> None:
        self._headers, self._is_file, self._name = {}, False, ""

    def _header_name(self, raw: bytes, start: int, end: int) -> None:
        self._name = raw[start:end].decode("latin-1").lower()

    def _header_value(self, raw: bytes, start: int, end: int) -> None:
        self._headers[self._name] = self._headers.get(self._name, "") + raw[start:end].decode("latin-1")

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        self._is_file = options.get(b"name") == b"file"
        if self._is_file:
            self.file_name = options.get(b"filename", b"").decode(errors="replace")
            self.content_type = self._headers.get("content-type")


def boundary_of(content_type: str) -> bytes:
    """The boundary of a form.

    Raises:
        ServerRefused: the body is none, with the status 415.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise refused(f"Content-Type '{content_type}' is not supported", UNSUPPORTED)
    return boundary
