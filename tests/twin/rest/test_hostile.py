"""What no operator sends: always one answer of the documented kinds, never a traceback, never a secret told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otakit.errors import ServerRefused
from otakit.protocol.messages import Kind
from otakit.twin.rest.bodies import checked_uuid, object_of
from otakit.twin.rest.login import PASSWORD
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

POSTS = (
    "/api/device", "/api/device/credentials", "/api/device-with-credentials", "/api/deviceProfile", "/api/otaPackage",
    "/api/auth/login", "/api/auth/token", "/api/v1/provision", "/api/v1/T/telemetry", "/api/v1/T/attributes",
    "/api/plugins/telemetry/DEVICE/{id}/SHARED_SCOPE", "/api/plugins/telemetry/DEVICE/{id}/timeseries/ANY",
)  # fmt: skip
BODIES = {
    "empty": b"",
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and closed": b'{"additionalInfo":' + b"[" * 900 + b"]" * 900 + b',"name":"x"}',
    "NaN": b'{"name":NaN,"version":NaN,"a":NaN}',
    "infinity": b'{"name":-Infinity,"a":1e999}',
    "duplicates": b'{"name":"a","name":"b","a":1,"a":2}',
    "no UTF-8": b'{"name":"\xff\xfe"}',
    "UTF-16": '{"name":"x"}'.encode("utf-16"),
    "half a character": b'{"name":"\\ud800","a":"\\udfff"}',
    "NUL": b'{"name":"a\\u0000b","\\u0000":"c"}',
    "endless number": b'{"version":' + b"9" * 5000 + b"}",
    "endless fraction": b'{"version":0.' + b"9" * 5000 + b"}",
    "just a text": b'"x"',
    "trailing": b'{"name":"x"}}',
    "markup": b'{"name":"<script>alert(1)</script>","title":"<script>","version":"1","type":"FIRMWARE"}',
}
WRONG = [5, 1.5, -(2**70), True, [], {}, [[]], "", "x" * 70_000, {"id": 5}, {"id": "x"}, {"id": {}}, {"type": []}, None]


def is_documented(answer: Any) -> bool:
    """JSON of the one form, a bare plain text, or nothing; and no error of ours."""
    if "Unexpected " in answer.text or "Traceback" in answer.text:
        return False
    if answer.status_code == 200 or not answer.content:
        return True
    if answer.headers["content-type"].startswith("text/plain"):
        return bool(answer.text)
    body = answer.json()
    return set(body) == {"status", "message", "errorCode", "timestamp"} and body["status"] == answer.status_code


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_body_of_any_kind_gets_one_answer(rest: Any, body: bytes) -> None:
    identifier = rest.add_device()["id"]["id"]
    for path in POSTS:
        answer = rest.call("POST", path.format(id=identifier), content=body)
        assert is_documented(answer), (path, answer.text)
    for path in (f"/api/device/{identifier}", "/api/tenant/devices?pageSize=9&page=0"):
        assert rest.call("GET", path).status_code == 200


def members_of(whole: Any) -> list[tuple[str, ...]]:
    """Every member, and every member of its objects."""
    inner = [(name, each) for name, value in whole.items() if isinstance(value, dict) for each in value]
    return [*((name,) for name in whole), *inner]


def spoilt(whole: Any, place: tuple[str, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(whole))
    outer = changed if len(place) == 1 else changed[place[0]]
    outer[place[-1]] = value
    return changed


@pytest.mark.parametrize("what", ["device", "device/credentials", "deviceProfile", "otaPackage"])
def test_value_of_the_wrong_kind_in_every_member_gets_one_answer(rest: Any, what: str) -> None:
    device, package = rest.add_device(), rest.describe()
    whole = {
        "device": device,
        "device/credentials": rest.get(f"/api/device/{device['id']['id']}/credentials"),
        "deviceProfile": rest.get(f"/api/deviceProfile/{rest.default_profile()['id']}"),
        "otaPackage": package,
    }[what]
    for place in members_of(whole):
        for value in WRONG:
            answer = rest.call("POST", f"/api/{what}", json=spoilt(whole, place, value))
            assert is_documented(answer), (place, value, answer.text)
    for path in ("tenant/devices", "deviceProfiles", "deviceProfileInfos", "otaPackages"):
        assert rest.call("GET", f"/api/{path}?pageSize=1000&page=0").status_code == 200


def refusal_of(read: Callable[[Any], Any], given_value: Any) -> tuple[int, int | None] | None:
    """Status and errorCode with which something is refused; None when it is read."""
    try:
        read(given_value)
    except ServerRefused as error:
        return error.status or 0, error.error_code
    return None


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,\\ud80aft1.e-N', max_size=60).map(str.encode))
def test_any_bytes_are_an_object_or_a_general_error(raw: bytes) -> None:
    assert refusal_of(object_of, raw) in (None, (500, 2))


@given(st.text(max_size=50) | st.uuids().map(str) | st.from_regex(r"[0-9a-f]{1,9}(-[0-9a-f]{1,5}){4}"))
def test_any_text_is_an_id_or_a_bad_argument(text: str) -> None:
    assert refusal_of(checked_uuid, text) in (None, (400, 31))


def test_body_nested_deeper_than_it_could_be_written_is_refused() -> None:
    """The bound is one of depth, not of this machine's stack."""
    assert refusal_of(object_of, b'{"a":' + b"[" * 498 + b"]" * 498 + b"}") is None
    assert refusal_of(object_of, b'{"a":' + b"[" * 600 + b"]" * 600 + b"}") == (500, 2)


