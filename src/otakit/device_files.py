"""A recording for each device of a server: whoever hears all connections, sorts them into files.

Knows which connection is whose once its CONNECT was accepted, and holds the first packets until then.
Every packet is in its file before the next one passes, so a killed process loses none; no more files are
open than `MOST_OPEN`. Of the server it knows only `Heard`. `cli` puts it beside the twin.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from otakit.captured import Address, Watcher
from otakit.errors import RecordingError
from otakit.protocol.messages import Direction
from otakit.record import growing
from otakit.record.keeping import Keep
from otakit.record.key import recording_key
from otakit.record.scribe import NOWHERE, Scribe
from otakit.twin.authority import safe_name

STRANGERS = "strangers"
"""The file of connections that never became a device's: refused ones, provisioning."""
MOST_OPEN = 64
MOST_HELD = 64
"""Packets of one connection that wait for its CONNACK."""
MOST_WAITING = 256
"""Connections whose owner is not known yet; of one more, the oldest is taken for a stranger's."""
MOST_KNOWN = 65_536
"""Connections that are remembered; one that was silent for longest is looked up anew."""
_CONNECT, _CONNACK = 0x10, 0x20
_log = logging.getLogger("otakit.record")
_Held = tuple[Direction, bytes, int]


class Heard(Protocol):
    """A server whose connections are heard."""

    watchers: list[Watcher]

    def device_name(self, watcher: Watcher, connection: int) -> str | None:
        """Whose connection a watcher hears; None while it is nobody's."""


@contextmanager
def recorded(folder: Path | None, keep: Keep = "all") -> Iterator[Callable[[Heard], None]]:
    """What makes a server's devices be recorded until the block ends; nothing without a folder.

    Raises:
        RecordingError: the folder cannot be made.
    """
    if folder is None:
        yield lambda _: None
        return
    files = DeviceFiles(folder, keep=keep)

    def watch(server: Heard) -> None:
        files.name_of = lambda connection: server.device_name(files, connection)
        server.watchers.append(files)

    try:
        yield watch
    finally:
        files.close()


@dataclass(slots=True)
class _Connection:
    """What is known of one connection; `held` until it is known whose it is."""

    ends: tuple[Address, Address]
    owner: str | None = None
    held: list[_Held] = field(default_factory=list)


@dataclass(slots=True)
class _Recording:
    """One file: what is written next depends on what was written before."""

    path: Path
    scribe: Scribe
    file: BinaryIO
    numbers: dict[int, int] = field(default_factory=dict)
    packets: int = 0
    good: int = 0
    failed: bool = False


