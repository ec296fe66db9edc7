"""What the command line asks for: ``SERVER=… MQTT=… [ONLY=5,12] [VERSION=5] [KNOBS=inactivity_s=10]``.

Pure: words to values, or one sentence about the first that cannot be understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from otakit.errors import SettingsError
from otakit.protocol.packets import Version
from otakit.twin.settings import KNOBS, TwinSettings

VERSIONS = {"3": Version.MQTT_3_1_1, "3.1.1": Version.MQTT_3_1_1, "5": Version.MQTT_5}
BOTH = (Version.MQTT_3_1_1, Version.MQTT_5)
WORDS = {"yes": True, "no": False, "true": True, "false": False}
SUITE, UPDATE = "suite", "update"
OPTIONS = {
    "SERVER": "its HTTP address: https://host or http://host:8080",
    "MQTT": "its MQTT address: host, host:1883 or mqtts://host:8883; port 1883 of the same host without",
    "ONLY": "scenarios by number, `suite` for the operator's calls, `update` for the whole update: 5,12,suite",
    "VERSION": "3 or 5, of MQTT; both without",
    "KNOBS": "how this server is configured where it is not as shipped: inactivity_s=10,dispatch_spacing_s=0",
    "CLEAN": "1 removes what a run that was killed left on the server, and does nothing else",
    "OUT": "the folder of tables and recordings; build/conformance without",
}
"""Each option and its meaning."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done.

    Attributes:
        numbers: of scenarios; all where nothing was chosen.
        extras: ``suite`` and ``update``, as far as they are wanted.
        knobs: how the server is configured where it is not as shipped.
    """

    server: str
    mqtt: str | None = None
    numbers: tuple[int, ...] | None = None
    extras: tuple[str, ...] = (SUITE, UPDATE)
    versions: tuple[Version, ...] = BOTH
    knobs: tuple[tuple[str, object], ...] = ()
    clean: bool = False
    out: str = "build/conformance"


def understood(words: Sequence[str]) -> Asked:
    """The command line as values.

    Raises:
        SettingsError: an option that is not known, or a value that it does not take.
    """
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if word in ("--clean", "clean"):
            name, equals, value = "CLEAN", "=", "1"
        if not equals or name not in OPTIONS:
            raise SettingsError(f"{word!r} is not understood; there are {', '.join(f'{each}=…' for each in OPTIONS)}")
        given[name] = value.strip()
    if not given.get("SERVER"):
        raise SettingsError("SERVER=http://host:8080 is missing: the ThingsBoard that is put beside the twin")
    numbers, extras = _only(given.get("ONLY", ""))
    version = given.get("VERSION", "")
    if version and version not in VERSIONS:
        raise SettingsError(f"VERSION={version}: MQTT has 3 (3.1.1) and 5 here")
    return Asked(
        given["SERVER"],
        given.get("MQTT") or None,
        numbers,
        extras,
        (VERSIONS[version],) if version else BOTH,
        _knobs(given.get("KNOBS", "")),
        given.get("CLEAN", "") in ("1", "yes", "true"),
        given.get("OUT") or "build/conformance",
    )


def _only(text: str) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        return None, (SUITE, UPDATE)
    for part in parts:
        if part not in (SUITE, UPDATE) and not part.isdecimal():
            raise SettingsError(f"ONLY={text}: {part!r} is neither a scenario's number nor `suite` nor `update`")
    return tuple(int(part) for part in parts if part.isdecimal()), tuple(
        each for each in (SUITE, UPDATE) if each in parts
    )


def _knobs(text: str) -> tuple[tuple[str, object], ...]:
    found = []
    for part in filter(None, (each.strip() for each in _parts(text))):
        name, _, value = part.partition("=")
        if name not in KNOBS:
            raise SettingsError(f"KNOBS: there is no knob {name!r}; there are {', '.join(KNOBS)}")
        found.append((name, _value(name, value.strip())))
    try:
        TwinSettings(**dict(found))  # type: ignore[arg-type]  # the class refuses what it cannot mean
    except SettingsError as error:
        raise SettingsError(f"KNOBS: {str(error).removeprefix('TwinSettings: ')}") from None
    return tuple(found)


def _parts(text: str) -> list[str]:
    """Split at commas that begin a knob: a rate limit has commas of its own (``20:1,600:60``)."""
    parts: list[str] = []
    for part in text.split(","):
        if "=" in part or not parts:
            parts.append(part)
        else:
            parts[-1] += f",{part}"
    return parts


def _value(name: str, text: str) -> object:
    kind = str(next(field.type for field in fields(TwinSettings) if field.name == name))
    try:
        if kind == "bool":
            return WORDS[text.lower()]
        return {"int": int, "float": float}.get(kind, str)(text)
    except (KeyError, ValueError):
        raise SettingsError(f"KNOBS: {name}={text!r} is no {kind}") from None
