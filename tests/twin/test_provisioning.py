"""Devices that get their credentials by themselves, over MQTT (section 14)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.packets import Version
from otakit.twin.rules.entities import Device, OtaPackage, Profile
from otakit.twin.rules.provisioning import ProvisionRequestError
from otakit.twin.rules.values import FormatError

REQUEST, RESPONSE = "/provision/request", "/provision/response"
CREATE, CHECK = "ALLOW_CREATE_NEW_DEVICES", "CHECK_PRE_PROVISIONED_DEVICES"
FAILURE = {"errorMsg": "Failed to provision device!", "status": "FAILURE"}
NOT_FOUND = {"errorMsg": "Provision data was not found!", "status": "NOT_FOUND"}


def profile(world: Any, kind: str = CREATE, **fields: Any) -> Profile:
    configuration = {"type": kind, "provisionDeviceSecret": "S"}
    extra = {
        "provisionType": kind,
        "provisionDeviceKey": "K",
        "profileData": {"provisionConfiguration": configuration},
    }
    saved: Profile = world.model.save_profile(Profile("self-made", extra=extra, **fields), world.now)
    return saved


def asked(name: str | None = "new", key: str = "K", secret: str = "S", **more: Any) -> dict[str, Any]:
    named = {} if name is None else {"deviceName": name}
    return {**named, "provisionDeviceKey": key, "provisionDeviceSecret": secret, **more}


def stranger(world: Any, **fields: Any) -> Any:
    """A provisioning connection."""
    talk = world.stranger()
    assert talk.says(p.Connect(**{"version": world.version, "user_name": "provision", **fields})) == [p.ConnAck(0)]
    return talk


def answer(talk: Any, request: dict[str, Any]) -> Any:
    ack, published = talk.publish(REQUEST, request)
    assert (ack.type.name, published.topic, published.qos) == ("PUBACK", RESPONSE, 1)
    return json.loads(published.payload)


@pytest.mark.parametrize("fields", [{}, {"user_name": None, "client_id": "provision"}, {"password": b"any"}])
def test_name_provision_opens_a_provisioning_connection(world: Any, fields: dict[str, Any]) -> None:
    profile(world)
    answered = answer(stranger(world, **fields), asked())
    assert (answered["status"], answered["credentialsType"]) == ("SUCCESS", "ACCESS_TOKEN")
    assert world.stranger().connect(answered["credentialsValue"]) == [p.ConnAck(0)]


def test_only_the_response_can_be_subscribed(world: Any) -> None:
    talk = stranger(world)
    refused = 0x8F if world.version is Version.MQTT_5 else 0x80
    assert talk.subscribe(RESPONSE, "v1/devices/me/attributes", "#") == (1, refused, refused)
    assert talk.subscribe(RESPONSE, qos=0) == (0,)
    profile(world)
    assert talk.publish(REQUEST, asked())[1].qos == 0
    (answered,) = talk.says(p.Unsubscribe(9, (RESPONSE, "x")))
    assert answered == p.UnsubAck(9, (0, 0x11) if world.version is Version.MQTT_5 else ())


def test_response_cannot_be_subscribed_elsewhere(world: Any) -> None:
    assert world.talk().subscribe(RESPONSE)[0] >= 0x80


def test_connection_answers_pings_and_ends_politely(world: Any) -> None:
    talk = stranger(world)
    assert talk.says(p.PingReq()) == [p.PingResp()]
    assert talk.says(p.Disconnect()) == ([p.Disconnect(0)] if world.version is Version.MQTT_5 else [])
    assert talk.closed


def test_server_closes_without_a_word_a_minute_after_its_answer(world: Any) -> None:
    profile(world)
    talk = stranger(world)
    world.passes(700)
    assert not talk.closed  # it is no session: silence does not end it
    answer(talk, asked())
    world.passes(59)
    assert not talk.closed
    world.passes(2)
    assert (talk.closed, talk.hear()) == (True, [])
    assert talk.conversation in world.model.sessions.take_woken()


def test_known_name_fails(world: Any) -> None:
    profile(world)
    assert answer(stranger(world), asked("d1")) == FAILURE
    assert answer(stranger(world), asked())["status"] == "SUCCESS"
    assert answer(stranger(world), asked()) == FAILURE


@pytest.mark.parametrize("request_", [asked(key="other"), asked(secret="other"), asked(key=""), asked(secret="")])
def test_wrong_key_or_secret_is_not_found(world: Any, request_: dict[str, Any]) -> None:
    profile(world)
    assert answer(stranger(world), request_) == NOT_FOUND
    assert world.model.store.device_named("new") is None


def test_profile_that_does_not_provision_is_not_found(world: Any) -> None:
    profile(world, "DISABLED")
    assert answer(stranger(world), asked()) == NOT_FOUND


@pytest.mark.parametrize("missing", ["provisionDeviceKey", "provisionDeviceSecret"])
def test_request_without_key_or_secret_ends_the_connection(world: Any, missing: str) -> None:
    talk = stranger(world)
    answers = talk.publish(REQUEST, {name: value for name, value in asked().items() if name != missing})
    check_end(world, talk, answers, 0x83)


def check_end(world: Any, talk: Any, answers: list[Any], code: int) -> None:
    """PUBACK, then the end; MQTT 5 says why in both."""
    if world.version is Version.MQTT_5:
        assert [(each.type.name, each.reason_code) for each in answers] == [("PUBACK", code), ("DISCONNECT", code)]
    else:
        assert [each.type.name for each in answers] == ["PUBACK"]
    assert talk.closed


@pytest.mark.parametrize("topic", ["v1/devices/me/telemetry", "v2/fw/request/1/chunk/0", "/provision/response"])
def test_any_other_topic_ends_the_connection(world: Any, topic: str) -> None:
    talk = stranger(world)
    check_end(world, talk, talk.publish(topic, "{}"), 0x90)


@pytest.mark.parametrize(
    "more",
    [{"credentialsType": "NONE"}, {"credentialsType": None}, {"gateway": None}, {"token": {}}],
)
def test_member_of_the_wrong_kind_ends_the_connection(world: Any, more: dict[str, Any]) -> None:
    profile(world)
    talk = stranger(world)
    check_end(world, talk, talk.publish(REQUEST, asked(**more) | more), 0x83)


@pytest.mark.parametrize("payload", ["not json", "[]", "5", '{"deviceName":[]}'])
def test_request_that_is_no_object_is_a_format_error(world: Any, payload: str) -> None:
    talk = stranger(world)
    answers = talk.publish(REQUEST, payload)
    if world.version is Version.MQTT_5:
        assert [(each.type.name, each.reason_code) for each in answers] == [("PUBACK", 0x99)]
        assert not talk.closed
    else:
        assert (answers, talk.closed) == ([], True)


def test_connection_stays_a_provisioning_one_after_a_second_connect(world: Any) -> None:
    talk = stranger(world)
    assert talk.connect(world.token()) == [p.ConnAck(0)]
    assert talk.subscribe("v1/devices/me/attributes")[0] >= 0x80


@pytest.fixture
def one(make: Callable[..., Any]) -> Any:
    """One world: the rules do not depend on MQTT's version."""
    return make()


