"""The REST door on a socket: fastapi's routes behind ThingsBoard's filters, served by uvicorn.

Knows what happens to every call: the size filter (`PayloadSizeFilter`), the login, the error answers,
and that conversations speak up after each change. Runs in the event loop of `twin.server`.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from functools import cache

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otakit.errors import ServerRefused
from otakit.twin.rest.answers import Reply, answer_errors, refusal
from otakit.twin.rest.attributes import attributes
from otakit.twin.rest.device_http import device_api
from otakit.twin.rest.docs import docs
from otakit.twin.rest.door import Door
from otakit.twin.rest.entities import devices, profiles
from otakit.twin.rest.hosts import OnlyLocal
from otakit.twin.rest.login import Login, Tokens, logins
from otakit.twin.rest.packages import packages
from otakit.twin.rest.series import series

VERSION = "4.3.1.3"
"""The ThingsBoard whose behaviour this is."""
GRACE_S = 1
ROOM_BYTES = 1_048_576
"""What a body may have beyond the multipart limit before it is cut off, so that the limit's own answer is heard."""
IDLE_S = 600  # longer than a reader thinks between two cells


class Http:
    """The REST door; `more` are routes that are no ThingsBoard's, such as the page's.

    `only_local` refuses calls that name another host than this one.
    """

    def __init__(self, door: Door, *more: APIRouter, login: Login | None = None, only_local: bool = False) -> None:
        self._door = door
        app = application(door, *more, login=login)
        config = uvicorn.Config(
            OnlyLocal(app) if only_local else app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def start(self, listening: socket.socket) -> None:
        """Serves on a listening socket; the event loop is the caller's, so uvicorn's own loop is not entered."""
        await self._server.startup(sockets=[listening])

    async def close(self) -> None:
        """Ends all connections and forgets the images."""
        self._door.end_polls()
        await self._server.shutdown()
        self._door.close()


def application(door: Door, *more: APIRouter, login: Login | None = None) -> ASGIApp:
    """The door without a socket."""
    return _Filters(_routes(*more) if more else _usual_routes(), door, Tokens(door, login))


def _routes(*more: APIRouter) -> FastAPI:
    app = FastAPI(
        openapi_url=None,  # `docs` has it, and pages that need no network
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in (logins, devices, profiles, packages, attributes, series, device_api, docs, *more):
        app.include_router(router)
    answer_errors(app)
    return app


@cache
def _usual_routes() -> FastAPI:
    """Made once: fastapi takes its time for each."""
    return _routes()


class _Filters:
    """What every call passes before and after its route."""

    def __init__(self, app: FastAPI, door: Door, tokens: Tokens) -> None:
        self._app, self._door, self._tokens = app, door, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # whoever runs the application without a socket may ask for its lifespan
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._door.model.settings.multipart_limit_bytes + ROOM_BYTES)
        failures = self._door.keeper.failures if self._door.keeper else 0
        undone = False

        async def answer(message: Message) -> None:
            nonlocal undone
            if message["type"] == "http.response.start":
                await body.drain()
                try:
                    await self._door.kept(failures)
                except ServerRefused as error:
                    undone = True
                    await refusal(error)(scope, body, send)
            if not undone:
                await send(message)

        try:
            await self._pass(scope, body, answer)
        except ServerRefused as error:
            await refusal(error)(scope, body, answer)
        except ClientDisconnect:
            pass  # gone in the middle of an upload; nobody is left to answer
        except Exception as error:  # noqa: BLE001 - the last guard; starlette has answered 500 by now
            self._door.fault(error)
        finally:
            self._door.settle()

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        limit, length = self._door.model.settings.http_payload_limit_bytes, headers.get("content-length", "")
        if path.startswith("/api/") and length.isdecimal() and int(length) > limit:
            await Reply(f"Payload size exceeds the limit of {limit} bytes", 413)(scope, receive, send)
            return
        self._tokens.check_call(path, headers)
        scope["door"], scope["tokens"] = self._door, self._tokens
        await self._app(scope, receive, send)


class _Body:
    """The body of a call, read to its end before the answer.

    A client that is still sending would see a reset in place of a refusal.
    """

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left = receive, limit
        self._more = True

    async def __call__(self) -> Message:
        message = await self._receive()
        self._more = bool(message.get("more_body"))
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self._more = False  # whoever sends more than that is not waited for
            raise ServerRefused("Maximum upload size exceeded", 413, 2)
        return message

    async def drain(self) -> None:
        """Reads the rest away."""
        with suppress(ServerRefused):
            while self._more:
                await self()
