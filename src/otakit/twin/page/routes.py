"""The page's paths: the page at ``/``, its files, the hint for a first login, the live stream.

Knows who may have what: the files are open, the stream passes the same login as every REST call (its path
begins with ``/api/``), and the hint is given only where it can reach nobody but this machine's own user.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from otakit.captured import Address
from otakit.errors import ServerRefused
from otakit.twin.listening import is_loopback
from otakit.twin.page.feed import Feed, Served
from otakit.twin.rest import login
from otakit.twin.rest.answers import Reply
from otakit.twin.rest.door import Door

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
STREAM_HEADERS = {**HEADERS, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
NO_HINT: dict[str, object] = {}
SAME_ORIGIN = ("same-origin", "none", None)


def page_routes(feed: Feed, served: Served) -> APIRouter:
    """The page of one twin."""
    router = APIRouter(include_in_schema=False)  # the description is ThingsBoard's API

    @router.get("/")
    async def page() -> Response:
        return _file("index.html")

    @router.get("/twin/{name}")
    async def file(name: str) -> Response:
        return _file(name)

    @router.get("/twin/login/hint")
    async def hint(request: Request) -> Reply:
        reply = Reply(_hint(request, served.http))
        reply.headers.update(STREAM_HEADERS)
        return reply

    @router.get("/api/twin/feed")
    async def stream(device: Annotated[str | None, Query(max_length=40)] = None) -> Response:
        if feed.is_full:
            raise ServerRefused("Too many pages are open; close one", 429, 33)
        model = served.model
        doors = {"mqtt": served.mqtt, "mqtts": served.mqtts}
        about: dict[str, object] = {
            "version": model.settings.version,
            **{name: {"host": door[0], "port": door[1]} for name, door in doors.items() if door is not None},
        }
        events = _until_gone(lambda: feed.events(device, model.settings.token_s, about))
        return StreamingResponse(events, media_type="text/event-stream", headers=STREAM_HEADERS)

    return router


async def _until_gone(events: Callable[[], AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    """The stream; ended where it stands when the page is gone, not when Python finds the time."""
    async with aclosing(events()) as stream:  # type: ignore[type-var]  # an asynchronous generator
        async for piece in stream:
            yield piece


def _file(name: str) -> Response:
    path = STATIC / name
    kind = TYPES.get(path.suffix)
    if kind is None or path.parent != STATIC or not path.is_file():
        return Response(status_code=404, headers=HEADERS)
    return Response(path.read_bytes(), media_type=kind, headers=HEADERS)


def _hint(request: Request, listening: Address) -> dict[str, object]:
    """User and password, where they are no secret: ThingsBoard's default ones, on loopback, for its own page.

    A foreign page in the same browser cannot read the answer, also not under a name of its own that leads
    here (DNS rebinding): then the Host header names it.
    """
    door = request.scope["door"]
    assert isinstance(door, Door)
    chosen = getattr(door, "login", None)
    if chosen is not None and not chosen.is_default:
        return NO_HINT
    caller = request.client.host if request.client else ""
    places = (listening[0], caller, _host(request.headers))
    if not all(is_loopback(place) for place in places) or request.headers.get("sec-fetch-site") not in SAME_ORIGIN:
        return NO_HINT
    user, password = (chosen.user, chosen.password) if chosen is not None else (login.USER, login.PASSWORD)
    return {"user": user, "password": password}


def _host(headers: Mapping[str, str]) -> str:
    """The Host header without its port."""
    host = headers.get("host", "")
    return host[1 : host.index("]")] if host.startswith("[") and "]" in host else host.partition(":")[0]