class DeviceFiles:
    """Writes one recording a device into a folder; satisfies `captured.Watcher`. For one thread.

    Args:
        folder: made when it is missing; recordings that are there stay.
        name_of: the device of a connection by its number, None while it has none; may be set later.
        keep: image bytes kept of each chunk: ``all``, ``head`` or ``none``.
        key: under which device keys are made; None for the user's own.

    Raises:
        RecordingError: the folder cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        name_of: Callable[[int], str | None] = lambda _: None,
        *,
        keep: Keep = "all",
        key: bytes | None = None,
    ) -> None:
        self.folder, self.name_of, self._keep = folder, name_of, keep
        self._key = recording_key() if key is None else key
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(f"{folder}: cannot hold recordings ({error.strerror}); choose another one") from error
        self._count = self._packets = 0
        self._known: OrderedDict[int, _Connection] = OrderedDict()
        self._waiting: OrderedDict[int, None] = OrderedDict()
        self._recordings: dict[str | None, _Recording] = {}
        self._open: OrderedDict[str | None, None] = OrderedDict()

    @property
    def paths(self) -> dict[str, Path]:
        """The recordings by device."""
        return {name or STRANGERS: each.path for name, each in self._recordings.items()}

    def connection(self, client: Address, server: Address) -> int:
        """A connection opened; returns its number."""
        number, self._count = self._count, self._count + 1
        self._remember(number, _Connection((client, server)))
        self._wait(number)
        return number

    def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
        """A whole control packet passed; returns its number over all files."""
        self._packets += 1
        at, found = time.time_ns() if at_ns is None else at_ns, self._find(connection)
        kind = raw[0] & 0xF0 if raw else 0
        if kind == _CONNECT and direction is Direction.TO_SERVER and connection not in self._waiting:
            self._wait(connection)  # a second CONNECT on one connection may be another device's
        if connection not in self._waiting:
            self._write(connection, found, (direction, raw, at))
            return self._packets
        found.held.append((direction, raw, at))
        if (kind == _CONNACK and direction is Direction.TO_DEVICE) or len(found.held) >= MOST_HELD:
            self._decide(connection)
        return self._packets

    def note(
        self,
        name: str,
        fields: Mapping[str, object],
        *,
        connection: int | None = None,
        about: int | None = None,
        at_ns: int | None = None,
    ) -> None:
        """Something only the recording side knows; it goes into the file of its connection."""
        del about  # packets are counted anew in each file
        if connection is None:
            return
        if connection in self._waiting:
            self._decide(connection)
        found = self._find(connection)
        recording = self._recording(found.owner)
        number = self._number(recording, connection, found)
        at = time.time_ns() if at_ns is None else at_ns
        self._append(found.owner, recording, recording.scribe.note(name, dict(fields), number, None, at))

    def close(self) -> None:
        """Writes what is held and ends all recordings; a second call does nothing."""
        while self._waiting:
            self._decide(next(iter(self._waiting)))
        for owner, recording in self._recordings.items():
            self._append(owner, recording, recording.scribe.outcome({}, time.time_ns()))
            growing.finish(recording.path, recording.file)
        self._recordings.clear()
        self._open.clear()

    def _remember(self, number: int, connection: _Connection) -> None:
        self._known[number] = connection
        while len(self._known) > MOST_KNOWN:
            oldest, _ = self._known.popitem(last=False)
            self._waiting.pop(oldest, None)

    def _find(self, number: int) -> _Connection:
        if number not in self._known:
            self._remember(number, _Connection((NOWHERE, NOWHERE), self.name_of(number)))
        self._known.move_to_end(number)
        return self._known[number]

    def _wait(self, number: int) -> None:
        self._waiting[number] = None
        while len(self._waiting) > MOST_WAITING:
            self._decide(next(iter(self._waiting)))

    def _decide(self, number: int) -> None:
        """From here on it is known whose connection it is, or that it is a stranger's."""
        del self._waiting[number]
        connection = self._known[number]
        connection.owner = self.name_of(number)
        held, connection.held = connection.held, []
        for each in held:
            self._write(number, connection, each)

    def _write(self, number: int, connection: _Connection, packet: _Held) -> None:
        recording = self._recording(connection.owner)
        line = self._number(recording, number, connection)
        recording.packets += 1
        direction, raw, at = packet
        self._append(connection.owner, recording, recording.scribe.packet(recording.packets, line, direction, raw, at))

    def _recording(self, owner: str | None) -> _Recording:
        found = self._recordings.get(owner)
        if found is None:
            path = self._path(owner)
            scribe = Scribe(self._keep, {"notes": {"device": owner} if owner else {}}, self._key)
            opening = scribe.opening()
            found = _Recording(path, scribe, growing.create(path, opening), good=len(opening))
            self._recordings[owner] = found
            self._use(owner)
        return found

    def _path(self, owner: str | None) -> Path:
        """A name that is free: what an earlier run recorded stays."""
        stem = STRANGERS if owner is None else safe_name(owner)
        names = (f"{stem}.pcapng", *(f"{stem}-{number}.pcapng" for number in range(2, 100_000)))
        return next(path for name in names if not (path := self.folder / name).exists())

    def _number(self, recording: _Recording, number: int, connection: _Connection) -> int:
        """The connection's number within the file; its first use opens it there."""
        if number not in recording.numbers:
            recording.numbers[number] = len(recording.numbers)
            self._append(
                connection.owner, recording, recording.scribe.connection(recording.numbers[number], *connection.ends)
            )
        return recording.numbers[number]

    def _append(self, owner: str | None, recording: _Recording, parts: list[bytes]) -> None:
        if recording.failed:
            return
        try:
            if recording.file.closed:
                recording.file = recording.path.open("ab", buffering=0)
            self._use(owner)
            data = b"".join(parts)
            growing.append(recording.file, data)
            recording.good += len(data)
        except OSError as error:
            recording.failed = True
            growing.cut_back(recording.file, recording.good)
            _log.warning("the recording %s ends here: %s", recording.path, error.strerror or error)

    def _use(self, owner: str | None) -> None:
        """Marks a file as used last, and closes the one that was not for longest."""
        self._open[owner] = None
        self._open.move_to_end(owner)
        while len(self._open) > MOST_OPEN:
            oldest, _ = self._open.popitem(last=False)
            self._recordings[oldest].file.close()
