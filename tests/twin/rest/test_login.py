"""Login, tokens and who may pass (`ThingsboardSecurityConfiguration`)."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from otakit.twin.rest.http import application
from otakit.twin.rest.login import PASSWORD, USER, Login

DEFAULT = "/api/deviceProfileInfo/default"


def test_login_gives_two_jwts_that_tell_their_times(rest: Any) -> None:
    """9000 and 604800 seconds, by `iat` and `exp`: a client refreshes by them."""
    pair = rest.login()
    claims = [jwt.decode(pair[name], options={"verify_signature": False}) for name in ("token", "refreshToken")]
    assert [each["exp"] - each["iat"] for each in claims] == [9000, 604_800]


@pytest.mark.parametrize("body", [{"username": USER, "password": "x"}, {"username": "x", "password": PASSWORD}])
def test_wrong_login_is_401(rest: Any, body: dict[str, str]) -> None:
    assert rest.refused("POST", "/api/auth/login", json=body) == (401, 10, "Invalid username or password")


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/token"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"username":" "}', b'{"username":{},"refreshToken":[]}', b"\xff"]
)
def test_login_that_cannot_be_read_is_a_failed_one(rest: Any, path: str, body: bytes) -> None:
    """A filter reads it, not a controller."""
    assert rest.refused("POST", path, content=body) == (401, 10, "Authentication failed")


def test_refresh_gives_a_new_pair(rest: Any) -> None:
    pair = rest.login()
    again = rest.post("/api/auth/token", {"refreshToken": pair["refreshToken"]})
    assert again["token"] != pair["token"]
    assert rest.refused("POST", "/api/auth/token", json={"refreshToken": pair["token"]})[:2] == (401, 10)
    assert rest.refused("POST", "/api/auth/token", json={"refreshToken": "x"})[:2] == (401, 10)


@pytest.mark.parametrize("header", ["X-Authorization", "Authorization"])
def test_either_header_passes(rest: Any, header: str) -> None:
    assert rest.call("GET", DEFAULT, headers={header: f"Bearer {rest.login()['token']}"}).status_code == 200


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer x", "Basic dDp0", "Bearer a.b.c", "ApiKey k"])
def test_call_without_a_good_token_is_401(rest: Any, value: str | None) -> None:
    headers = {} if value is None else {"X-Authorization": value}
    assert rest.refused("GET", DEFAULT, headers=headers) == (401, 10, "Authentication failed")
    assert rest.refused("GET", "/api/no/such/path", headers=headers)[:2] == (401, 10)


def test_refresh_token_is_no_login(rest: Any) -> None:
    headers = {"Authorization": f"Bearer {rest.login()['refreshToken']}"}
    assert rest.refused("GET", DEFAULT, headers=headers)[:2] == (401, 10)


def test_expired_token_has_its_own_code(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = make(token_s=1)
    monkeypatch.setattr("otakit.twin.rest.login.time.time", lambda: 1_000_000_000)
    headers = {"X-Authorization": f"Bearer {rest.login()['token']}"}
    assert rest.refused("GET", DEFAULT, headers=headers) == (401, 11, "Token has expired")


def test_api_key_passes_since_4_3(make: Any) -> None:
    """A key of one's own in place of a token; before 4.3 nobody knew it."""
    for version, status in (("4.3.1.3", 200), ("4.2.1", 401)):
        rest = make(version=version)
        rest.client._transport.app = application(rest.door, login=Login(api_key="k-1"))
        assert rest.call("GET", DEFAULT, headers={"X-Authorization": "ApiKey k-1"}).status_code == status
        assert rest.refused("GET", DEFAULT, headers={"X-Authorization": "ApiKey k-2"})[:2] == (401, 10)


def test_secrets_of_the_login_are_in_no_repr() -> None:
    assert "secret" not in repr(Login("u", "secret", b"secret", "secret"))
