"""A plan from the tables of `lab.toml`: one ``[[fault]]`` each, ``do`` names what goes wrong.

    [[fault]]
    do = "withhold"
    message = "ChunkResponse"
    nth = 20
    device = "pump-7"

The fields are those of the fault's class in `otakit.faults`. Every error names the table, the field and
what would do.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from otakit.errors import SettingsError
from otakit.faults.link import parse_link
from otakit.faults.plan import ServerPlan, SlowLink
from otakit.faults.texts import SUBJECTS
from otakit.faults.values import FAULTS, UNSET, Fault
from otakit.protocol.messages import Kind

KINDS = {kind.word: kind for kind in Kind} | {kind.value: kind for kind in Kind}


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "message": (_is_text, "a row of the message table, such as ChunkResponse"),
    "nth": (lambda value: _is_whole(value) and value != UNSET, "a whole number from 1"),
    "times": (lambda value: _is_whole(value) and value != UNSET, "a whole number, 0 for all of them"),
    "probability": (_is_number, "a number above 0 and at most 1"),
    "kind": (lambda value: _is_text(value) and value in KINDS, '"firmware" or "software"'),
    "device": (lambda value: _is_text(value) and bool(value), 'a device\'s name, or "*" for each on its own'),
    "late_s": (_is_number, "a number of seconds"),
    "to_bytes": (_is_whole, "a whole number of bytes"),
    "key": (_is_text, 'an attribute without its prefix, such as "checksum" or "size"'),
    "value": (lambda value: _is_text(value) or _is_whole(value), "a text or a whole number"),
    "word": (_is_text, 'an error word such as "NOT_FOUND"'),
    "code": (_is_whole, "a CONNACK code of MQTT 5, such as 0x88"),
    "title": (_is_text, "a package's title"),
    "version": (_is_text, "a package's version, as a text"),
    "link": (_is_text, 'a path such as "300 ms ± 50 ms, 100 kbit/s"'),
}
"""What each field must be before the fault itself looks at it."""


def parse_plan(tables: Sequence[Mapping[str, Any]], where: str = "lab.toml", *, seed: int = 0) -> ServerPlan:
    """A plan from the ``[[fault]]`` tables of a file.

    Args:
        tables: as `tomllib` gives them, in the file's order.
        where: the file's name, for errors.
        seed: decides what the faults leave to chance.

    Raises:
        SettingsError: the first thing that cannot be meant, with table, field and what would do.
    """
    if not isinstance(tables, Sequence) or isinstance(tables, str | bytes):
        raise SettingsError(f"{where}: faults are tables, each headed [[fault]]; found {_shown(tables)}")
    return ServerPlan(
        tuple(_fault(table, f"{where}: [[fault]] {number}") for number, table in enumerate(tables, 1)), seed
    )


def _fault(table: Mapping[str, Any], where: str) -> Fault | SlowLink:
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where}: a table is expected, found {_shown(table)}")
    words = [*FAULTS, "slow_link"]
    if (word := table.get("do")) not in words:
        said = 'no "do" says what goes wrong' if word is None else f"do = {_shown(word)} is unknown"
        raise SettingsError(f"{where}: {said}{_close(word, words)}; known are: {', '.join(words)}")
    kind: type[Any] = SlowLink if word == "slow_link" else FAULTS[word]
    given = {name: value for name, value in table.items() if name != "do"}
    _check(given, [field.name for field in fields(kind)], f"{where} ({word})")
    try:
        fault: Fault | SlowLink = kind(**{name: _read(name, value) for name, value in given.items()})
    except SettingsError as error:
        raise SettingsError(f"{where} ({word}): {error}") from error
    return fault


def _check(given: Mapping[str, object], known: list[str], where: str) -> None:
    for name, value in given.items():
        if name not in known:
            raise SettingsError(f"{where}: {name} is no field of it{_close(name, known)}; it has: {', '.join(known)}")
        fits, expected = TYPES[name]
        if not fits(value):
            raise SettingsError(f"{where}: {name} = {_shown(value)}: expected {expected}")


def _read(name: str, value: Any) -> object:
    match name:
        case "kind":
            return KINDS[value]
        case "link":
            return parse_link(value)
        case "message":
            return SUBJECTS.get(value, value)
        case _:
            return value


def _close(word: object, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
