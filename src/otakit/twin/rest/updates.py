"""HTTP long polls: a device asks once and is answered by the next attribute update, or by 408 in the end.

Knows waiting; refuses to know tokens and keys. A poll is no connection: it counts for no limit and nothing
is kept for it, so of two updates it hears the first.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from starlette.responses import PlainTextResponse, Response

from otakit.twin.rest.answers import Reply
from otakit.twin.rest.door import Door

TIMEOUT = 408
GONE = "Device was deleted!"
Update = dict[str, object] | None


async def next_update(door: Door, device_id: str, request: Request, timeout_ms: int) -> Response:
    """The next update of a device's attributes.

    Args:
        door: where it is.
        device_id: whose.
        request: the call, whose end ends the waiting.
        timeout_ms: 0 waits as long as the server does by default.
    """
    wait = Wait(door, request, timeout_ms)
    forget = door.model.sessions.hear_once(device_id, wait.hear)
    try:
        body = await wait.ended()
    finally:
        forget()
    if body is not None:
        return Reply(body)
    if device_id not in door.store.devices:
        return PlainTextResponse(GONE, 403)
    if (
        wait.was_told and not door.is_closing
    ):  # its credentials changed: the server forgot who listens, and the time runs on
        await Wait(door, request, wait.left_ms).ended()
    return Response(status_code=TIMEOUT)


async def silence(door: Door, request: Request) -> Response:
    """What a lookup that failed looks like: nothing comes until the time is up."""
    await Wait(door, request, 0).ended()
    return Response(status_code=TIMEOUT)


class Wait:
    """One call that waits."""

    def __init__(self, door: Door, request: Request, timeout_ms: int) -> None:
        self._door, self._request = door, request
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Future[Update] = self._loop.create_future()
        wait_s = timeout_ms / 1000 if timeout_ms else door.model.settings.long_poll_s
        self._until = self._loop.time() + wait_s

    def hear(self, body: Update) -> None:
        """What it waited for; None when that will not come any more."""
        if not self._heard.done():
            self._heard.set_result(body)

    @property
    def was_told(self) -> bool:
        """Whether it heard anything."""
        return self._heard.done()

    @property
    def left_ms(self) -> int:
        """Milliseconds until its time is up; below zero afterwards."""
        return round((self._until - self._loop.time()) * 1000) or -1

    async def ended(self) -> Update:
        """What was heard; None when time is up, the twin closes or the device has gone away."""
        gone: asyncio.Future[Any] = asyncio.ensure_future(_gone(self._request))
        self._door.polls.add(self._heard)
        try:
            left_s = max(0.0, self._until - self._loop.time())
            waiting: set[asyncio.Future[Any]] = {self._heard, gone}
            await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._door.polls.discard(self._heard)
            gone.cancel()
        return self._heard.result() if self._heard.done() else None


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
