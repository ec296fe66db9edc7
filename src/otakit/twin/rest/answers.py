"""Answers: JSON, and errors as `ThingsboardErrorResponseHandler` writes them.

Which refusal is which status is decided where it is raised; here it becomes a body.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from otakit.errors import ImageError, ServerRefused
from otakit.twin.line import json_bytes
from otakit.twin.rules.store import BAD_ARGUMENT, GENERAL, NOT_FOUND, refused

CODES = {400: 31, 401: 10, 403: 20, 404: 32, 405: 31, 406: 31, 415: 31, 429: 33}
"""errorCode of each status that the framework answers by itself; 2 for all others."""
NOT_ALLOWED = 405


class Reply(Response):
    """A JSON answer; without content, an empty one."""

    media_type: str | None = "application/json"

    def __init__(self, content: object = None, status_code: int = 200) -> None:
        if content is None:
            self.media_type = None
        super().__init__(b"" if content is None else json_bytes(content), status_code)


class PlainRefusal(Exception):
    """A refusal in plain text, as the telemetry controller and the devices' door give it."""

    def __init__(self, text: str = "", status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def refusal(error: ServerRefused) -> Reply:
    """An error as ThingsBoard answers it."""
    body = {
        "status": error.status,
        "message": str(error),
        "errorCode": error.error_code,
        "timestamp": int(time.time() * 1000),
    }
    return Reply(body, error.status)


def answer_errors(app: FastAPI) -> None:
    """Gives every error of a route its answer."""
    table: Mapping[type[Exception], Callable[[Request, Any], Response]] = {
        ServerRefused: lambda _, error: refusal(error),
        PlainRefusal: lambda _, error: plain(error),
        RequestValidationError: _of_parameters,
        HTTPException: _of_paths,
        ImageError: lambda _, error: refusal(refused(str(error), GENERAL)),
        # the class alone: what it says may hold what was sent
        Exception: lambda _, error: refusal(refused(f"Unexpected {type(error).__name__}", GENERAL)),
    }
    for kind, answer in table.items():
        app.add_exception_handler(kind, _handler(answer))


def _handler(answer: Callable[[Request, Any], Response]) -> Callable[[Request, Exception], Any]:
    async def handled(request: Request, error: Exception) -> Response:
        return answer(request, error)

    return handled


def plain(error: PlainRefusal) -> Response:
    """A plain-text refusal; without a text, no body at all."""
    return PlainTextResponse(str(error), error.status) if str(error) else Response(status_code=error.status)


def _of_parameters(request: Request, error: RequestValidationError) -> Reply:
    """A missing parameter is a general error, since `BaseController` takes Spring's for one; a wrong one is not."""
    first = error.errors()[0]
    name, is_device_api = _name(first["loc"]), request.url.path.startswith("/api/v1/")
    if first["type"] == "missing":
        text = f"Required request parameter '{name}' is not present"
        return refusal(refused(text, BAD_ARGUMENT if is_device_api else GENERAL))
    text = str(first["msg"]).removeprefix("Value error, ")
    return refusal(refused(f"Method parameter '{name}': Failed to convert value: {text}"))


def _name(place: Sequence[object]) -> str:
    return str(place[-1]) if place else ""


def _of_paths(request: Request, error: HTTPException) -> Reply:
    path = request.url.path
    if error.status_code == NOT_ALLOWED:
        text = f"Request method '{request.method}' is not supported"
    elif error.status_code == NOT_FOUND[0]:
        text = f"{request.method} {path}: {error.detail}; this twin has the paths of devices, their profiles, "
        text += "packages, attributes and telemetry, each described at /docs"
    else:
        text = f"{request.method} {path}: {error.detail}"
    reply = refusal(ServerRefused(text, error.status_code, CODES.get(error.status_code, 2)))
    reply.headers.update(error.headers or {})
    return reply
