"""The files that this process is recording into: made, named while they grow, finished.

Knows the file system's ways; refuses to know what is written. `record.recorder` makes a file here, and
`record.reader` asks whether one is still growing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path
from typing import BinaryIO

from otakit.errors import RecordingError

_lock = threading.Lock()
_growing: set[Path] = set()


def create(path: Path, opening: bytes) -> BinaryIO:
    """A new file with its first bytes, unbuffered; one that is there is replaced.

    Raises:
        RecordingError: it cannot be written, or this process is recording into it already.
    """
    whole = path.absolute()
    with _lock:
        if whole in _growing:
            raise RecordingError(f"{path}: a recording into this file is under way; close it, or choose another name")
        _growing.add(whole)
    try:
        file = path.open("wb", buffering=0)
        file.write(opening)
    except OSError as error:
        with _lock:
            _growing.discard(whole)
        raise RecordingError(f"{path}: {_why_not(path, error)}") from error
    return file


def _why_not(path: Path, error: OSError) -> str:
    if path.is_dir():
        return "a recording goes into a file, this is a folder; add a name such as session.pcapng"
    if not path.parent.is_dir():
        return f"the folder {path.parent} is not there; make it first"
    return f"the recording cannot be written ({error.strerror or error}); choose another place"


def append(file: BinaryIO, data: bytes) -> None:
    """All bytes, though an unbuffered file may take them in pieces.

    Raises:
        OSError: the disk is full, or gone.
    """
    view = memoryview(data)
    while view:
        taken = file.write(view)
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = view[taken:]


def finish(path: Path, file: BinaryIO) -> None:
    """Closes the file; from now on it does not grow."""
    with contextlib.suppress(OSError):  # the disk may be gone; what was written was reported already
        file.close()
    with _lock:
        _growing.discard(path.absolute())


def is_growing(path: Path) -> bool:
    """Whether this process is recording into the file."""
    with _lock:
        return path.absolute() in _growing


def cut_back(file: BinaryIO, size: int) -> None:
    """Takes the torn end of a failed write away, where the system lets us."""
    with contextlib.suppress(OSError, ValueError):
        file.truncate(size)
