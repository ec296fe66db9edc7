"""What is configured outside the code: environment variables and the configuration folder.

Knows each variable's name, form and meaning (`VARIABLES`) and where this platform keeps settings;
refuses to talk to any server. `servers` asks it which server is meant, recordings ask for the
folder of their key, `doctor` and the command line show what is set.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from otakit.errors import SettingsError

VARIABLES = {
    "OTAKIT_SERVER": "a ThingsBoard to use in place of the twin: https://host or http://host:8080",
    "OTAKIT_MQTT": "its MQTT address, when it is not port 1883 of the same host: host:port, mqtts://host:8883",
    "OTAKIT_USER": "the tenant administrator who logs in there",
    "OTAKIT_PASSWORD": "that user's password; asked for when missing",
    "OTAKIT_TOKEN": "a device's access token, for `otakit update`; asked for when missing",
    "OTAKIT_CONFIG_DIR": "the folder for otakit's own settings",
    "OTAKIT_ENGINE_TGZ": "a local file of the diagram engine, for setting up a machine without network",
    "OTAKIT_PLANTUML": "the command of a Java PlantUML, used where the engine is missing",
    "OTAKIT_DEBUG": "1: show where an error came from, not only what it says",
}
"""Every environment variable that otakit reads, and what it means."""

MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class ChosenServer:
    """The ThingsBoard that the environment names.

    Attributes:
        url: of its REST door, without a slash at the end.
        mqtt: host and port of its MQTT door.
        tls: whether MQTT there speaks TLS.
    """

    url: str
    mqtt: tuple[str, int]
    tls: bool
    user: str | None
    password: str | None = field(repr=False)


def chosen_server() -> ChosenServer | None:
    """The server of OTAKIT_SERVER, or None when lessons run on the twin.

    Raises:
        SettingsError: an address that cannot be understood; says which variable and what form it needs.
    """
    url = os.environ.get("OTAKIT_SERVER", "").strip().rstrip("/")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"OTAKIT_SERVER is {url!r}; it needs the form https://host or http://host:8080")
    host, port, tls = mqtt_address(os.environ.get("OTAKIT_MQTT") or parts.hostname)
    user = os.environ.get("OTAKIT_USER") or None
    return ChosenServer(url, (host, port), tls, user, os.environ.get("OTAKIT_PASSWORD") or None)


def mqtt_address(text: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS is meant, from ``host``, ``host:port``, ``mqtt://…`` or ``mqtts://…``.

    Raises:
        SettingsError: the text is none of these.
    """
    wanted = f"an MQTT address is host, host:port, mqtt://host:port or mqtts://host:port, not {text!r}"
    try:
        parts = urlsplit(text if "://" in text else f"mqtt://{text}")
        port = parts.port
    except ValueError:
        raise SettingsError(wanted) from None
    if parts.scheme not in MQTT_PORTS or not parts.hostname or parts.username or parts.path.strip("/") or port == 0:
        raise SettingsError(wanted)
    return parts.hostname, port or MQTT_PORTS[parts.scheme], parts.scheme == "mqtts"


def config_folder() -> Path:
    """Where otakit keeps what it must remember between runs; not made until something is kept."""
    if chosen := os.environ.get("OTAKIT_CONFIG_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "otakit"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "otakit"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "otakit"


def is_debugging() -> bool:
    """Whether errors show where they came from."""
    return os.environ.get("OTAKIT_DEBUG", "") not in ("", "0")
