"""What must fit together in a lab file beyond its single fields: settings, faults, credentials, references.

Notes mistakes and goes on. Pure; `lab` calls it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from otakit.errors import SettingsError
from otakit.faults import parse_plan
from otakit.protocol.messages import Kind
from otakit.twin.lab_reading import Problems, Row, close, shown
from otakit.twin.settings import TwinSettings

if TYPE_CHECKING:
    from otakit.twin.lab import Lab, LabDevice, LabPackage, LabProfile

BASIC = ("client_id", "user_name", "password")


def no_toml(file: str, text: str, error: str) -> str:
    """What `tomllib` said, with the line in front."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", error)
    line = found[1] if found else str(text.count("\n") + 1)
    said = re.sub(r" \(at .*\)$", "", error)
    return f"{file}:{line}: this is no TOML: {said}" + (f" (column {found[2]})" if found else "")


def no_table(name: str, known: Collection[str]) -> str:
    """A table that there is none of."""
    return f"there is no table [{name}]{close(name, known)}; there are {', '.join(known)}"


def settings(body: object, problems: Problems) -> TwinSettings:
    """The knobs, each looked at on its own."""
    knobs = {each.name: None for each in fields(TwinSettings)}
    row = Row(body, ("settings",), "settings", problems, knobs)
    good: dict[str, Any] = {}
    for name in knobs:
        if name in row:
            try:
                TwinSettings(**{name: row.any(name)})
                good[name] = row.any(name)
            except SettingsError as error:
                row.wrong(name, str(error).removeprefix(f"TwinSettings: {name} "))
    return TwinSettings(**good)


def faults(body: object, problems: Problems) -> tuple[Mapping[str, Any], ...]:
    """The tables of faults, each looked at on its own."""
    if not isinstance(body, list):
        problems.add(("fault",), "", "", "write [[fault]] with two brackets: there may be several")
        return ()
    for number, table in enumerate(body):
        try:
            parse_plan([table], "")
        except SettingsError as error:
            said = str(error).removeprefix(": [[fault]] 1").lstrip(": ")
            word, _, text = said.rpartition("): ") if said.startswith("(") else ("", "", said)
            names = re.findall(r"\w+", text)
            given = table if isinstance(table, Mapping) else {}
            at = next((name for name in names if name in given), "")
            owner = f"fault {word.strip('(')}" if word else "fault"
            problems.add(("fault", number, at) if at else ("fault", number), owner, "", text)
    return tuple(each for each in body if isinstance(each, Mapping))


def basic(row: Row, problems: Problems) -> dict[str, str] | None:
    """MQTT basic credentials: client id, user name or both; a password only beside a user name."""
    inner = Row(row.any("mqtt"), (*row.path, "mqtt"), f"{row.owner}: mqtt", problems, BASIC)
    found = {name: text for name in BASIC if (text := inner.text(name)) is not None}
    if "client_id" not in inner and "user_name" not in inner:
        row.wrong("mqtt", 'client_id or user_name is expected, such as { user_name = "pump-7", password = "…" }')
    elif "password" in found and "user_name" not in found:
        inner.wrong("password", "ThingsBoard takes a password only together with user_name; add user_name")
    return found


def certificate(row: Row) -> str | bool:
    """A file, or whether one is to be made."""
    value = row.any("certificate")
    if value is None or isinstance(value, bool):
        if value is False:
            row.wrong("certificate", "a PEM file is expected, or true for one that is made; or leave it out")
        return bool(value)
    return row.text("certificate", most=4096) or False


def references(lab: Lab, rows: Mapping[str, list[Row]]) -> None:
    """Names are unique, and what is named is there and fits."""
    _unique(rows["profile"], [each.name for each in lab.profiles], "name")
    _unique(rows["device"], [each.name for each in lab.devices], "name")
    _unique(rows["device"], [each.token for each in lab.devices], "token", is_secret=True)
    _unique(rows["package"], [each.name for each in lab.packages], "version")
    profiles = {"default", *(each.name for each in lab.profiles if each.name)}
    packages = {each.name: each for each in lab.packages}
    for row, device in zip(rows["device"], lab.devices, strict=True):
        row.named("profile", device.profile, profiles, "profile", f'add [[profile]] name = "{device.profile}"')
        _fits(row, device, device.profile, packages)
    for row, profile in zip(rows["profile"], lab.profiles, strict=True):
        _fits(row, profile, profile.name, packages)
    devices = {each.name: each for each in lab.devices}
    for row, package in zip(rows["package"], lab.packages, strict=True):
        row.named("profile", package.profile, profiles, "profile", f'add [[profile]] name = "{package.profile}"')
        _assigned(row, package, devices, lab.packages)


def _unique(rows: list[Row], values: Iterable[str | None], field: str, *, is_secret: bool = False) -> None:
    seen: set[str] = set()
    for row, value in zip(rows, values, strict=True):
        if value and value in seen:
            row.wrong(field, f"{'this one' if is_secret else shown(value)} is taken by another one above")
        seen.add(value or "")


def _fits(row: Row, target: LabDevice | LabProfile, profile: str, packages: Mapping[str, LabPackage]) -> None:
    for kind, name in target.packages.items():
        row.named(kind.word, name, packages, "package", "write its title, a blank and its version")
        if name in packages:
            wrong = _misfit(packages[name], kind, profile)
            if wrong:
                row.wrong(kind.word, wrong)


def _misfit(package: LabPackage, kind: Kind, profile: str) -> str:
    if package.kind is not kind:
        return f'package "{package.name}" is {package.kind.word}, not {kind.word}'
    if package.profile != profile:
        return (
            f'package "{package.name}" is for profile "{package.profile}", this is "{profile}"; they must be the same'
        )
    return ""


def _assigned(
    row: Row, package: LabPackage, devices: Mapping[str, LabDevice], packages: tuple[LabPackage, ...]
) -> None:
    for name in package.assign_to:
        row.named("assign_to", name, devices, "device", f'add [[device]] name = "{name}"')
        if name not in devices:
            continue
        if wrong := _misfit(package, package.kind, devices[name].profile):
            row.wrong("assign_to", f'{wrong} (device "{name}")')
        given = [each for each in packages if each.kind is package.kind and name in each.assign_to]
        own = devices[name].packages.get(package.kind)
        if given[0] is not package or own not in (None, package.name):
            other = own if own not in (None, package.name) else given[0].name
            row.wrong("assign_to", f'device "{name}" is given "{other}" too; a device has one of a kind')
