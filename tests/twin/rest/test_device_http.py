"""The devices' own HTTP API (`DeviceApiController`): packages, attributes, telemetry, provisioning, rate limits."""

from __future__ import annotations

from typing import Any

import pytest

from otakit.twin.settings import SECOND

API = "/api/v1/T"
FIRMWARE = f"{API}/firmware?title=pump&version=1.10"


@pytest.fixture
def assigned(rest: Any) -> Any:
    """A door where device T has package pump 1.10."""
    rest.assign(rest.upload(), rest.add_device())
    return rest


def bare(rest: Any, path: str, method: str = "GET", **options: Any) -> int:
    """The status of a refusal without a body."""
    answer = rest.call(method, path, headers={}, **options)
    assert answer.content == b""
    return int(answer.status_code)


def test_image_comes_whole_or_in_chunks(assigned: Any) -> None:
    """A size of 0 or below is the whole file whatever the index; past the end there is nothing, and no error."""
    for query in ("", "&size=0&chunk=7", "&size=-1"):
        whole = assigned.call("GET", FIRMWARE + query, headers={})
        assert whole.content == assigned.image
        assert whole.headers["content-disposition"] == "attachment;filename=image.bin"
    for index, length in ((0, 65_536), (3, 3392), (4, 0)):
        answer = assigned.call("GET", f"{FIRMWARE}&size=65536&chunk={index}")
        assert (answer.status_code, answer.headers["x-filename"]) == (200, "image.bin")
        assert answer.content == assigned.image[65_536 * index :][:length]


def test_refusals_of_downloads_have_no_body(assigned: Any) -> None:
    assert bare(assigned, "/api/v1/X/firmware?title=pump&version=1.10") == 401
    assert bare(assigned, f"{API}/firmware?title=pump&version=1.9") == 400
    assert bare(assigned, f"{API}/firmware?title=Pump&version=1.10") == 400
    assert bare(assigned, f"{API}/software?title=pump&version=1.10") == 404


def test_url_package_is_404(rest: Any) -> None:
    rest.assign(rest.describe(usesUrl=True, url="https://x"), rest.add_device())
    assert bare(rest, FIRMWARE) == 404


@pytest.mark.parametrize(
    "query", ["title=pump", "version=1", "title=a&version=b&size=x", "title=a&version=b&chunk=1.5"]
)
def test_parameter_that_is_missing_or_no_number_is_400(assigned: Any, query: str) -> None:
    """No controller of the operator's: what is missing is a bad argument here."""
    assert assigned.refused("GET", f"{API}/firmware?{query}", headers={})[:2] == (400, 31)


def test_every_download_asks_anew(assigned: Any) -> None:
    """The cache may be empty, and a package that was assigned in between is told by 400."""
    assigned.model.cache.drop(next(iter(assigned.model.store.packages)))
    assert len(assigned.call("GET", FIRMWARE + "&size=10&chunk=1").content) == 10
    device = assigned.get("/api/tenant/device?deviceName=d1")
    assigned.assign(assigned.upload(version="1.11", content=b"new"), device)
    assert bare(assigned, FIRMWARE + "&size=10&chunk=1") == 400


def test_attributes_are_told_by_key_or_all(assigned: Any) -> None:
    assert assigned.call("POST", f"{API}/attributes", content=b'{"serial":"a7","x":"1.0"}', headers={}).content == b""
    path = f"{API}/attributes"
    assert assigned.get(f"{path}?sharedKeys=fw_title,nope&clientKeys=x") == {
        "client": {"x": 1.0},
        "shared": {"fw_title": "pump"},
    }
    assert assigned.get(f"{path}?sharedKeys=fw_title") == {"shared": {"fw_title": "pump"}}
    assert assigned.get(f"{path}?clientKeys=nope") == {}
    assert set(assigned.get(f"{path}?sharedKeys=,")) == {"client", "shared"}
    assert set(assigned.get(path)["client"]) == {"serial", "x"}


def test_empty_key_is_never_answered(make: Any) -> None:
    """The lookup fails in the core; the call ends when its time is up."""
    rest = make(long_poll_s=0.01)
    rest.add_device()
    assert bare(rest, f"{API}/attributes?sharedKeys=,a") == 408


