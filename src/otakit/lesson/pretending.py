"""A client that says all that an update says, and installs nothing.

For lesson 09: what passes on the wire is right, or lacks just the status that it was told to leave out.
It asks once, one chunk at a time, and gives up at the first trouble; no client to ship.
"""

from __future__ import annotations

from pathlib import Path

from otakit.errors import SettingsError
from otakit.lesson.talk import Talk, talk
from otakit.protocol.messages import ATTRIBUTES_RESPONSE_FILTER, ATTRIBUTES_TOPIC, Kind, chunk_filter, error_filter
from otakit.run import Peer, peer_of
from otakit.servers import Device
from otakit.session import Session

CHUNK_BYTES = 4096


def pretend(device: Device | Peer, *, leave_out: str = "", record: str | Path | None = None) -> Session:
    """Talks to the server as a device does that updates itself; the device stays as it is.

    Args:
        device: from ``server.add_device``; firmware with a stored image is assigned to it.
        leave_out: a status that is not said, such as ``VERIFIED``.
        record: the recording's file, as for `talk`.

    Raises:
        SettingsError: no stored image is assigned to the device, or its chunks do not come.
    """
    filters = (ATTRIBUTES_TOPIC, ATTRIBUTES_RESPONSE_FILTER, chunk_filter(Kind.FIRMWARE), error_filter(Kind.FIRMWARE))
    with talk(device, record=record) as line:
        line.connect()
        line.subscribe(*filters)
        title, version = peer_of(device).hardware.running(Kind.FIRMWARE) or ("", "")
        line.report({"current_fw_title": title, "current_fw_version": version})
        offered = line.request_attributes().body.get("shared", {})
        if "fw_size" not in offered:
            raise SettingsError("no stored firmware is assigned to this device: server.assign(package, to=device)")
        _say(line, "DOWNLOADING", leave_out)
        _fetch(line, offered["fw_size"])
        for status in ("DOWNLOADED", "VERIFIED", "UPDATING"):
            _say(line, status, leave_out)
        line.disconnect()
        line.connect()  # here a device would have restarted, with the new image
        line.subscribe(*filters)
        line.request_attributes()
        _say(line, "UPDATED", leave_out, current_fw_title=offered["fw_title"], current_fw_version=offered["fw_version"])
        line.disconnect()
        return line.session


def _say(line: Talk, status: str, leave_out: str, **runs: str) -> None:
    if status != leave_out:
        line.report({**runs, "fw_state": status})


def _fetch(line: Talk, size: int) -> None:
    """Asks for every chunk, the next one when the last has come."""
    for index in range(-(-size // CHUNK_BYTES)):
        if not line.request_chunk(1, index, CHUNK_BYTES).payload:
            raise SettingsError(f"chunk {index} did not come; assign the package anew, and run this once more")
