"""Which server this process talks to: the ThingsBoard of ``OTAKIT_SERVER``, else one twin."""

from __future__ import annotations

import atexit
import os

from otakit.servers.local import Twin
from otakit.servers.remote import ThingsBoard
from otakit.servers.verbs import Server

_shared: list[Server] = []


def server() -> Server:
    """The server of this process, the same at every call: a ThingsBoard when ``OTAKIT_SERVER`` names one, else a twin.

    ``OTAKIT_MQTT`` (host:port), ``OTAKIT_USER`` and ``OTAKIT_PASSWORD`` complete it; the password is asked
    for when it is missing.
    """
    if not _shared or _shared[0].closed:
        url = os.environ.get("OTAKIT_SERVER", "").strip()
        _shared[:] = [ThingsBoard(url, os.environ.get("OTAKIT_MQTT")) if url else Twin()]
        atexit.register(_shared[0].close)
    return _shared[0]
