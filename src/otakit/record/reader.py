"""Reads a recording, whole or while it grows, and from any prefix of it.

Knows files and what to say of one that is cut, damaged or no recording; what the blocks mean is
`record.unfolding`'s. Holds at most a block and a piece of the file; entries are the caller's. Called
by sessions, the command line and the analysis of many recordings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otakit.captured import Entry
from otakit.errors import BrokenRecord, RecordingError, UnknownFormat
from otakit.record import growing
from otakit.record.blocks import MAGIC, Cutter
from otakit.record.unfolding import Unfolding

PIECE = 1 << 20  # bytes read at a time
_CLASSIC = {b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1"}
_OTHERS = {
    b"\x1f\x8b": "a gzip file; unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd file; unpack it first",
    b"PK\x03\x04": "a zip file; unpack it first",
    b"PAR1": "a Parquet file; read it with pandas.read_parquet",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as a whole.

    Attributes:
        cut: what is missing at its end, in one sentence; None when it is complete.
    """

    path: Path
    entries: list[Entry] = field(repr=False)
    metadata: Mapping[str, Any]
    outcome: Mapping[str, Any] | None
    cut: str | None


class Reader:
    """Gives the entries of a recording as they appear in the file.

    Raises:
        RecordingError: the file is not there, is a folder, is empty, or cannot be read.
        UnknownFormat: it is something else than a recording.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._cutter = Cutter()
        self._unfolding = Unfolding()
        self._at = 0
        self._damage: str | None = None
        self._check(self._piece(0, 16))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the recording says of itself: ``keep`` and the user's ``notes``; empty before the first read."""
        return self._unfolding.metadata

    @property
    def outcome(self) -> Mapping[str, Any] | None:
        """What its recorder said at the end; None for a recording that has none (yet)."""
        return self._unfolding.outcome

    @property
    def cut(self) -> str | None:
        """What is missing as far as it was read: None when complete, ``still growing`` while this process records."""
        if self._damage is not None:
            return self._damage
        whole = self._cutter.pending == 0 and self._unfolding.unfinished is None
        if self.outcome is not None and whole:
            return None
        if growing.is_growing(self.path):
            return "still growing"
        return (
            f"cut at byte {self._at:,}: {self._missing()}; the {self._unfolding.packets:,} packets before it are whole"
        )

    def read_new(self) -> list[Entry]:
        """The entries of all blocks that became whole since the last call.

        Raises:
            RecordingError: the file cannot be read any more.
            UnknownFormat: it turns out to be a capture of another kind.
            BrokenRecord: it is damaged at its very beginning; damage further on ends it, and `cut` says so.
        """
        return list(self.stream())

    def stream(self) -> Iterator[Entry]:
        """As `read_new`, one entry at a time: for recordings larger than memory.

        Raises:
            RecordingError: the file cannot be read any more.
            UnknownFormat: it turns out to be a capture of another kind.
        """
        while self._damage is None and (data := self._piece(self._at)):
            self._at += len(data)
            try:
                for block in self._cutter.feed(data):
                    yield from self._unfolding.entries(block)
            except BrokenRecord as error:
                if not error.offset:
                    raise BrokenRecord(f"{self.path}: {error}; nothing of it can be read", 0) from error
                self._damage = f"{error}; the {self._unfolding.packets:,} packets before it are whole"
            except UnknownFormat as error:
                raise UnknownFormat(f"{self.path}: {error}") from error

    def _missing(self) -> str:
        """What a reader would need next."""
        pending, expected = self._cutter.pending, self._cutter.expected
        if (long := self._unfolding.unfinished) is not None:
            return f"packet {long.number} of {long.length:,} bytes is there in part"
        if pending:
            of = f" of {expected:,}" if expected is not None else ""
            return f"the last block has {pending:,}{of} bytes"
        return "the outcome, which every finished recording ends with, is not there"

    def _piece(self, at: int, most: int = PIECE) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(at)
                return file.read(most)
        except FileNotFoundError as error:
            raise RecordingError(f"{self.path}: there is no such file; is the name right?") from error
        except IsADirectoryError as error:
            raise RecordingError(f"{self.path}: this is a folder; name a recording in it") from error
        except OSError as error:
            what = "this is a folder; name a recording in it" if self.path.is_dir() else f"cannot be read ({error})"
            raise RecordingError(f"{self.path}: {what}") from error

    def _check(self, start: bytes) -> None:
        """Refuses at once what cannot be a recording."""
        if not start:
            raise RecordingError(f"{self.path}: the file is empty; nothing was recorded into it")
        if start.startswith(MAGIC[: len(start)]):
            return
        if start[:4] in _CLASSIC:
            raise UnknownFormat(
                f"{self.path}: expected a recording of otakit, found a classic pcap capture;"
                " captures of other tools are not read yet, open it in Wireshark"
            )
        what = next((text for magic, text in _OTHERS.items() if start.startswith(magic)), None)
        what = what or f"bytes {start[:4].hex(' ')} where a pcapng file has 0a 0d 0d 0a"
        raise UnknownFormat(f"{self.path}: expected a recording (pcapng), found {what}")


def read(path: str | Path) -> Recording:
    """A recording as far as it goes.

    Raises:
        RecordingError: as `Reader`.
        UnknownFormat: as `Reader`.
        BrokenRecord: it is damaged before its first entry.
    """
    reader = Reader(path)
    entries = reader.read_new()
    return Recording(reader.path, entries, reader.metadata, reader.outcome, reader.cut)
