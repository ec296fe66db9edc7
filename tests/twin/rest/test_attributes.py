"""Attributes over REST (`TelemetryController`): scopes, paths, plain-text refusals."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def root(rest: Any) -> str:
    """Where a device's attributes are."""
    return f"/api/plugins/telemetry/DEVICE/{rest.add_device()['id']['id']}"


def values(rest: Any, root: str, scope: str) -> dict[str, Any]:
    return {row["key"]: row["value"] for row in rest.get(f"{root}/values/attributes/{scope}")}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_body_is_json_whatever_its_content_type(rest: Any, root: str, content_type: str) -> None:
    headers = {**rest.headers, "content-type": content_type}
    answer = rest.call("POST", f"{root}/SHARED_SCOPE", content=b'{"a":"2.0"}', headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    (row,) = rest.get(f"{root}/values/attributes/SHARED_SCOPE")
    assert row == {"lastUpdateTs": rest.now // 10**6, "key": "a", "value": 2.0}


@pytest.mark.parametrize("scope", ["SHARED_SCOPE", "SERVER_SCOPE"])
@pytest.mark.parametrize("path", ["{root}/{scope}", "{root}/attributes/{scope}", "/api/plugins/telemetry/{id}/{scope}"])
def test_three_paths_write_and_two_delete(rest: Any, root: str, path: str, scope: str) -> None:
    path = path.format(root=root, scope=scope, id=root.rpartition("/")[2])
    rest.post(path, {"a": 1, "b": [1, "2"], "c": None})
    assert values(rest, root, scope) == {"a": 1, "b": [1, "2"]}
    path = path.replace("/attributes", "")
    assert rest.call("DELETE", f"{path}?keys=a,nope").content == b""
    assert values(rest, root, scope) == {"b": [1, "2"]}


def test_keys_choose_rows_by_comma_or_repeated(rest: Any, root: str) -> None:
    rest.post(f"{root}/SHARED_SCOPE", {"a": 1, "b": 2, "c,d": 3})
    path = f"{root}/values/attributes"
    assert {row["key"] for row in rest.get(f"{path}?keys=a,b,nope")} == {"a", "b"}
    assert {row["key"] for row in rest.get(f"{path}/SHARED_SCOPE?key=a&key=c,d")} == {"a", "c,d"}
    assert {row["key"] for row in rest.get(f"{path}/SHARED_SCOPE?keys=a&key=b")} == {"b"}
    assert len(rest.get(f"{path}?keys=")) == 3


def test_repeated_key_is_known_since_4_3(make: Any) -> None:
    """Before, Spring took no notice of it."""
    rest = make(version="4.2.1")
    root = f"/api/plugins/telemetry/DEVICE/{rest.add_device()['id']['id']}"
    rest.post(f"{root}/SHARED_SCOPE", {"a": 1, "b": 2})
    assert len(rest.get(f"{root}/values/attributes?key=a")) == 2
    assert len(rest.get(f"{root}/values/attributes?keys=a&key=b")) == 1


def test_scopes_are_told_apart(rest: Any, root: str) -> None:
    rest.post(f"{root}/SHARED_SCOPE", {"a": 1})
    rest.post(f"{root}/SERVER_SCOPE", {"s": 1})
    assert rest.get(f"{root}/keys/attributes/SERVER_SCOPE") == ["s"]
    assert rest.get(f"{root}/keys/attributes/CLIENT_SCOPE") == []
    assert rest.get(f"{root}/keys/attributes") == ["a", "s"]


def test_device_hears_of_shared_attributes_only(rest: Any, root: str) -> None:
    heard: list[Any] = []
    device_id = root.rpartition("/")[2]
    for scope in ("SERVER_SCOPE", "SHARED_SCOPE"):
        rest.model.sessions.hear_once(device_id, heard.append)
        rest.post(f"{root}/{scope}", {scope: 1})
    rest.model.sessions.hear_once(device_id, heard.append)
    rest.call("DELETE", f"{root}/SHARED_SCOPE?keys=nope")
    assert heard == [{"SHARED_SCOPE": 1}, {"deleted": ["nope"]}]


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("POST", "/CLIENT_SCOPE", b'{"a":1}', "Invalid scope: CLIENT_SCOPE"),
        ("POST", "/SHARED_SCOPE", b"[]", "Request is not a JSON object"),
        ("POST", "/SHARED_SCOPE", b"{", "Invalid JSON"),
        ("POST", "/SHARED_SCOPE", b"{}", "No attributes data found in request body!"),
        ("POST", "/SHARED_SCOPE", b'{"a":null}', "No attributes data found in request body!"),
        ("POST", "/SHARED_SCOPE", b'{" ":1}', "Key cannot be blank"),
        ("DELETE", "/SHARED_SCOPE", b"", "Empty keys: []"),
        ("DELETE", "/SHARED_SCOPE?keys=,,", b"", "Empty keys: []"),
    ],
)
def test_refusals_of_the_controller_are_plain_texts(
    rest: Any, root: str, method: str, path: str, body: bytes, text: str
) -> None:
    assert rest.plain(method, root + path, content=body) == (400, text)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "values/attributes"),
        ("GET", "values/attributes/SHARED_SCOPE"),
        ("GET", "keys/attributes"),
        ("GET", "keys/timeseries"),
        ("GET", "values/timeseries"),
        ("GET", "values/timeseries/history?keys=a&startTs=0&endTs=1"),
        ("POST", "SHARED_SCOPE"),
        ("POST", "SERVER_SCOPE"),
        ("POST", "timeseries/ANY"),
        ("DELETE", "SHARED_SCOPE?keys=a"),
    ],
)
def test_unknown_device_is_404_in_plain_text(rest: Any, method: str, path: str) -> None:
    body = {"content": b'{"a":1}'} if method == "POST" else {}
    found = rest.plain(method, f"/api/plugins/telemetry/DEVICE/{rest.nobody}/{path}", **body)
    assert found == (404, "Device with requested id wasn't found!")


def test_what_spring_refuses_before_is_json(rest: Any, root: str) -> None:
    """A bad id, an unknown scope, a missing body."""
    assert rest.refused("GET", "/api/plugins/telemetry/DEVICE/x/values/attributes")[:2] == (400, 31)
    assert rest.refused("GET", f"{root}/values/attributes/MY_SCOPE")[:2] == (400, 31)
    assert rest.refused("POST", f"{root}/MY_SCOPE", json={"a": 1})[:2] == (400, 31)
    assert rest.refused("POST", f"{root}/SHARED_SCOPE") == (500, 2, "Required request body is missing")
