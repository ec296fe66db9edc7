"""The user's own key, under which devices are told apart without naming their credentials.

Knows where the configuration of this user is, and makes the key there once. Called when a recording
begins without a key of its own.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import tempfile
from pathlib import Path

from otakit.errors import RecordingError
from otakit.settings import config_folder

KEY_BYTES = 32
FILE = "recording.key"
_log = logging.getLogger("otakit.record")


def recording_key() -> bytes:
    """The key of this user, made at its first use.

    Where it cannot be kept (a read-only home), a key for this process takes its place, with a warning.

    Raises:
        RecordingError: there is a key file, and it holds no key.
    """
    path = config_folder() / FILE
    try:
        return _read(path) if path.exists() else _made(path)
    except OSError as error:
        return _passing_key(str(path), error.strerror or str(error))


def _read(path: Path) -> bytes:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise RecordingError(
            f"{path}: expected a key of {2 * KEY_BYTES} hexadecimal digits, found {len(text)} other characters;"
            " delete the file and a new key is made (devices then get new keys in new recordings)"
        )
    return key


def _made(path: Path) -> bytes:
    """Makes the key whole or not at all; when two processes try, both use the one that came first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=f".{FILE}-", dir=path.parent)  # readable by its owner only
    new = Path(name)
    try:
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
        try:
            os.link(new, path)  # unlike a rename it never replaces the key of another process
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            if not path.exists():
                new.replace(path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink()
    return _read(path)


@functools.cache
def _passing_key(path: str, why: str) -> bytes:
    _log.warning("%s cannot be kept (%s): device keys of this process differ from those of others", path, why)
    return secrets.token_bytes(KEY_BYTES)
