"""`lab.toml`: a laboratory declared in one file: settings, profiles, devices, packages and faults.

Pure: text in, a checked `Lab` out, or `LabError` with a line for every mistake. Knows what may stand in the
file and what must fit together; refuses to know files, certificates and the model (`furnishing`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otakit.protocol.checksums import ALGORITHMS
from otakit.protocol.messages import Kind
from otakit.twin import lab_checks
from otakit.twin.lab_reading import LabError, Problems, Row
from otakit.twin.settings import TwinSettings
from otakit.twin.toml_lines import toml_lines

DEFAULT_PROFILE = "default"
KINDS = {"firmware": Kind.FIRMWARE, "software": Kind.SOFTWARE}
TRANSPORTS = ("DEFAULT", "MQTT")
PROVISIONING = ("ALLOW_CREATE_NEW_DEVICES", "CHECK_PRE_PROVISIONED_DEVICES")
FIELDS: Mapping[str, Mapping[str, str]] = {
    "profile": {
        "name": "unique; devices and packages name it",
        "firmware": 'title and version of a package that all its devices get: "pump 1.10"',
        "software": "likewise",
        "transport": "DEFAULT or MQTT",
        "provision": "ALLOW_CREATE_NEW_DEVICES or CHECK_PRE_PROVISIONED_DEVICES; with the next two",
        "provision_key": "what a device shows at /provision/request",
        "provision_secret": "likewise",
    },
    "device": {
        "name": "unique",
        "profile": 'its device profile; "default" without',
        "label": "for people",
        "token": "its access token; a random one without",
        "mqtt": "client_id, user_name, password: MQTT basic credentials in place of a token",
        "certificate": "X.509 in place of a token: a PEM file, or true for one made by the twin's authority",
        "firmware": 'title and version of the package that is assigned to it: "pump 1.10"',
        "software": "likewise",
    },
    "package": {
        "kind": "firmware or software",
        "title": "with the version unique over both kinds",
        "version": 'as the device will report it, in quotes: "1.10"',
        "file": "the image; relative to the lab file",
        "size": "in place of a file: so many bytes, made from title and version, always the same",
        "url": "in place of a file: where devices fetch it themselves",
        "profile": 'whose devices can get it; "default" without',
        "tag": "shown to people and devices",
        "algorithm": "of its checksum; SHA256 without",
        "checksum": "of a URL package: as devices are told",
        "assign_to": "names of devices",
    },
}  # fmt: skip
"""Each table's fields and what they mean; the documentation is made of it."""


