"""The REST door on a socket: fastapi's routes behind ThingsBoard's filters, served by uvicorn.

Knows what happens to every call: the size filter (`PayloadSizeFilter`), the login, the error answers,
and that conversations speak up after each change. Runs in the event loop of `twin.server`.
"""

from __future__ import annotations

import socket

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otakit.errors import ServerRefused
from otakit.twin.rest.device_http import NotThisDevice, device_api
from otakit.twin.rest.door import Door, Reply, refusal
from otakit.twin.rest.entities import devices, profiles
from otakit.twin.rest.login import Tokens, routes
from otakit.twin.rest.packages import packages
from otakit.twin.rest.telemetry import Refused, attributes, plain, series
from otakit.twin.rules.store import GENERAL, NOT_FOUND, refused

VERSION = "4.3.1.3"
"""The ThingsBoard whose behaviour this is."""
GRACE_S = 1
IDLE_S = 600  # longer than a reader thinks between two cells


class Http:
    """The REST door; `more` are routes that are no ThingsBoard's, such as the page's."""

    def __init__(self, door: Door, *more: APIRouter) -> None:
        self._door = door
        config = uvicorn.Config(
            application(door, *more),
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
        await self._server.shutdown()
        self._door.close()


def application(door: Door, *more: APIRouter) -> ASGIApp:
    """The door without a socket."""
    tokens = Tokens(door)
    return _Filters(_app(door, tokens, more), door, tokens)


def _app(door: Door, tokens: Tokens, more: tuple[APIRouter, ...] = ()) -> FastAPI:
    app = FastAPI(
        title="ThingsBoard REST API",
        version=f"{VERSION}-twin",
        openapi_url="/v3/api-docs/thingsboard",
        docs_url=None,  # its pages would fetch scripts from the network
        redoc_url=None,
    )
    app.state.door = door
    for router in (routes(tokens), devices, profiles, packages, attributes, series, device_api, *more):
        app.include_router(router)

    @app.exception_handler(ServerRefused)
    async def by_the_rules(_request: Request, error: ServerRefused) -> Reply:
        return refusal(error)

    @app.exception_handler(NotThisDevice)
    async def of_devices(_request: Request, _error: NotThisDevice) -> Response:
        return Response(status_code=401)

    @app.exception_handler(HTTPException)
    async def of_paths(request: Request, error: HTTPException) -> Reply:
        text = (
            f"{request.method} {request.url.path}: {error.detail}; this twin has the paths of devices, their profiles, "
        )
        text += "packages, attributes and telemetry"
        return refusal(ServerRefused(text, error.status_code, NOT_FOUND[1]))

    @app.exception_handler(Refused)
    async def in_plain_text(_request: Request, error: Refused) -> object:
        return plain(error)

    @app.exception_handler(Exception)
    async def of_ours(_request: Request, error: Exception) -> Reply:
        return refusal(refused(f"Unexpected {type(error).__name__}", GENERAL))

    @app.exception_handler(RequestValidationError)
    async def of_parameters(_request: Request, error: RequestValidationError) -> Reply:
        first = error.errors()[0]
        return refusal(refused(f"Invalid parameter {'.'.join(map(str, first['loc']))}: {first['msg']}"))

    return app


class _Filters:
    """What every call passes before and after its route."""

    def __init__(self, app: FastAPI, door: Door, tokens: Tokens) -> None:
        self._app, self._door, self._tokens = app, door, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.drain()
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
        await self._app(scope, receive, send)


class _Body:
    """The body of a call, read to its end before the answer.

    A client that is still sending would see a reset in place of a refusal.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    async def __call__(self) -> Message:
        message = await self._receive()
        self._more = bool(message.get("more_body"))
        return message

    async def drain(self) -> None:
        """Reads the rest away."""
        while self._more:
            await self()
