"""What every REST route stands on: the model, the clock, the folder of images.

Refuses to know any path. Errors are `ServerRefused` of the rules; `answers` makes bodies of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

from fastapi import Depends, Request

from otakit.twin.model import Model
from otakit.twin.rest.images import FileImage
from otakit.twin.rules.store import GENERAL, Store, refused

if TYPE_CHECKING:
    from otakit.twin.rest.login import Login


class Keeper(Protocol):
    """Who keeps the model on a disk (`otakit.twin.keeping`)."""

    failures: int

    @property
    def pending(self) -> bool:
        """Whether something changed that is not kept yet."""

    def keep(self) -> None:
        """Keeps it.

        Raises:
            ServerRefused: that failed, and the model is what it was before.
        """


@dataclass
class Door:
    """What the routes share.

    Attributes:
        now: nanoseconds since the epoch.
        folder: where images are kept.
        settle: sends what a change made the conversations say.
        fault: takes note of an error of ours.
        polls: long polls that wait for an update.
        keeper: makes lasting what an answer acknowledges, images too; None for a twin that forgets.
        is_closing: whether the twin is about to end.
        login: who may use the doors of operators; None for the user of every fresh ThingsBoard.
    """

    model: Model
    now: Callable[[], int]
    folder: Path
    settle: Callable[[], None]
    fault: Callable[[BaseException], None]
    images: dict[str, FileImage] = field(default_factory=dict)
    polls: set[asyncio.Future[dict[str, object] | None]] = field(default_factory=set)
    keeper: Keeper | None = None
    login: Login | None = None
    is_closing: bool = False

    @property
    def store(self) -> Store:
        """The model's entities."""
        return self.model.store

    def forget_images(self) -> None:
        """Closes and removes the images of packages that are gone; a keeper does so when that is on the disk."""
        if self.keeper is not None:
            return
        for identifier in [each for each in self.images if each not in self.store.packages]:
            self.images.pop(identifier).remove()

    async def kept(self, failures: int) -> None:
        """Returns when all that changed is on the disk: one commit for all calls of one turn of the event loop.

        Args:
            failures: the keeper's, before the caller changed anything.

        Raises:
            ServerRefused: it could not be kept, and it is undone.
        """
        if self.keeper is None or (not self.keeper.pending and self.keeper.failures == failures):
            return
        await asyncio.sleep(0)
        if self.keeper.failures != failures:  # another's commit failed, and took this change back too
            raise refused("Nothing was saved; see to the disk of the twin's data", GENERAL)
        self.keeper.keep()

    def end_polls(self) -> None:
        """Ends all long polls: nothing will come any more."""
        self.is_closing = True
        for poll in self.polls:
            if not poll.done():
                poll.set_result(None)

    def close(self) -> None:
        """Closes all images and removes them, unless they are kept."""
        if self.keeper is not None:
            return
        for image in self.images.values():
            image.remove()
        self.images.clear()


async def _door(request: Request) -> Door:
    door = request.scope["door"]
    assert isinstance(door, Door)
    return door


# a coroutine, since fastapi runs plain functions in a thread of their own, and the model belongs to one thread
Doors = Annotated[Door, Depends(_door)]