@dataclass(frozen=True, slots=True)
class LabProfile:
    """A device profile; `line` is where it stands."""

    name: str
    line: int
    packages: Mapping[Kind, str]
    transport: str
    provision: tuple[str, str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LabDevice:
    """A device and how it proves who it is."""

    name: str
    line: int
    profile: str
    label: str | None
    packages: Mapping[Kind, str]
    token: str | None = field(default=None, repr=False)
    mqtt: Mapping[str, str] | None = field(default=None, repr=False)
    certificate: str | bool = False


@dataclass(frozen=True, slots=True)
class LabPackage:
    """A package and where its bytes come from: a file, made ones, or a URL."""

    title: str
    version: str
    kind: Kind
    line: int
    profile: str
    tag: str | None
    algorithm: str
    file: str | None = None
    size: int | None = None
    url: str | None = None
    checksum: str | None = None
    assign_to: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Title and version, as assignments name it."""
        return f"{self.title} {self.version}"


@dataclass(frozen=True, slots=True)
class Lab:
    """A checked lab file.

    Attributes:
        file: its name, for what is found wrong later.
        faults: the ``[[fault]]`` tables, for `faults.parse_plan`.
    """

    file: str
    settings: TwinSettings
    profiles: tuple[LabProfile, ...]
    devices: tuple[LabDevice, ...]
    packages: tuple[LabPackage, ...]
    faults: tuple[Mapping[str, Any], ...]


def parse_lab(text: str, file: str = "lab.toml") -> Lab:
    """Reads a lab file.

    Args:
        text: what stands in it.
        file: its name, for mistakes.

    Raises:
        LabError: every mistake, with its line.
    """
    try:
        body = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LabError([lab_checks.no_toml(file, text, str(error))]) from error
    problems = Problems(file, toml_lines(text))
    known = ("settings", "fault", *FIELDS)
    for name in body:
        if name not in known:
            problems.add((name,), "", "", lab_checks.no_table(name, known))
    rows = {kind: _rows(body, kind, problems) for kind in FIELDS}
    lab = Lab(
        file,
        lab_checks.settings(body.get("settings", {}), problems),
        tuple(_profile(row, problems) for row in rows["profile"]),
        tuple(_device(row, problems) for row in rows["device"]),
        tuple(_package(row, problems) for row in rows["package"]),
        lab_checks.faults(body.get("fault", []), problems),
    )
    lab_checks.references(lab, rows)
    problems.check()
    return lab


def _rows(body: Mapping[str, Any], kind: str, problems: Problems) -> list[Row]:
    found = body.get(kind, [])
    if not isinstance(found, list):
        problems.add((kind,), "", "", f"write [[{kind}]] with two brackets: there may be several")
        return []
    return [Row(each, (kind, number), kind, problems, FIELDS[kind]) for number, each in enumerate(found)]


def _profile(row: Row, problems: Problems) -> LabProfile:
    name, provision = row.needed("name", '"pumps"'), None
    if "provision" in row:
        kind = row.chosen("provision", PROVISIONING, PROVISIONING[0])
        provision = (kind, row.needed("provision_key", '"…"'), row.needed("provision_secret", '"…"'))
    elif "provision_key" in row or "provision_secret" in row:
        row.wrong("provision_key", f"add provision = {' or '.join(PROVISIONING)}")
    transport = row.chosen("transport", TRANSPORTS, "DEFAULT")
    return LabProfile(name, problems.line(row.path), _assigned(row), transport, provision)


def _device(row: Row, problems: Problems) -> LabDevice:
    ways = [way for way in ("token", "mqtt", "certificate") if way in row]
    if len(ways) > 1:
        row.wrong(ways[1], f"a device has one kind of credentials, and {ways[0]} is given too; leave one of them out")
    return LabDevice(
        row.needed("name", '"pump-7"'),
        problems.line(row.path),
        row.text("profile") or DEFAULT_PROFILE,
        row.text("label"),
        _assigned(row),
        row.text("token"),
        lab_checks.basic(row, problems) if "mqtt" in row else None,
        lab_checks.certificate(row),
    )


def _package(row: Row, problems: Problems) -> LabPackage:
    sources = [source for source in ("file", "size", "url") if source in row]
    if len(sources) != 1:
        said = f"{' and '.join(sources)} are given" if sources else "its bytes are missing"
        row.wrong(sources[1] if sources else "", f"{said}; give one of file, size (made bytes) and url")
    if "checksum" in row and "url" not in row:
        row.wrong("checksum", "only a URL package is told its checksum; leave it out, the twin computes it")
    if "kind" not in row:
        row.needed("kind", '"firmware"')
    return LabPackage(
        row.needed("title", '"pump"'),
        row.needed("version", '"1.10"'),
        KINDS[row.chosen("kind", tuple(KINDS), "firmware")],
        problems.line(row.path),
        row.text("profile") or DEFAULT_PROFILE,
        row.text("tag"),
        row.chosen("algorithm", tuple(ALGORITHMS), "SHA256"),
        row.text("file", most=4096),
        row.whole("size"),
        row.text("url"),
        row.text("checksum", most=1020),
        row.texts("assign_to"),
    )


def _assigned(row: Row) -> dict[Kind, str]:
    found = {kind: row.text(word) for word, kind in KINDS.items()}
    return {kind: name for kind, name in found.items() if name is not None}
