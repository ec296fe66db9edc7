"""Parameters of paths and queries: their types as Java reads them, their words for the description.

Refuses to know routes. What cannot be read is a `RequestValidationError`, answered in `answers`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Path, Query
from pydantic import BeforeValidator, WithJsonSchema

from otakit.twin.rest.door import Doors
from otakit.twin.rest.pages import DIRECTIONS, Page
from otakit.twin.rules.store import refused

SCOPES = ("SERVER_SCOPE", "SHARED_SCOPE", "CLIENT_SCOPE")
_WHOLE = re.compile(r"[+-]?\d{1,20}", re.ASCII)


def _number(value: object, bits: int) -> object:
    """`Integer.parseInt` and `Long.parseLong` with the blanks that Spring takes away."""
    if not isinstance(value, str):
        return value
    bare = "".join(value.split())
    if not _WHOLE.fullmatch(bare) or not -(1 << bits - 1) <= int(bare) < 1 << bits - 1:
        raise ValueError(f'For input string: "{bare[:40]}"')
    return int(bare)


def _int(value: object) -> object:
    return _number(value, 32)


def _long(value: object) -> object:
    return _number(value, 64)


def _one_of(words: Sequence[str]) -> dict[str, Any]:
    return {"enum": [*words]}


Int = Annotated[int, BeforeValidator(_int), WithJsonSchema({"type": "integer", "format": "int32"})]
Long = Annotated[int, BeforeValidator(_long), WithJsonSchema({"type": "integer", "format": "int64"})]
Identifier = Annotated[str, Path(description="The entity's UUID.", json_schema_extra={"format": "uuid"})]
Token = Annotated[str, Path(description="The device's access token.", min_length=1, examples=["A1B2C3D4E5F6G7H8I9J0"])]


SIZE = Query(alias="pageSize", description="Rows in a page.", examples=[100], json_schema_extra={"minimum": 1})
NUMBER = Query(alias="page", description="Which page, from 0.", examples=[0], json_schema_extra={"minimum": 0})
SEARCH = Query(alias="textSearch", description="Part of a name, in any case.")
ORDER = Query(alias="sortOrder", description="With `sortProperty`; in any case.", json_schema_extra=_one_of(DIRECTIONS))


def sort_by(orders: Sequence[str]) -> Any:
    """The parameter that says by which member rows are ordered."""
    return Query(alias="sortProperty", description="By which member.", json_schema_extra=_one_of(orders))


def pages_by(orders: Sequence[str]) -> Any:
    """What makes a page of the query's parameters, for rows that may be ordered by these members."""

    # a coroutine, since fastapi runs plain functions in a thread of their own, and the model belongs to one thread
    async def page(
        size: Annotated[Int, SIZE],
        number: Annotated[Int, NUMBER],
        search: Annotated[str, SEARCH] = "",
        sort: str = "",
        order: Annotated[str, ORDER] = "",
    ) -> Page:
        return Page(size, number, search, sort, order, tuple(orders))

    page.__annotations__["sort"] = Annotated[str, sort_by(orders)]  # fastapi reads no names of a function around it
    return Depends(page)


async def _keys(
    door: Doors,
    keys: Annotated[str | None, Query(description="Keys, joined by commas.", examples=["fw_title,fw_version"])] = None,
    key: Annotated[list[str] | None, Query(description="One key; may be repeated, and goes before `keys`.")] = None,
) -> list[str]:
    """``key=a&key=b`` (since 4.3), else ``keys=a,b``; Java's split drops empty ends."""
    if key is None or door.model.settings.is_before(4, 3):
        return java_split(keys or "")
    return key


def java_split(text: str) -> list[str]:
    """`String.split(",")` of a text that may be empty."""
    parts = text.split(",") if text else []
    while parts and not parts[-1]:
        parts.pop()
    return parts


async def _scope(
    scope: Annotated[str, Path(description="Whose attributes.", json_schema_extra=_one_of(SCOPES))],
) -> str:
    if scope not in SCOPES:
        raise refused(f"Method parameter 'scope': Failed to convert value: No enum constant AttributeScope.{scope}")
    return scope


Scope = Annotated[str, Depends(_scope)]
Keys = Annotated[list[str], Depends(_keys)]
