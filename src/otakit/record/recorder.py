"""The recorder: hears packets while they happen and writes them from its own thread.

Knows threads, the clock and the file; the shape of what is written is `record.scribe`'s. On the thread
that hears, a packet costs a number, a time and an append under one lock; masking, hashing and writing
happen later, in batches. Never raises into the caller: a disk that is full ends the recording with one
warning, and the update goes on.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Self

from otakit.captured import Address
from otakit.protocol.messages import Direction
from otakit.record import growing
from otakit.record.keeping import Keep
from otakit.record.key import recording_key
from otakit.record.scribe import Scribe

EVERY_S = 0.2  # no longer does a packet wait before it is written; each waking takes time from the wire
HURRY_BYTES = 4 << 20  # so much waiting wakes the writer at once
MOST_BYTES = 8 << 20  # so much waiting makes the caller wait
WRITE_BYTES = 1 << 20  # bytes joined for one write
YIELD_PACKETS = 256  # the interpreter runs one thread at a time: after so many the writer lets others run
ITEM_BYTES = 200  # what a queued packet costs beside its bytes
_log = logging.getLogger("otakit.record")
_Packet = tuple[int, int, Direction, bytes, int]  # the arguments of `Scribe.packet`
_Item = _Packet | Callable[[], list[bytes]] | threading.Event


class Recorder:
    """Writes what it hears into a pcapng file; satisfies `captured.Watcher`. Thread-safe.

    Args:
        path: the file; one that is there is replaced.
        keep: image bytes kept of each chunk: ``all``, ``head`` (the first 32) or ``none``.
        notes: the user's own, such as ``{"site": "Wuhan"}``; they become columns.
        key: under which device keys are made; None for the user's own (`record.key`).

    Attributes:
        path: the file.
        failure: why the recording ended before its time; None while all is well.

    Raises:
        RecordingError: the file cannot be written.
        SettingsError: an unknown `keep`, or notes that are too long.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        keep: Keep = "all",
        notes: Mapping[str, str] | None = None,
        key: bytes | None = None,
    ) -> None:
        self.path = Path(path)
        self.failure: str | None = None
        self._scribe = Scribe(keep, {"notes": dict(notes or {})}, recording_key() if key is None else key)
        self._file = growing.create(self.path, self._scribe.opening())
        self._good = self._file.tell()  # bytes of whole blocks
        # The lock guards all below; the condition is told when there is room, and when all is written.
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._queue: list[_Item] = []
        self._held = 0  # bytes heard and not written
        self._packets = self._connections = 0
        self._open = True
        self._hurry = threading.Event()
        # Monotonic, so that a clock set in the middle bends no latency; UTC as of now.
        self._utc_ns = time.time_ns() - time.perf_counter_ns()
        self._thread = threading.Thread(target=self._run, name="otakit-recorder", daemon=True)
        self._thread.start()
        atexit.register(self.flush)

    def connection(self, client: Address, server: Address) -> int:
        """A connection opened; returns its number, from 0."""
        with self._lock:
            number, self._connections = self._connections, self._connections + 1
            self._later(partial(self._scribe.connection, number, client[:2], server[:2]))
        return number

    def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
        """A whole control packet passed; returns its number, from 1. `at_ns` None: now.

        Waits only while more than `MOST_BYTES` are unwritten.
        """
        with self._lock:
            number = self._packets = self._packets + 1
            if not self._open:
                return number
            if at_ns is None:
                at_ns = self._utc_ns + time.perf_counter_ns()
            self._queue.append((number, connection, direction, raw, at_ns))
            held = self._held = self._held + len(raw) + ITEM_BYTES
        if held > HURRY_BYTES:
            if not self._hurry.is_set():  # asking is cheaper than setting it for every packet
                self._hurry.set()
            if held > MOST_BYTES:
                self._wait_for_room()
        return number

    def repeat(self, connection: int, direction: Direction, raw: bytes) -> int:
        """A packet from before this recording, which readers need: CONNECT and CONNACK, marked *repeated*."""
        with self._lock:
            number = self._packets = self._packets + 1
            at_ns = self._utc_ns + time.perf_counter_ns()
            marks = {"repeated": True}
            self._later(partial(self._scribe.packet, number, connection, direction, raw, at_ns, marks=marks))
        return number

    def note(
        self,
        name: str,
        fields: Mapping[str, object],
        *,
        connection: int | None = None,
        about: int | None = None,
        at_ns: int | None = None,
    ) -> None:
        """Something only the recording side knows; `about` is the number of a packet."""
        with self._lock:
            if at_ns is None:
                at_ns = self._utc_ns + time.perf_counter_ns()
            self._later(partial(self._scribe.note, name, dict(fields), connection, about, at_ns))

    def flush(self) -> None:
        """Returns when everything heard so far is in the file, or the recording has failed."""
        written = threading.Event()
        with self._lock:
            if not self._open:
                return
            self._queue.append(written)
        self._hurry.set()
        while not written.wait(EVERY_S) and self._thread.is_alive():
            pass

    def close(self, outcome: Mapping[str, object] | None = None) -> None:
        """Writes all that was heard and the outcome, and ends; a second call does nothing."""
        with self._lock:
            if not self._open:
                return
            self._open = False
            at_ns = self._utc_ns + time.perf_counter_ns()
            self._queue.append(partial(self._scribe.outcome, dict(outcome or {}), at_ns))
        self._hurry.set()
        self._thread.join()
        growing.finish(self.path, self._file)
        atexit.unregister(self.flush)

    def __enter__(self) -> Self:
        """The recorder itself; the block's end closes it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Closes it; what broke the block is named in the outcome."""
        self.close({"ended_by": kind.__name__} if kind is not None else None)

    def _later(self, item: _Item) -> None:
        """Queues what is no packet; the lock is held."""
        if self._open:
            self._queue.append(item)

    def _wait_for_room(self) -> None:
        with self._room:
            while self._held > MOST_BYTES and self._thread.is_alive():
                self._room.wait(EVERY_S)

    def _run(self) -> None:
        """The writer's thread."""
        ending = False
        while not ending:
            self._hurry.wait(EVERY_S)
            self._hurry.clear()
            with self._lock:
                ending = not self._open
                batch, self._queue = self._queue, []
            self._write_batch(batch)

    def _write_batch(self, batch: list[_Item]) -> None:
        parts: list[bytes] = []
        size = 0  # of the packets among them, as `packet` counted it
        for count, item in enumerate(batch, 1):
            if isinstance(item, threading.Event):
                self._put(parts, size)
                parts, size = [], 0
                item.set()
                continue
            if self.failure is None:
                try:
                    parts += self._scribe.packet(*item) if isinstance(item, tuple) else item()
                except Exception as error:  # noqa: BLE001 - a fault in here must not end an update
                    self._fail(f"a fault in the recorder ({type(error).__name__})")
            if isinstance(item, tuple):
                size += len(item[3]) + ITEM_BYTES
            if size > WRITE_BYTES:
                self._put(parts, size)
                parts, size = [], 0
            if not count % YIELD_PACKETS:
                time.sleep(0)
        self._put(parts, size)

    def _put(self, parts: list[bytes], size: int) -> None:
        """Appends to the file, and tells who waits that there is room."""
        data = b"".join(parts)
        try:
            if self.failure is None and data:
                growing.append(self._file, data)
                self._good += len(data)
        except (OSError, ValueError) as error:
            self._fail(getattr(error, "strerror", None) or str(error))
        with self._room:
            self._held -= size
            self._room.notify_all()

    def _fail(self, why: str) -> None:
        """Ends the recording with one warning; what was written stays readable."""
        self.failure = (
            f"the recording {self.path} ends here, after {self._good:,} bytes: {why}. The update goes on unrecorded;"
            " make room on the disk, or record with keep='head'"
        )
        _log.warning("%s", self.failure)
        growing.cut_back(self._file, self._good)
