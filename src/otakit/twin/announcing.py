"""What a twin says of itself when it listens: where its doors are, who may use them, what to type into a device.

Pure: facts in, text out. Access tokens stand in it only when they are asked for, since what is printed at a
start ends in logs; the password of the operator does, since nobody could guess it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

TELEMETRY = "v1/devices/me/telemetry"
TOKEN = "<token>"  # noqa: S105 - a place to type one


class Ready(Protocol):
    """A device that a lab file declared."""

    @property
    def name(self) -> str:
        """As the server knows it."""

    @property
    def kind(self) -> str:
        """The type of its credentials."""

    @property
    def token(self) -> str | None:
        """Its access token."""


@dataclass(frozen=True, slots=True)
class About:
    """The facts.

    Attributes:
        addresses: what a device can type for this machine, the likeliest first.
        mqtts: the port of MQTT over TLS; None without that door.
        is_open: others than this machine can reach it.
        is_default_login: user and password are ThingsBoard's own.
        ca_file: what a device must trust for TLS.
        devices: of the lab file.
        show_tokens: whether they may be printed.
        is_windows: how a shell there sets variables.
    """

    addresses: Sequence[str]
    mqtt: int
    http: int
    user: str
    password: str = field(repr=False)
    mqtts: int | None = None
    version: str = ""
    is_open: bool = False
    is_default_login: bool = True
    ca_file: str | None = None
    data: str | None = None
    records: str | None = None
    devices: Sequence[Ready] = field(default=(), repr=False)
    show_tokens: bool = False
    is_windows: bool = False

    @property
    def host(self) -> str:
        """The likeliest address, as it stands in a URL."""
        return in_url(self.addresses[0])

    @property
    def url(self) -> str:
        """Of the REST door and the page."""
        return f"http://{self.host}:{self.http}"


def in_url(address: str) -> str:
    """An address as a URL has it."""
    return f"[{address}]" if ":" in address else address


def as_json(about: About) -> str:
    """One line for a program that started the twin."""
    host = about.addresses[0]
    facts: dict[str, object] = {
        "mqtt": (host, about.mqtt),
        "http": (host, about.http),
        "url": about.url,
        "user": about.user,
        "password": about.password,
    }
    if about.mqtts is not None:
        facts |= {"mqtts": (host, about.mqtts), "ca_file": about.ca_file}
    if about.show_tokens:
        facts["tokens"] = {device.name: device.token for device in about.devices if device.token is not None}
    return json.dumps(facts)


def in_words(about: About) -> str:
    """For a person."""
    parts = (_opening(about), _doors(about), _devices(about), _typed(about), _elsewhere(about))
    return "\n\n".join("\n".join(part) for part in parts if part)


def _opening(about: About) -> list[str]:
    version = f" {about.version}" if about.version else ""
    lines = [f"otakit's twin of ThingsBoard{version}: its behaviour, not a ThingsBoard. Ctrl-C ends it."]
    if about.is_open:
        lines += [
            "OPEN TO THE NETWORK: everyone who reaches this machine can connect devices, and operate it with the",
            "user and password below. MQTT and HTTP are not encrypted.",
        ]
    return lines


def _doors(about: About) -> list[str]:
    rows = [("MQTT", f"mqtt://{about.host}:{about.mqtt}")]
    if about.mqtts is not None:
        rows += [("MQTTS", f"mqtts://{about.host}:{about.mqtts}"), ("trust", f"{about.ca_file}  (give it to devices)")]
    known = "as on every fresh ThingsBoard" if about.is_default_login else "asked for by the page and by REST"
    rows += [
        ("HTTP", f"{about.url}  (REST, and /api/v1 for devices)"),
        ("page", f"{about.url}/"),
        ("login", f"{about.user}, password {about.password}, {known}"),
        ("keeps", f"everything, in {about.data}" if about.data else "nothing: it forgets when it ends (--data keeps)"),
    ]
    if about.records:
        rows.append(("records", f"each device in a file of its own, in {about.records}"))
    others = [in_url(each) for each in about.addresses[1:]]
    if others:
        rows.append(("also at", ", ".join(others)))
    return [f"  {name:<8} {value}" for name, value in rows]


def _devices(about: About) -> list[str]:
    if not about.devices:
        return []
    if not about.show_tokens:
        count = len(about.devices)
        return [f"  {count} device{'s' * (count != 1)} of the lab file; --show-tokens prints their access tokens"]
    width = max(len(device.name) for device in about.devices)
    return [f"  {device.name:<{width}}  {device.token or device.kind}" for device in about.devices]


def _typed(about: About) -> list[str]:
    """The settings, as each kind of device wants them."""
    address, tls = about.addresses[0], about.mqtts is not None
    port, scheme = (about.mqtts, "mqtts") if tls else (about.mqtt, "mqtt")
    trusted = f', tls=True, ca_certs="{about.ca_file}"' if tls else ""
    more = " `" if about.is_windows else " \\"
    lines = [
        "Type into a device (its access token for " + TOKEN + "):",
        f'  ESP-IDF   CONFIG_MQTT_BROKER_URL="{scheme}://{about.host}"  CONFIG_MQTT_BROKER_PORT={port}',
        f'            CONFIG_MQTT_ACCESS_TOKEN="{TOKEN}"        (idf.py menuconfig, ThingsBoard OTA configuration)',
        f'  Arduino   constexpr char THINGSBOARD_SERVER[] = "{address}";',
        f'            constexpr uint16_t THINGSBOARD_PORT = {port}U;  constexpr char TOKEN[] = "{TOKEN}";'
        + ("  ROOT_CERT[] = the text of that file" if tls else ""),
        f'  Python    TBDeviceMqttClient("{address}", {port}, "{TOKEN}").connect({trusted[2:]})',
        f"  otakit    otakit update {scheme}://{about.host}:{port}" + (f' --ca-file "{about.ca_file}"' if tls else ""),
        f"  shell     mosquitto_pub -h {address} -p {port} -u {TOKEN} -q 1 -t {TELEMETRY}"
        + (f' --cafile "{about.ca_file}"' if tls else "")
        + more,
        """            -m '{"current_fw_title":"pump","current_fw_version":"1.9"}'""",
    ]
    if not about.is_open:
        lines.append("  Only this machine reaches it; for a device on your network start it with --host 0.0.0.0")
    return lines


def _elsewhere(about: About) -> list[str]:
    values = {"OTAKIT_SERVER": about.url, "OTAKIT_MQTT": f"{about.host}:{about.mqtt}", "OTAKIT_USER": about.user}
    if about.is_default_login:
        values["OTAKIT_PASSWORD"] = about.password
    if about.is_windows:
        said = "; ".join(f'$env:{name}="{value}"' for name, value in values.items()) + "; python"
    else:
        said = " ".join(f"{name}={value}" for name, value in values.items()) + " python"
    return ["In another terminal or a notebook:", f"  {said}"]