def provision(world: Any, request: dict[str, Any]) -> Any:
    return world.model.provision(request, world.now)


def test_device_without_a_name_gets_twenty_alphanumerics(one: Any) -> None:
    profile(one)
    assert provision(one, asked(None))["status"] == "SUCCESS"
    name = list(one.model.store.devices.values())[-1].name
    assert len(name) == 20
    assert name.isalnum()


def test_name_is_trimmed_and_must_be_more_than_blanks(one: Any) -> None:
    profile(one)
    assert provision(one, asked("  pump-7 "))["status"] == "SUCCESS"
    assert one.model.store.device_named("pump-7") is not None
    assert provision(one, asked("   ")) == FAILURE


def test_made_device_is_marked_and_gets_what_its_profile_gives(one: Any) -> None:
    made = profile(one)
    draft = OtaPackage("pump", "2", Kind.FIRMWARE, made.id, url="https://x", uses_url=True)
    package = one.model.save_package(draft, one.now)
    one.assign(package, one.model.store.profile(made.id))
    provision(one, asked())
    one.passes(1)
    device = one.model.store.device_named("new")
    assert one.model.memory(device.id).server["provisionState"].value == "provisioned"
    assert one.shared(device)["fw_version"] == "2"


def test_gateway_is_made_when_asked_for(one: Any) -> None:
    profile(one)
    provision(one, asked(gateway=True))
    assert one.model.is_gateway(one.model.store.device_named("new").id)


