"""One REST call to ThingsBoard: login, the request, its answer or one clear error.

Knows tokens and `ThingsboardErrorResponseHandler`; refuses to know paths beyond the login's. The password
and the tokens stay inside: no repr, no text of an error and no log has them.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import quote

import httpx

from otakit.errors import ServerRefused, TransportError

Entity = dict[str, Any]
"""A JSON object of ThingsBoard's, sent back whole when it is changed (the server replaces, it never merges)."""
PAGE_SIZE = 100


class Calls:
    """One tenant administrator's session.

    Args:
        url: base address, such as ``http://127.0.0.1:8080``.
        user: login name.
        password: its password; kept for a new login when the tokens have expired, never shown.
        timeout_s: seconds that one call may take.
        tls: whom to trust at an https address; the system's certificates without.
        transport: what carries the calls; sockets without.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.user = user
        self._password = password
        self.http = httpx.Client(
            base_url=self.url, timeout=timeout_s, trust_env=False, transport=transport, verify=tls or True
        )
        self._token: str | None = None

    def __repr__(self) -> str:
        """Server and user, no secret."""
        return f"{type(self).__name__}({self.url!r}, {self.user!r})"

    def close(self) -> None:
        """Closes the connections."""
        self.http.close()

    def login(self) -> dict[str, str]:
        """The header of a logged-in call; logs in where that is not done yet.

        Raises:
            ServerRefused: user or password is wrong.
            TransportError: nobody answers.
        """
        if self._token is None:
            body = {"username": self.user, "password": self._password}
            answer = self._send("POST", "/api/auth/login", json=body)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise ServerRefused(
                    f"{self.url}: user {self.user!r} or the password is wrong; set OTAKIT_USER and OTAKIT_PASSWORD",
                    401,
                    10,
                )
            tokens = _json(answer, "POST", "/api/auth/login")
            if not isinstance(tokens, dict) or not isinstance(tokens.get("token"), str):
                raise TransportError(
                    f"{self.url}: answered a login without a token; is this ThingsBoard's HTTP address?"
                )
            self._token = tokens["token"]
        return {"X-Authorization": f"Bearer {self._token}"}

    def pages(self, path: str, **params: str) -> list[Entity]:
        """All rows of a list, page after page."""
        found: list[Entity] = []
        page = 0
        while True:
            answer = self.call("GET", path, params={"pageSize": PAGE_SIZE, "page": page, **params})
            found += answer["data"]
            if not answer["hasNext"]:
                return found
            page += 1

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON that answers a call.

        Raises:
            ServerRefused: ThingsBoard said no.
            TransportError: there was no answer, or none of ThingsBoard's.
        """
        answer = self._send(method, path, headers=self.login(), **options)
        if (
            answer.status_code == httpx.codes.UNAUTHORIZED
        ):  # expired: the password is known, so start over once; httpx winds files back
            self._token = None
            answer = self._send(method, path, headers=self.login(), **options)
        return _json(answer, method, path)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self.http.request(method, quote(path), **options)
        except httpx.ConnectError as error:
            raise TransportError(f"{self.url}: nobody answers; is the server running and the address right?") from error
        except httpx.TimeoutException as error:
            raise TransportError(f"{self.url}: no answer to {method} {path} in {self.http.timeout.read} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            text = f"{self.url}: {method} {path} failed ({type(error).__name__}); is this ThingsBoard's HTTP address?"
            raise TransportError(text) from error


def _json(answer: httpx.Response, method: str, path: str) -> Any:
    if answer.is_success:
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            got = answer.headers.get("content-type", "nothing")
            text = f"{method} {path}: expected JSON, got {got}; is this ThingsBoard's HTTP address?"
            raise TransportError(text) from error
    raise refused(method, path, answer)


def refused(method: str, path: str, answer: httpx.Response) -> ServerRefused:
    """The error that an answer stands for."""
    code, message = None, answer.text[:200]
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        code, message = body.get("errorCode"), str(body.get("message", message))
    elif isinstance(body, str):
        message = body
    text = f"{method} {path}: the server refused with {answer.status_code}: {message or answer.reason_phrase}"
    return ServerRefused(text, answer.status_code, code if isinstance(code, int) else None)
