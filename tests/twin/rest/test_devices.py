"""Devices and their credentials over REST (`DeviceController`)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

PRE = "/api/device"


def sha3(text: str) -> str:
    return hashlib.sha3_256(text.encode()).hexdigest()


def test_new_device_has_version_1_and_a_random_token(rest: Any) -> None:
    made = rest.post(PRE, {"name": "d1"})
    assert (made["version"], made["firmwareId"], made["type"]) == (1, None, "default")
    credentials = rest.get(f"{PRE}/{made['id']['id']}/credentials")
    assert (credentials["credentialsType"], credentials["credentialsValue"]) == ("ACCESS_TOKEN", None)
    assert len(credentials["credentialsId"]) == 20
    assert credentials["credentialsId"].isalnum()


def test_type_names_a_profile_and_makes_a_missing_one(rest: Any) -> None:
    made = rest.post(PRE, {"name": "d1", "type": "pumps"})
    assert rest.get(f"/api/deviceProfile/{made['deviceProfileId']['id']}")["name"] == "pumps"


def test_post_replaces_the_whole_device(rest: Any) -> None:
    """What the body leaves out is cleared: package, label; the profile goes back to the default."""
    profile = rest.add_profile("P")
    package = rest.upload(deviceProfileId=profile["id"])
    made = rest.post(PRE, {"name": "d1", "label": "l", "deviceProfileId": profile["id"], "firmwareId": package["id"]})
    again = rest.post(PRE, {"id": made["id"], "name": "d1"})
    assert (again["firmwareId"], again["label"], again["type"], again["version"]) == (None, None, "default", 2)


def test_stale_version_is_a_conflict_and_none_overwrites(rest: Any) -> None:
    made = rest.add_device()
    rest.post(PRE, {**made, "label": "new"})
    assert rest.refused("POST", PRE, json=made) == (409, 35, "Device was already changed by someone else")
    assert rest.post(PRE, {**made, "version": None})["version"] == 3


def test_device_is_found_by_name_on_both_paths(rest: Any) -> None:
    made = rest.add_device("pump 7")
    for path in ("/api/tenant/device", "/api/tenant/devices"):
        assert rest.get(path, params={"deviceName": "pump 7"})["id"] == made["id"]
        assert rest.refused("GET", f"{path}?deviceName=x") == (404, 32, "Requested item wasn't found!")


def test_unknown_device_is_404_and_a_bad_id_400(rest: Any) -> None:
    for path in (f"{PRE}/{rest.nobody}", f"{PRE}/{rest.nobody}/credentials"):
        assert rest.refused("GET", path) == (404, 32, f"Device with id [{rest.nobody}] is not found")
    assert rest.refused("DELETE", f"{PRE}/{rest.nobody}")[:2] == (404, 32)
    assert rest.refused("GET", f"{PRE}/x") == (400, 31, "Invalid UUID string: x")


def test_deleted_device_is_gone(rest: Any) -> None:
    path = f"{PRE}/{rest.add_device()['id']['id']}"
    answer = rest.call("DELETE", path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert rest.refused("GET", path)[:2] == (404, 32)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": "d1"}, "Device with such name already exists!"),
        ({"name": " "}, "Device name should be specified!"),
        ({"name": "n" * 256}, "Validation error: name length must be equal or less than 255"),
        ({"deviceProfileId": {"id": "00000000-0000-4000-8000-000000000000"}}, "device profile"),
    ],
)  # fmt: skip
def test_rule_of_devices_is_400(rest: Any, fields: dict[str, Any], text: str) -> None:
    rest.add_device("d1")
    status, code, message = rest.refused("POST", PRE, json={"name": "d2", **fields})
    assert (status, code) == (400, 31)
    assert text in message


def test_taken_token_is_refused(rest: Any) -> None:
    rest.add_device("d1", "T")
    text = "Device credentials are already assigned to another device!"
    assert rest.refused("POST", f"{PRE}?accessToken=T", json={"name": "d2"}) == (400, 31, text)


def created(rest: Any, kind: str, identifier: str | None, value: str | None) -> Any:
    credentials = {"credentialsType": kind, "credentialsId": identifier, "credentialsValue": value}
    made = rest.post("/api/device-with-credentials", {"device": {"name": kind}, "credentials": credentials})
    return rest.get(f"{PRE}/{made['id']['id']}/credentials")


def test_device_comes_with_the_credentials_it_is_given(rest: Any) -> None:
    """The id of a token is the token; of the other kinds it is computed from the value, whatever is sent."""
    basic = json.dumps({"clientId": "cid-1", "userName": "user-1", "password": "p"})
    assert created(rest, "ACCESS_TOKEN", "T", None)["credentialsId"] == "T"
    made = created(rest, "MQTT_BASIC", "ignored", basic)
    assert made["credentialsId"] == sha3("cid-1|user-1")
    assert json.loads(made["credentialsValue"]) == json.loads(basic)
    text = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n"
    made = created(rest, "X509_CERTIFICATE", None, text)
    assert (made["credentialsId"], made["credentialsValue"]) == (sha3("TUlJ"), "TUlJ")


def test_credentials_are_changed_with_their_id_only(rest: Any) -> None:
    made = rest.add_device()
    there = rest.get(f"{PRE}/{made['id']['id']}/credentials")
    value = json.dumps({"userName": "u"})
    changed = rest.post(f"{PRE}/credentials", {**there, "credentialsType": "MQTT_BASIC", "credentialsValue": value})
    assert (changed["credentialsId"], changed["version"]) == ("u", 2)
    text = "Credentials for this device are already specified!"
    assert rest.refused("POST", f"{PRE}/credentials", json={**there, "id": None}) == (400, 31, text)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("MQTT_BASIC", "{", "Invalid credentials body for simple mqtt credentials!"),
        ("MQTT_BASIC", "{}", "Both mqtt client id and user name are empty!"),
        ("MQTT_BASIC", '{"clientId":"c","password":"p"}', "Password cannot be specified along with client id"),
        ("ACCESS_TOKEN", None, "Device credentials id should be specified!"),
    ],
)
def test_rule_of_credentials_is_400(rest: Any, kind: str, value: str | None, text: str) -> None:
    credentials = {"credentialsType": kind, "credentialsValue": value}
    body = {"device": {"name": "d1"}, "credentials": credentials}
    assert rest.refused("POST", "/api/device-with-credentials", json=body) == (400, 31, text)


def test_credentials_of_nobody_are_refused(rest: Any) -> None:
    body = {"deviceId": {"entityType": "DEVICE", "id": rest.nobody}, "credentialsType": "ACCESS_TOKEN"}
    assert rest.refused("POST", f"{PRE}/credentials", json=body)[:2] == (404, 32)
    assert rest.refused("POST", f"{PRE}/credentials", json={})[:2] == (500, 2)
    assert rest.refused("POST", "/api/device-with-credentials", json={"device": {"name": "x"}})[:2] == (400, 31)


def test_list_turns_pages_searches_and_orders(rest: Any) -> None:
    for number in range(5):
        rest.post(PRE, {"name": f"d{number}", "label": "even" if number % 2 == 0 else None})
    page = rest.get("/api/tenant/devices?pageSize=2&page=1")
    assert [each["name"] for each in page["data"]] == ["d2", "d3"]
    assert (page["totalPages"], page["totalElements"], page["hasNext"]) == (3, 5, True)
    found = rest.get("/api/tenant/devices?pageSize=9&page=0&textSearch=EVEN&sortProperty=name&sortOrder=DESC")
    assert [each["name"] for each in found["data"]] == ["d4", "d2", "d0"]
    last = rest.get("/api/tenant/devices?pageSize=2&page=2")
    assert (len(last["data"]), last["hasNext"]) == (1, False)
    assert rest.get("/api/tenant/devices?pageSize=9&page=7")["data"] == []
    assert rest.get("/api/tenant/devices?pageSize=9&page=0&type=other")["totalElements"] == 0


@pytest.mark.parametrize(
    ("query", "kind", "text"),
    [
        ("page=0", (500, 2), "Required request parameter 'pageSize' is not present"),
        ("pageSize=9", (500, 2), "Required request parameter 'page' is not present"),
        ("pageSize=0&page=0", (400, 31), "page size '0'"),
        ("pageSize=9&page=-1", (400, 31), "page '-1'"),
        ("pageSize=x&page=0", (400, 31), 'For input string: "x"'),
        ("pageSize=-2147483649&page=0", (400, 31), 'For input string: "-2147483649"'),
        ("pageSize=2147483648&page=0", (400, 31), 'For input string: "2147483648"'),
        ("pageSize=9&page=0&sortProperty=name&sortOrder=UP", (400, 31), "Unsupported sort order 'UP'"),
        ("pageSize=9&page=0&sortProperty=colour", (400, 31), "Unsupported sort property 'colour'"),
    ],
)
def test_page_that_cannot_be_is_refused(rest: Any, query: str, kind: tuple[int, int], text: str) -> None:
    """What is missing is a general error, since Spring raises it inside the controller."""
    for path in ("tenant/devices", "deviceProfiles", "deviceProfileInfos", "otaPackages"):
        status, code, message = rest.refused("GET", f"/api/{path}?{query}")
        assert ((status, code), text in message) == (kind, True)
