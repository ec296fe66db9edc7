"""`update` waits for the end of an update, `start_update` returns a `Handle` while it runs in the background.

Knows settings by their names and where recordings go; the run itself is `run.handle`'s. Notebooks, the
command line, the demo and the lessons call it.
"""

from __future__ import annotations

import importlib
import re
import threading
import weakref
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from otakit.captured import Address
from otakit.client.credentials import Credentials
from otakit.client.disk import Installer
from otakit.client.vocabulary import Settings
from otakit.errors import SettingsError
from otakit.faults import LinkSettings, parse_link
from otakit.record.keeping import Keep
from otakit.record.pcapng import Recorder
from otakit.run.handle import Handle
from otakit.run.peer import Peer, peer_of
from otakit.run.progress import display_for, in_notebook
from otakit.servers import Device
from otakit.session import Session


def update(
    device: Device | Peer,
    *,
    settings: Settings | None = None,
    link: str | LinkSettings | None = None,
    record: str | Path | None = None,
    keep: Keep = "all",
    notes: Mapping[str, str] | None = None,
    show_progress: bool = True,
    installer: Installer | None = None,
    **changes: Any,
) -> Session:
    """Brings a device to the packages that its server assigns, and returns the story of it.

    Args:
        device: from ``server.add_device``, or a `Peer`.
        settings: how the client behaves.
        link: a simulated link in front of the server, such as ``40 ms, 2 Mbit/s``.
        record: the recording's file; ``recordings/<device>-<time>.pcapng`` without.
        keep: image bytes in the recording: ``all``, ``head`` or ``none``.
        notes: the user's own, kept with the recording.
        show_progress: bars in a terminal or notebook, lines in a log.
        installer: the user's own, heard before the device's.
        **changes: single settings, such as ``chunk_bytes=65536`` or ``window=1``.

    Raises:
        TransportError: the server cannot be reached, or refused the device.
        SettingsError: a setting that cannot be used.

    Example:
        >>> session = otakit.update(device, chunk_bytes=16_384)
        >>> session.outcome
        {'firmware': 'UPDATED'}
    """
    handle = start_update(
        device, settings=settings, link=link, record=record, keep=keep, notes=notes, installer=installer, **changes
    )
    return handle.watched(display_for(show_progress))


def start_update(
    device: Device | Peer,
    *,
    settings: Settings | None = None,
    link: str | LinkSettings | None = None,
    record: str | Path | None = None,
    keep: Keep = "all",
    notes: Mapping[str, str] | None = None,
    installer: Installer | None = None,
    **changes: Any,
) -> Handle:
    """As `update`, in the background: returns at once.

    Returns:
        A handle: ``handle.session`` grows, ``handle.wait()`` ends it. While the same update of this device runs,
        its handle: two clients with one token would throw each other out for ever.

    Raises:
        SettingsError: an update of this device is under way with other settings.
    """
    if in_notebook():
        importlib.import_module("otakit.analyse.plots")  # half a second that the running update would miss
    peer = peer_of(device, installer)
    chosen, path_between = settings_from(settings, changes), parse_link(link)
    with _starting:
        running = _running.get((peer.address, peer.credentials))
        if running is not None and running.running:
            return _same(running, peer.name, chosen, path_between)
        path = recording_path(peer.name) if record is None else own_path(record)
        handle = Handle(peer, chosen, path_between, Recorder(path, keep=keep, notes=notes))
        _running[peer.address, peer.credentials] = handle
    return handle


_starting = threading.Lock()
_running: weakref.WeakValueDictionary[tuple[Address, Credentials], Handle] = weakref.WeakValueDictionary()


def _same(running: Handle, name: str, settings: Settings, link: LinkSettings) -> Handle:
    """The running update, when it is the one that is asked for."""
    if running.settings == settings and running.link_settings == link:
        return running
    raise SettingsError(
        f"an update of {name} is under way with other settings; wait for it with handle.wait(), or end it with "
        "handle.stop()"
    )


def settings_from(settings: Settings | None, changes: Mapping[str, Any]) -> Settings:
    """The settings with single ones changed.

    Raises:
        SettingsError: an unknown name, or a value that cannot be used.
    """
    try:
        return replace(settings or Settings(), **changes)
    except TypeError as error:
        unknown = [name for name in changes if name not in Settings.__dataclass_fields__]
        known = ", ".join(Settings.__dataclass_fields__)
        raise SettingsError(f"there is no setting {', '.join(unknown) or error}; there are {known}") from error


def recording_path(name: str) -> Path:
    """A new file for a recording: ``recordings/<device>-<time>.pcapng`` under the current folder."""
    folder = Path("recordings")
    plain = re.sub(r"[^\w.-]+", "-", name).strip(".-")[:60] or "device"
    stem = f"{plain}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    names = (stem, *(f"{stem}-{number}" for number in range(2, 10_000)))
    folder.mkdir(exist_ok=True)
    return next(path for each in names if not (path := folder / f"{each}.pcapng").exists())


def own_path(record: str | Path) -> Path:
    """The file that the caller named, its folder made."""
    path = Path(record)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