def test_prepared_device_is_given_its_credentials_once(one: Any) -> None:
    made = profile(one, CHECK)
    device = one.model.save_device(Device("ready", made.id), one.now, "its-token")
    success = {"credentialsValue": "its-token", "credentialsType": "ACCESS_TOKEN", "status": "SUCCESS"}
    assert provision(one, asked("ready")) == success
    assert one.model.memory(device.id).server["provisionState"].value == "provisioned"
    assert provision(one, asked("ready")) == FAILURE


@pytest.mark.parametrize("name", ["new", "d1", None])
def test_device_that_was_not_prepared_in_this_profile_fails(one: Any, name: str | None) -> None:
    profile(one, CHECK)
    assert provision(one, asked(name)) == FAILURE


def test_token_of_ones_own(one: Any) -> None:
    profile(one)
    assert provision(one, asked(credentialsType="ACCESS_TOKEN", token="mine"))["credentialsValue"] == "mine"
    assert provision(one, asked("other", token="mine")) == FAILURE
    assert one.model.store.device_named("other") is None


def test_basic_credentials_of_ones_own(one: Any) -> None:
    """Named ``username`` in the request and ``userName`` in the answer."""
    profile(one)
    answered = provision(one, asked(credentialsType="MQTT_BASIC", clientId="c", username="u", password="p"))
    assert answered["credentialsValue"] == {"clientId": "c", "userName": "u", "password": "p"}
    assert one.model.device_for("u", "p", "c", now=one.now).name == "new"


def test_certificate_of_ones_own(one: Any) -> None:
    profile(one)
    pem = "-----BEGIN CERTIFICATE-----\nQUJD\nREVG\n-----END CERTIFICATE-----\n"
    answered = provision(one, asked(credentialsType="X509_CERTIFICATE", hash=pem))
    assert answered == {"credentialsValue": "QUJDREVG", "credentialsType": "X509_CERTIFICATE", "status": "SUCCESS"}
    assert one.model.device_for(None, None, "x", (b"ABCDEF",), now=one.now).name == "new"


def test_basic_credentials_of_nothing_are_a_random_token(one: Any) -> None:
    profile(one)
    assert provision(one, asked(credentialsType="MQTT_BASIC"))["credentialsType"] == "ACCESS_TOKEN"


def test_credentials_that_cannot_be_fail(one: Any) -> None:
    profile(one)
    assert provision(one, asked(credentialsType="MQTT_BASIC", password="p")) == FAILURE


def test_profile_for_chains_of_certificates_cannot_be_asked(one: Any) -> None:
    profile(one, "X509_CERTIFICATE_CHAIN")
    key = one.model.store.profile_named("self-made").extra["provisionDeviceKey"]
    with pytest.raises(ProvisionRequestError, match="Invalid provision strategy type!"):
        provision(one, asked(key=key))


def test_key_of_another_profile_is_refused(one: Any) -> None:
    made = profile(one)
    with pytest.raises(Exception, match="Device profile with such provision device key already exists!"):
        one.model.save_profile(Profile("second", extra=made.extra), one.now)


def test_errors_name_no_secret(one: Any) -> None:
    with pytest.raises(ProvisionRequestError) as caught:
        provision(one, {"provisionDeviceSecret": "very-secret"})
    assert "very-secret" not in str(caught.value)
    with pytest.raises(FormatError):
        one.model.provision([], one.now)
