"""Device profiles over REST (`DeviceProfileController`)."""

from __future__ import annotations

from typing import Any

import pytest

PATH = "/api/deviceProfile"
PLAIN = {"type": "DEFAULT"}


def test_default_profile_is_there_in_short_form(rest: Any) -> None:
    found = rest.get("/api/deviceProfileInfo/default")
    assert (found["name"], found["type"], found["transportType"]) == ("default", "DEFAULT", "DEFAULT")
    assert found["id"]["entityType"] == "DEVICE_PROFILE"
    assert rest.get(f"/api/deviceProfileInfo/{found['id']['id']}") == found


def test_profile_is_created_replaced_and_deleted(rest: Any) -> None:
    made = rest.add_profile("P", description="d")
    assert (made["version"], made["default"], made["description"]) == (1, False, "d")
    assert rest.get(f"{PATH}/{made['id']['id']}") == made
    part = {name: made[name] for name in ("id", "name", "type", "transportType", "profileData")}
    assert rest.post(PATH, part)["description"] is None
    assert rest.refused("POST", PATH, json=made)[:2] == (409, 35)
    assert rest.call("DELETE", f"{PATH}/{made['id']['id']}").content == b""
    assert rest.refused("GET", f"{PATH}/{made['id']['id']}")[:2] == (404, 32)


def test_lists_hold_every_profile(rest: Any) -> None:
    rest.add_profile("P")
    for path in ("/api/deviceProfiles", "/api/deviceProfileInfos"):
        page = rest.get(f"{path}?pageSize=10&page=0&sortProperty=name")
        assert [each["name"] for each in page["data"]] == ["P", "default"]


def test_mqtt_transport_is_kept_and_given_back(rest: Any) -> None:
    transport = {
        "type": "MQTT",
        "deviceTelemetryTopic": "my/tm",
        "deviceAttributesTopic": "my/at",
        "deviceAttributesSubscribeTopic": "my/sub",
        "transportPayloadTypeConfiguration": {"transportPayloadType": "JSON"},
        "sparkplug": False,
        "sendAckOnValidationException": True,
    }
    data = {"configuration": PLAIN, "transportConfiguration": transport}
    made = rest.add_profile("M", transportType="MQTT", profileData=data)
    assert made["transportType"] == "MQTT"
    assert rest.get(f"{PATH}/{made['id']['id']}")["profileData"]["transportConfiguration"] == transport


def provisioned(rest: Any, name: str, key: str, kind: str = "ALLOW_CREATE_NEW_DEVICES") -> dict[str, Any]:
    secret = {"type": kind, "provisionDeviceSecret": "S"}
    data = {"configuration": PLAIN, "transportConfiguration": PLAIN, "provisionConfiguration": secret}
    return {"name": name, "provisionType": kind, "provisionDeviceKey": key, "profileData": data}


def test_provisioning_is_set_up_with_a_key_of_its_own(rest: Any) -> None:
    made = rest.add_profile(**provisioned(rest, "P", "K"))
    assert (made["provisionType"], made["provisionDeviceKey"]) == ("ALLOW_CREATE_NEW_DEVICES", "K")
    assert made["profileData"]["provisionConfiguration"]["provisionDeviceSecret"] == "S"
    body = {
        "type": "DEFAULT",
        "transportType": "DEFAULT",
        **provisioned(rest, "Q", "K", "CHECK_PRE_PROVISIONED_DEVICES"),
    }
    text = "Device profile with such provision device key already exists!"
    assert rest.refused("POST", PATH, json=body) == (400, 31, text)


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"name": ""}, (400, 31), "Device profile name should be specified!"),
        ({"name": "default"}, (400, 31), "Device profile with such name already exists!"),
        ({"type": None}, (400, 31), "Device profile type should be specified!"),
        ({"transportType": None}, (400, 31), "Device profile transport type should be specified!"),
        ({"transportType": "HTTP"}, (500, 2), "transportType"),
        ({"provisionType": "SOMETIMES"}, (500, 2), "provisionType"),
        ({"profileData": None}, (500, 2), "transport configuration"),
    ],
)
def test_rule_of_profiles(rest: Any, fields: dict[str, Any], kind: tuple[int, int], text: str) -> None:
    data = {"configuration": PLAIN, "transportConfiguration": PLAIN}
    body = {"name": "P", "type": "DEFAULT", "transportType": "DEFAULT", "profileData": data, **fields}
    status, code, message = rest.refused("POST", PATH, json=body)
    assert ((status, code), text in message) == (kind, True)


def test_default_profile_and_one_in_use_stay(rest: Any) -> None:
    made = rest.add_profile("P")
    rest.add_device(deviceProfileId=made["id"])
    default = rest.default_profile()["id"]
    assert rest.refused("DELETE", f"{PATH}/{default}") == (400, 31, "Deletion of Default Device Profile is prohibited!")
    text = "The device profile referenced by the devices cannot be deleted!"
    assert rest.refused("DELETE", f"{PATH}/{made['id']['id']}") == (400, 31, text)


def test_packages_go_with_their_profile(rest: Any) -> None:
    made = rest.add_profile("P")
    package = rest.upload(deviceProfileId=made["id"])
    rest.call("DELETE", f"{PATH}/{made['id']['id']}")
    assert rest.refused("GET", f"/api/otaPackage/info/{package['id']['id']}")[:2] == (404, 32)
    assert rest.door.images == {}


def test_profile_gives_its_package_to_its_devices(rest: Any) -> None:
    device, package = rest.add_device(), rest.upload()
    whole = rest.get(f"{PATH}/{rest.default_profile()['id']}")
    assert rest.post(PATH, {**whole, "firmwareId": package["id"]})["firmwareId"] == package["id"]
    rest.model.advance(rest.now)
    latest = rest.get(f"/api/plugins/telemetry/DEVICE/{device['id']['id']}/values/timeseries?keys=fw_state")
    assert latest["fw_state"][0]["value"] == "INITIATED"
