"""Who may use the REST door: login, refreshed tokens, and the check of every call.

Tokens are JWTs as ThingsBoard's (`JwtTokenFactory`), signed with a key that lives as long as the twin, or
as long as its kept data.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import jwt
from fastapi import APIRouter, Depends, Request

from otakit.errors import ServerRefused
from otakit.twin.rest import schemas
from otakit.twin.rest.answers import Reply
from otakit.twin.rest.bodies import members, text
from otakit.twin.rest.door import Door
from otakit.twin.rest.words import ref, says

USER, PASSWORD = "tenant@thingsboard.org", "tenant"  # what every fresh ThingsBoard has
REFRESH_S = 604_800
OPEN = ("/api/auth/", "/api/noauth/", "/api/v1/")
"""Beginnings of paths that need no login; ``/api/v1/`` is the devices' own."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who may use the REST door and the page.

    Attributes:
        key: signs the tokens; one that is kept lets them outlive this process.
        api_key: passes in place of a token, as ``ApiKey <key>``; none without, as on a fresh ThingsBoard.
    """

    user: str = USER
    password: str = field(default=PASSWORD, repr=False)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(64), repr=False, compare=False)
    api_key: str | None = field(default=None, repr=False, compare=False)

    @property
    def is_default(self) -> bool:
        """Whether everybody knows it: that of every fresh ThingsBoard."""
        return self == Login()

    def fits(self, user: str, password: str) -> bool:
        """Whether these are the user and the password; takes as long for wrong ones."""
        same = [
            hmac.compare_digest(given.encode(errors="replace"), own.encode())
            for given, own in ((user, self.user), (password, self.password))
        ]
        return all(same)


class Tokens:
    """Makes and checks tokens."""

    def __init__(self, door: Door, login: Login | None = None) -> None:
        self._door = door
        self.login = login or Login()

    def pair(self) -> dict[str, str]:
        """A fresh token and what it is refreshed with."""
        token_s = self._door.model.settings.token_s
        return {"token": self._made(token_s, "TENANT_ADMIN"), "refreshToken": self._made(REFRESH_S, "REFRESH_TOKEN")}

    def _made(self, life_s: int, scope: str) -> str:
        now, store = int(time.time()), self._door.store
        claims = {
            "sub": self.login.user,
            "userId": store.user_id,
            "scopes": [scope],
            "sessionId": secrets.token_hex(16),
            "exp": now + life_s,
            "iss": "thingsboard.io",
            "iat": now,
            "enabled": True,
            "isPublic": False,
            "tenantId": store.tenant_id,
        }
        return jwt.encode(claims, self.login.key, "HS512")

    def check(self, token: str, scope: str) -> None:
        """Whether a token is one of ours, for this use, and not too old.

        Raises:
            ServerRefused: it is not.
        """
        try:
            claims = jwt.decode(token, self.login.key, ["HS512"])
        except jwt.ExpiredSignatureError as error:
            raise ServerRefused("Token has expired", 401, 11) from error
        except jwt.InvalidTokenError as error:
            raise ServerRefused("Authentication failed", 401, 10) from error
        if claims.get("scopes") != [scope]:
            raise ServerRefused("Authentication failed", 401, 10)

    def check_call(self, path: str, headers: Mapping[str, str]) -> None:
        """Whether a call may pass.

        Raises:
            ServerRefused: it needs a login.
        """
        if not path.startswith("/api/") or path.startswith(OPEN):
            return
        value = headers.get("x-authorization") or headers.get("authorization") or ""
        kind, _, token = value.partition(" ")
        if kind.lower() == "apikey":
            self._check_api_key(token.strip())
            return
        if kind.lower() != "bearer":
            raise ServerRefused("Authentication failed", 401, 10)
        self.check(token.strip(), "TENANT_ADMIN")

    def _check_api_key(self, given: str) -> None:
        """ThingsBoard since 4.3: `ApiKeyAuthenticationProvider`."""
        known = self.login.api_key
        if known is None or self._door.model.settings.is_before(4, 3):
            raise ServerRefused("Authentication failed", 401, 10)
        if not hmac.compare_digest(given.encode(errors="replace"), known.encode()):
            raise ServerRefused("Invalid username or password", 401, 10)


logins = APIRouter(tags=["Login"])


async def _tokens(request: Request) -> Tokens:
    tokens = request.scope["tokens"]
    assert isinstance(tokens, Tokens)
    return tokens


@logins.post("/api/auth/login", **says(ref("TokenPair"), takes=schemas.LOGIN, refuses=(), openly=True))
async def login(tokens: Annotated[Tokens, Depends(_tokens)], request: Request) -> Reply:
    """A token for every call, and one to refresh it with."""
    user, password = await _texts(request, "username", "password")
    if not tokens.login.fits(user, password):
        raise ServerRefused("Invalid username or password", 401, 10)
    return Reply(tokens.pair())


@logins.post("/api/auth/token", **says(ref("TokenPair"), takes=schemas.REFRESH, refuses=(), openly=True))
async def refresh(tokens: Annotated[Tokens, Depends(_tokens)], request: Request) -> Reply:
    """A new pair for a refresh token."""
    (token,) = await _texts(request, "refreshToken")
    tokens.check(token, "REFRESH_TOKEN")
    return Reply(tokens.pair())


async def _texts(request: Request, *names: str) -> list[str]:
    """Members that must be there: a filter reads them before any controller, and calls all else a failed login."""
    try:
        body = await members(request)
        found = [text(body, name) or "" for name in names]
    except ServerRefused as error:
        raise ServerRefused("Authentication failed", 401, 10) from error
    if not all(each.strip() for each in found):
        raise ServerRefused("Authentication failed", 401, 10)
    return found
