"""Bodies of operators, read as ThingsBoard's Jackson reads them: JSON in, members out, or one refusal.

Knows how text becomes an object and what passes for a text, a number, a flag or an id; refuses to know
which members an entity has. What Jackson cannot read is 500 with errorCode 2: Spring raises it before the
controller begins, and `BaseController` takes every such error for a general one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from fastapi import Request

from otakit.errors import ServerRefused
from otakit.twin.rules.store import GENERAL, refused

Json = dict[str, object]
MAX_DEPTH = 500
"""Jackson stops at 1000; no body of an operator comes near."""
LONG = range(-(2**63), 2**63)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_LENIENT_UUID = re.compile(r"[0-9a-fA-F]+(-[0-9a-fA-F]+){4}", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)


def unreadable(reason: str) -> ServerRefused:
    """The refusal of a body that is not what the controller takes."""
    return refused(f"JSON parse error: {reason}", GENERAL)


async def members(request: Request) -> Json:
    """The body as a JSON object, whatever the content type says.

    Raises:
        ServerRefused: it is none.
    """
    return object_of(await request.body())


def object_of(raw: bytes) -> Json:
    """A JSON object; of members with one name the last counts.

    Raises:
        ServerRefused: it is none.
    """
    if not raw:
        raise refused("Required request body is missing", GENERAL)
    try:
        body = json.loads(raw, parse_constant=_no_number)
    except RecursionError as error:
        raise unreadable("nested too deeply") from error
    except ValueError as error:
        raise unreadable(f"unexpected text at byte {getattr(error, 'pos', 0)}") from error
    if not isinstance(body, dict):
        raise unreadable("a JSON object is expected")
    if _depth(body) > MAX_DEPTH:
        raise unreadable("nested too deeply")
    return body


def _no_number(word: str) -> object:
    raise ValueError(word)


def _depth(body: object) -> int:
    depth, row = 0, [body]
    while row:
        depth += 1
        row = [
            inner
            for outer in row
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def text(body: Mapping[str, object], name: str) -> str | None:
    """A text; numbers and truth values pass for one.

    Raises:
        ServerRefused: an object or an array.
    """
    value = body.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if value is None or isinstance(value, str):
        return value
    raise unreadable(f"{name}: a text is expected, not {type(value).__name__}")


def flag(body: Mapping[str, object], name: str) -> bool:
    """A truth value; false where there is none.

    Raises:
        ServerRefused: neither a truth value nor its name or number.
    """
    value = body.get(name)
    if isinstance(value, str) and value.strip().lower() in ("true", "false", ""):
        return value.strip().lower() == "true"
    if value is None or isinstance(value, int):
        return bool(value)
    raise unreadable(f"{name}: true or false is expected")


def whole(body: Mapping[str, object], name: str) -> int | None:
    """A whole number of 64 bits; a text that holds one passes, and a fraction is cut off.

    Raises:
        ServerRefused: nothing of the kind.
    """
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and abs(value) < float(LONG.stop):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in LONG:
        raise unreadable(f"{name}: a whole number is expected")
    return value


def entity_id(body: Mapping[str, object], name: str) -> str | None:
    """The id in an entity id, an object with ``entityType`` and ``id``.

    Raises:
        ServerRefused: it is not one.
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise unreadable(f"{name}: an entity id is expected, an object with the member id")
    identifier = value.get("id")
    if not isinstance(identifier, str) or not _UUID.fullmatch(identifier):
        raise unreadable(f"{name}: id has to be a UUID in its 36 characters")
    return identifier.lower()


def inner(body: Mapping[str, object], name: str) -> Json:
    """An object inside the body; an empty one where there is none.

    Raises:
        ServerRefused: something else.
    """
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise unreadable(f"{name}: an object is expected")
    return value


def checked_uuid(given: str) -> str:
    """An id from a path, as Java's ``UUID.fromString`` reads it: groups may lack their leading zeros.

    Raises:
        ServerRefused: it is no UUID.
    """
    if len(given) > 36 or not _LENIENT_UUID.fullmatch(given):
        reason = "UUID string too large" if len(given) > 36 else f"Invalid UUID string: {given}"
        raise refused(reason)
    widths = (8, 4, 4, 4, 12)
    return "-".join(part.zfill(width)[-width:].lower() for part, width in zip(given.split("-"), widths, strict=True))
