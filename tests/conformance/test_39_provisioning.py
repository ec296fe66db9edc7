"""Scenario 39 of section 19."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otakit.conformance.fixture import identifier
from otakit.conformance.peer import Peer, json_of
from otakit.conformance.stage import Stage
from otakit.protocol.messages import ATTRIBUTES_TOPIC
from otakit.protocol.packets import ConnAck, PubAck

RESPONSE = "/provision/response"


@pytest.mark.over_sockets
def test_scenario_39_provisioning(stage: Stage) -> None:
    """A stranger with key and secret becomes a device once; again it fails, with a wrong secret nothing is found."""
    fx = stage.fixture()
    key, secret = stage.unique("key"), stage.unique("secret")
    profile = fx.make_profile("Provisioned", **provisioning(key, secret))
    name = stage.unique("newcomer")

    def ask(peer: Peer, secret_of: str) -> dict[str, Any]:
        request = {"deviceName": name, "provisionDeviceKey": key, "provisionDeviceSecret": secret_of}
        number = peer.publishes("/provision/request", json.dumps(request))
        acknowledged, answer = peer.expect(2)
        assert acknowledged == PubAck(number or 0)
        found = json_of(answer, RESPONSE)
        assert isinstance(found, dict)
        return found

    peer = stage.connect(user_name="provision")
    assert peer.connack == ConnAck(0)
    assert peer.subscribes(RESPONSE, ATTRIBUTES_TOPIC) == (1, 0x8F if stage.is_five else 0x80)
    made = ask(peer, secret)
    device = fx.given(stage.rest("GET", "/api/tenant/devices", params={"deviceName": name}))
    stage.remembers("device", identifier(device))
    assert device["deviceProfileId"] == profile["id"]
    token = made.pop("credentialsValue")
    assert made == {"credentialsType": "ACCESS_TOKEN", "status": "SUCCESS"}
    assert stage.connect(token).connack == ConnAck(0)

    again = ask(stage.connect(user_name="provision"), secret)
    assert again == {"errorMsg": "Failed to provision device!", "status": "FAILURE"}
    wrong = ask(stage.connect(user_name="provision"), "wrong")
    assert wrong == {"errorMsg": "Provision data was not found!", "status": "NOT_FOUND"}


def provisioning(key: str, secret: str) -> dict[str, object]:
    """The members of a profile that creates devices."""
    kind, default = "ALLOW_CREATE_NEW_DEVICES", {"type": "DEFAULT"}
    data = {
        "configuration": default,
        "transportConfiguration": default,
        "provisionConfiguration": {"type": kind, "provisionDeviceSecret": secret},
    }
    return {"provisionType": kind, "provisionDeviceKey": key, "profileData": data}
