"""What every REST route stands on: the model, the clock, the folder of images, bodies and pages.

Refuses to know any path. Errors are `ServerRefused` of the rules, answered as ThingsBoard's
`ThingsboardErrorResponseHandler` does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Query, Request
from starlette.responses import Response

from otakit.errors import ServerRefused
from otakit.twin.line import json_bytes
from otakit.twin.model import Model
from otakit.twin.rest.images import FileImage
from otakit.twin.rest.shapes import Json
from otakit.twin.rules.store import Store, refused


@dataclass
class Door:
    """What the routes share.

    Attributes:
        now: nanoseconds since the epoch.
        folder: where images are kept.
        settle: sends what a change made the conversations say.
        fault: takes note of an error of ours.
    """

    model: Model
    now: Callable[[], int]
    folder: Path
    settle: Callable[[], None]
    fault: Callable[[BaseException], None]
    images: dict[str, FileImage] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The model's entities."""
        return self.model.store

    def forget_images(self) -> None:
        """Closes and removes the images of packages that are gone."""
        for identifier in [each for each in self.images if each not in self.store.packages]:
            self.images.pop(identifier).remove()

    def close(self) -> None:
        """Closes all images."""
        for image in self.images.values():
            image.remove()
        self.images.clear()


class Reply(Response):
    """A JSON answer."""

    media_type = "application/json"

    def __init__(self, content: object = None, status_code: int = 200) -> None:
        super().__init__(b"" if content is None else json_bytes(content), status_code)


def refusal(error: ServerRefused) -> Reply:
    """An error as ThingsBoard answers it."""
    body = {
        "status": error.status,
        "message": str(error),
        "errorCode": error.error_code,
        "timestamp": int(time.time() * 1000),
    }
    return Reply(body, error.status)


async def members(request: Request) -> Json:
    """The body as a JSON object, whatever the content type says.

    Raises:
        ServerRefused: it is none.
    """
    raw = await request.body()
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise refused("Unable to read the request body: it is no JSON") from error
    if not isinstance(body, dict):
        raise refused("Unable to read the request body: a JSON object is expected")
    return body


@dataclass(frozen=True)
class Page:
    """Which page of a list is asked for."""

    size: int
    number: int
    search: str = ""

    def of(self, rows: Iterable[tuple[str, Json]]) -> Reply:
        """The page of rows, each with the text that is searched.

        Raises:
            ServerRefused: a size or number that cannot be.
        """
        if self.size < 1 or self.number < 0:
            raise refused(f"Incorrect page link: page size {self.size}, page {self.number}")
        found = [row for text, row in rows if self.search.lower() in text.lower()]
        start, pages = self.size * self.number, -(-len(found) // self.size)
        body = {
            "data": found[start : start + self.size],
            "totalPages": pages,
            "totalElements": len(found),
            "hasNext": self.number + 1 < pages,
        }
        return Reply(body)


async def _door(request: Request) -> Door:
    door = request.app.state.door
    assert isinstance(door, Door)
    return door


async def _page(
    size: Annotated[int, Query(alias="pageSize")],
    number: Annotated[int, Query(alias="page")],
    search: Annotated[str, Query(alias="textSearch")] = "",
) -> Page:
    return Page(size, number, search)


# coroutines, since fastapi runs plain functions in a thread of their own, and the model belongs to one thread
Doors = Annotated[Door, Depends(_door)]
Pages = Annotated[Page, Depends(_page)]
