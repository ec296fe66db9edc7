"""Entries that are there already, as a recording: simulated runs, and recordings made from others.

Knows that the same entries give the same bytes on every machine: no clock, no user's key, no version
goes into the file. The shape is `record.scribe`'s, as for what is recorded live.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from otakit.captured import CapturedPacket, Entry, OpenedConnection
from otakit.errors import RecordingError
from otakit.record import growing
from otakit.record.keeping import Keep
from otakit.record.scribe import Scribe

SIMULATED_KEY = b"otakit simulated run"


def entries_to_bytes(
    entries: Iterable[Entry],
    *,
    keep: Keep = "all",
    notes: Mapping[str, str] | None = None,
    key: bytes = SIMULATED_KEY,
    outcome: Mapping[str, object] | None = None,
) -> Iterator[bytes]:
    """The recording of entries, piece by piece.

    Args:
        entries: in the order in which they happened; device keys that they carry are kept.
        keep: image bytes kept of each chunk: ``all``, ``head`` or ``none``.
        notes: the user's own, into the metadata.
        key: under which device keys are made where entries carry none.
        outcome: what the last block says.

    Raises:
        SettingsError: an unknown `keep`, or notes that are too long.
    """
    scribe = Scribe(keep, {"notes": dict(notes or {})}, key)
    yield scribe.opening()
    opened: dict[int, str | None] = {}
    at_ns = 0
    for entry in entries:
        if isinstance(entry, OpenedConnection):
            if entry.number not in opened:
                yield from scribe.connection(entry.number, entry.client, entry.server)
            opened[entry.number] = entry.device_key
            continue
        at_ns = max(at_ns, entry.at_ns)
        if isinstance(entry, CapturedPacket):
            yield from _packet(scribe, entry, opened.get(entry.connection))
        else:
            yield from scribe.note(entry.name, entry.fields, entry.connection, entry.about, entry.at_ns)
    yield from scribe.outcome(outcome or {}, at_ns)


def _packet(scribe: Scribe, entry: CapturedPacket, key: str | None) -> list[bytes]:
    marks = dict(entry.marks)
    if key is not None and entry.raw[:1] == b"\x10":
        marks.setdefault("device_key", key)
    cut = entry.length if len(entry.raw) < entry.length else None
    return scribe.packet(
        entry.number, entry.connection, entry.direction, entry.raw, entry.at_ns, length=cut, marks=marks
    )


def entries_to_file(
    entries: Iterable[Entry],
    path: str | Path,
    *,
    keep: Keep = "all",
    notes: Mapping[str, str] | None = None,
    key: bytes = SIMULATED_KEY,
    outcome: Mapping[str, object] | None = None,
) -> Path:
    """Writes `entries_to_bytes` into a file, and returns its path.

    Raises:
        RecordingError: the file cannot be written.
        SettingsError: an unknown `keep`, or notes that are too long.
    """
    whole = Path(path)
    pieces = entries_to_bytes(entries, keep=keep, notes=notes, key=key, outcome=outcome)
    file = growing.create(whole, next(pieces))
    try:
        for piece in pieces:
            growing.append(file, piece)
    except OSError as error:
        raise RecordingError(f"{path}: the recording cannot be written ({error.strerror or error})") from error
    finally:
        growing.finish(whole, file)
    return whole
