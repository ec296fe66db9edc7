"""A ThingsBoard that runs elsewhere, with the same verbs as the twin."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from otakit.errors import SettingsError
from otakit.servers.trust import trusting
from otakit.servers.verbs import Server
from otakit.settings import mqtt_address
from otakit.thingsboard import Operator


class ThingsBoard(Server):
    """A ThingsBoard that runs elsewhere.

    Args:
        url: its HTTP address, such as ``http://192.168.1.20:8080``.
        mqtt: for devices: ``host``, ``host:port`` or ``mqtts://host:port``; the same host and port 1883 without.
        user: tenant administrator; ``OTAKIT_USER`` without.
        password: its password; ``OTAKIT_PASSWORD`` without, else a prompt.
        ca_file: certificates to trust, of its MQTT and HTTP doors both, in place of the system's.

    Raises:
        SettingsError: an address that cannot be understood, certificates that cannot be read, or no user.
        TransportError: nobody answers there.
        ServerRefused: the login is wrong.
    """

    def __init__(
        self,
        url: str,
        mqtt: str | None = None,
        user: str | None = None,
        password: str | None = None,
        *,
        ca_file: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.url = url.strip().rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"ThingsBoard at {url!r}: the address needs the form https://host or http://host:8080")
        host, port, wants_tls = mqtt_address(mqtt or parts.hostname)
        self.ca_file = None if ca_file is None else Path(ca_file)
        https = trusting(ca_file) if parts.scheme == "https" else None
        self.mqtt, self.tls = (host, port), trusting(ca_file) if wants_tls else None
        user = user or os.environ.get("OTAKIT_USER")
        if not user:
            raise SettingsError("ThingsBoard: no user; set OTAKIT_USER, or give user=, the tenant administrator's name")
        self.operator = Operator(self.url, user, _password(password), tls=https)
        try:
            self.operator.login()
        except BaseException:
            self.operator.close()
            raise
        version = self.operator.version()
        self.label = f"ThingsBoard{f' {version}' if version else ''} at {self.url}, MQTT at {host}:{port}, link: none"


def _password(given: str | None) -> str:
    found = given or os.environ.get("OTAKIT_PASSWORD")
    if found is not None:
        return found
    from getpass import getpass  # noqa: PLC0415 - only a person needs it

    return getpass("ThingsBoard password: ")