def test_telemetry_is_stored(rest: Any) -> None:
    device = rest.add_device()
    assert bare(rest, f"{API}/telemetry", "POST", content=b'{"fw_state":"UPDATED"}') == 200
    latest = rest.get(f"/api/plugins/telemetry/DEVICE/{device['id']['id']}/values/timeseries")
    assert latest == {"fw_state": [{"ts": rest.now // 10**6, "value": "UPDATED"}]}


@pytest.mark.parametrize("path", ["telemetry", "attributes"])
@pytest.mark.parametrize("body", [b"no", b"{", b"5", b'{"a":1}x'])
def test_bad_json_is_500_with_what_the_parser_says(rest: Any, path: str, body: bytes) -> None:
    rest.add_device()
    status, text = rest.plain("POST", f"{API}/{path}", content=body, headers={})
    assert (status, bool(text)) == (500, True)


def test_what_the_api_cannot_do_without_is_refused(rest: Any) -> None:
    rest.add_device()
    assert bare(rest, "/api/v1/X/telemetry", "POST", content=b"{}") == 401
    assert bare(rest, f"{API}/telemetry", "POST", content=b'{"ts":"x","values":{"a":1}}') == 500
    assert rest.refused("POST", f"{API}/telemetry", headers={})[:2] == (400, 31)
    assert rest.refused("GET", f"{API}/rpc", headers={})[:2] == (404, 32)


def test_rate_limit_ends_in_an_empty_500(make: Any) -> None:
    rest = make(device_telemetry_messages="2:60", device_messages="1:60")
    rest.add_device()
    sent = [bare(rest, f"{API}/telemetry", "POST", content=b'{"a":1}') for _ in range(3)]
    assert sent == [200, 200, 500]
    assert rest.get(f"{API}/attributes", headers={}) == {}
    assert bare(rest, f"{API}/attributes") == 500
    rest.now += 60 * SECOND
    assert bare(rest, f"{API}/telemetry", "POST", content=b'{"a":1}') == 200


def test_token_alone_opens_the_door(rest: Any) -> None:
    """Credentials of other kinds do not, even where their id is known."""
    device = rest.add_device()
    there = rest.get(f"/api/device/{device['id']['id']}/credentials")
    value = '{"userName":"T","password":"p"}'
    rest.post("/api/device/credentials", {**there, "credentialsType": "MQTT_BASIC", "credentialsValue": value})
    assert bare(rest, f"{API}/attributes") == 401


@pytest.fixture
def provisioning(rest: Any) -> Any:
    """A door with a profile that creates devices for key K and secret S."""
    plain, kind = {"type": "DEFAULT"}, "ALLOW_CREATE_NEW_DEVICES"
    secret = {"type": kind, "provisionDeviceSecret": "S"}
    data = {"configuration": plain, "transportConfiguration": plain, "provisionConfiguration": secret}
    rest.add_profile("P", provisionType=kind, provisionDeviceKey="K", profileData=data)
    return rest


def test_provisioning_answers_200_whatever_comes_of_it(provisioning: Any) -> None:
    asked = {"deviceName": "new", "provisionDeviceKey": "K", "provisionDeviceSecret": "S"}
    given = provisioning.post("/api/v1/provision", asked, headers={})
    assert (given["status"], given["credentialsType"]) == ("SUCCESS", "ACCESS_TOKEN")
    assert provisioning.get(f"/api/v1/{given['credentialsValue']}/attributes", headers={}) == {}
    again = provisioning.post("/api/v1/provision", asked, headers={})
    assert again == {"errorMsg": "Failed to provision device!", "status": "FAILURE"}
    wrong = provisioning.post("/api/v1/provision", {**asked, "provisionDeviceSecret": "x"}, headers={})
    assert wrong == {"errorMsg": "Provision data was not found!", "status": "NOT_FOUND"}


@pytest.mark.parametrize("body", [b"no", b"[]", b"{}", b'{"provisionDeviceKey":"K"}'])
def test_provisioning_without_key_or_secret_is_500(provisioning: Any, body: bytes) -> None:
    assert provisioning.refused("POST", "/api/v1/provision", content=body, headers={})[:2] == (500, 2)
