"""Refuses calls that a web page smuggled in: on loopback, only loopback's own names are answered.

A page elsewhere may let its name point to 127.0.0.1 (DNS rebinding); the browser then takes the twin for
that page's own server and shows it every answer. It cannot change the Host header, though.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

FOREIGN = "This twin listens on loopback and answers to localhost and 127.0.0.1 only.\n"


class OnlyLocal:
    """Stands before an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: one call."""
        if scope["type"] == "http" and not is_local(Headers(scope=scope).get("host", "localhost")):
            await PlainTextResponse(FOREIGN, 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def is_local(host: str) -> bool:
    """Whether a Host header can only mean this machine."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    name = name.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