def test_id_may_lack_leading_zeros_as_in_java() -> None:
    assert checked_uuid("1-2-3-4-5") == "00000001-0002-0003-0004-000000000005"


@pytest.mark.parametrize(
    "path",
    [
        "/api/device/..%2f..%2fetc%2fpasswd",
        "/api/device/%00",
        "/api/device/%ff",
        "/api/device/" + "a" * 10_000,
        "/api//device",
        "/api/device/",
        "/api/%2e%2e/device",
        "/api/otaPackage/info/../../../x",
        "/api/v1/%2e%2e/firmware?title=a&version=b",
        "/api/v1//telemetry",
        "/api/tenant/device?deviceName=%ff%00",
        "/api/tenant/devices?pageSize=9&page=2147483647",
        "/api/plugins/telemetry/DEVICE/x/values/timeseries?keys=" + "k," * 5000,
        "/v3/api-docs/../../api/device",
    ],
)
def test_path_with_a_trick_leads_nowhere(rest: Any, path: str) -> None:
    answer = rest.call("GET", path)
    assert is_documented(answer), answer.text
    assert answer.status_code in (200, 400, 401, 404, 405)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60), max_size=4).map(b"\r\n".join), st.text("ab-;=\"'", max_size=12))
def test_form_of_any_bytes_gets_one_answer(rest: Any, body: bytes, boundary: str) -> None:
    made = rest.found = getattr(rest, "found", None) or rest.describe()
    headers = {**rest.headers, "content-type": f"multipart/form-data; boundary={boundary}"}
    path = f"/api/otaPackage/{made['id']['id']}?checksumAlgorithm=MD5"
    assert is_documented(rest.call("POST", path, content=body, headers=headers))
    assert list(rest.door.folder.iterdir()) == []


def test_body_without_an_end_is_cut_off(make: Any) -> None:
    """A chunked one has no length to refuse; it is neither kept nor waited for."""
    rest = make(multipart_limit_bytes=1000)

    async def endless() -> Any:
        while True:
            yield b"x" * 65_536

    assert rest.refused("POST", "/api/device", content=endless()) == (413, 2, "Maximum upload size exceeded")
    assert rest.call("POST", "/api/no/such/path", content=endless()).status_code == 404


