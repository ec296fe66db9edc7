"""Recordings: standard pcapng files that Wireshark opens, written while they happen.

The face of `recorder` (live), `reader` (whole, growing or cut) and `writing` (simulated runs).
"""

from otakit.record.keeping import Keep
from otakit.record.reader import Reader, Recording, read
from otakit.record.recorder import Recorder
from otakit.record.writing import entries_to_bytes, entries_to_file

__all__ = ["Keep", "Reader", "Recorder", "Recording", "entries_to_bytes", "entries_to_file", "read"]
