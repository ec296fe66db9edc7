"""What is configured outside the code: environment variables and the folder of settings.

Knows each variable's name and meaning (`VARIABLES`), how an MQTT address is written, and where this platform
keeps settings; refuses to talk to any server. Servers, runs, recordings, `doctor` and `cli` ask it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from otakit.errors import SettingsError

VARIABLES = {
    "OTAKIT_SERVER": "a ThingsBoard to use in place of the twin: https://host or http://host:8080",
    "OTAKIT_MQTT": "its MQTT address, when it is not port 1883 of the same host: host:port, mqtts://host:8883",
    "OTAKIT_USER": "the tenant administrator who logs in there",
    "OTAKIT_PASSWORD": "that user's password; asked for when missing",
    "OTAKIT_TOKEN": "a device's access token, for `otakit update`; asked for when missing",
    "OTAKIT_TWIN_PASSWORD": "the operator's password of `otakit twin`; off loopback a random one when missing",
    "OTAKIT_CONFIG_DIR": "the folder for otakit's own settings",
    "OTAKIT_ENGINE_TGZ": "a local file of the diagram engine, for setting up a machine without network",
    "OTAKIT_PLANTUML": "the command of a Java PlantUML, used where the engine is missing",
    "OTAKIT_DEBUG": "1: show where an error came from, not only what it says",
}
"""Every environment variable that otakit reads, and what it means."""

MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


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