def test_thousand_pages_turn(rest: Any) -> None:
    """Each costs what it shows, not what the list holds."""
    for number in range(1000):
        rest.model.save_device(Device(f"d{number}"), rest.now)
    seen = [rest.get(f"/api/tenant/devices?pageSize=10&page={page}") for page in range(100)]
    assert sum(len(page["data"]) for page in seen) == 1000
    assert [page["hasNext"] for page in seen] == [True] * 99 + [False]
    assert rest.get("/api/tenant/devices?pageSize=1&page=999")["totalPages"] == 1000


def test_secrets_are_in_no_log(rest: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rest.add_device(token="t0ken-of-a-device")
    rest.call("GET", "/api/v1/t0ken-of-a-device/attributes")
    rest.call("POST", "/api/v1/t0ken-of-a-device/telemetry", content=b"{")
    rest.call("POST", "/api/auth/login", json={"username": "u", "password": "wr0ng-pa55word"})
    said = caplog.text + "".join(repr(record.args) for record in caplog.records if not record.name.startswith("httpx"))
    for secret in ("wr0ng-pa55word", f'"{PASSWORD}"', rest.headers["X-Authorization"]):
        assert secret not in said


Story = Callable[[TwinServer], Coroutine[Any, Any, None]]


@pytest.fixture
def served() -> Callable[[Story], None]:
    """Plays a story against a served twin, and looks whether anything fell on the way."""

    def played(story: Story) -> None:
        async def whole() -> None:
            server = TwinServer(TwinSettings())
            await server.start()
            try:
                await story(server)
            finally:
                await server.close()
            assert server.faults == []

        asyncio.run(whole())

    return played


async def said(server: TwinServer, request: bytes) -> bytes:
    """What comes back until the server closes."""
    reader, writer = await asyncio.open_connection(*server.http)
    with contextlib.suppress(ConnectionError):
        writer.write(request)
        await writer.drain()
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"X-%d: y\r\n" % number for number in range(20_000)),
        b"X: " + b"y" * 200_000 + b"\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"no colon\r\n",
        b"X: \x00\r\n",
    ],
    ids=["many", "long", "negative", "twice", "no colon", "NUL"],
)
def test_flood_of_headers_ends_the_connection_only(served: Callable[[Story], None], head: bytes) -> None:
    async def story(server: TwinServer) -> None:
        first = b"GET /api/device/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        answer = await said(server, first + head + b"\r\n")
        assert answer[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 431")
        assert b"Traceback" not in answer
        good = await said(server, b"GET /docs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert good.startswith(b"HTTP/1.1 200")

    served(story)


def test_slow_upload_keeps_nobody_waiting(served: Callable[[Story], None]) -> None:
    """Others are answered while it trickles, and nothing is left of it when it stops."""

    async def story(server: TwinServer) -> None:
        login = json.dumps({"username": "tenant@thingsboard.org", "password": PASSWORD}).encode()
        head = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        answer = await said(server, head % len(login) + login)
        token = json.loads(answer.partition(b"\r\n\r\n")[2])["token"].encode()
        form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: a/b\r\n\r\n'
        _reader, writer = await asyncio.open_connection(*server.http)
        package = server.model.upload(Kind.FIRMWARE, "pump", "1", b"x", server.now())
        path = b"/api/otaPackage/%s?checksumAlgorithm=MD5" % package.id.encode()
        writer.write(b"POST %s HTTP/1.1\r\nHost: localhost\r\nX-Authorization: Bearer %s\r\n" % (path, token))
        writer.write(b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n" + form)
        for piece in (b"1", b"2", b"3"):
            writer.write(piece)
            good = await said(server, b"GET /docs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert good.startswith(b"HTTP/1.1 200")
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        assert server._folder is not None
        async with asyncio.timeout(20):
            while list(server._folder.rglob("*-*")):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0)

    served(story)
