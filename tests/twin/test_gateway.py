"""Gateways: devices that speak through another one's connection (section 16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.packets import Version
from otakit.twin.rules.entities import Profile

GATE = "v1/gateway/"
UPDATES = GATE + "attributes"


def gateway(world: Any, **fields: Any) -> Any:
    """The device of the world, connected as a gateway."""
    extra = {"additionalInfo": {"gateway": True}}
    world.model.save_device(replace(world.model.store.device(world.device.id), extra=extra), world.now)
    return world.talk(**fields)


def behind(world: Any, name: str = "c1") -> Any:
    """A connected child's device, and the gateway's connection."""
    talk = gateway(world)
    acked(talk.publish(GATE + "connect", {"device": name}))
    return talk, world.model.store.device_named(name)


def acked(answers: list[Any], code: int = 0) -> None:
    assert [(each.type.name, each.reason_code) for each in answers] == [("PUBACK", code)]


def ended(world: Any, talk: Any, answers: list[Any], code: int) -> None:
    """PUBACK, then the end; MQTT 5 says why in both."""
    five = world.version is Version.MQTT_5
    expected = [("PUBACK", code if five else 0), *([("DISCONNECT", code)] if five else [])]
    assert [(each.type.name, each.reason_code) for each in answers] == expected
    assert talk.closed


def test_connected_child_is_made_when_there_is_none(world: Any) -> None:
    _, child = behind(world)
    assert world.model.store.profiles[child.profile_id].name == "default"
    assert child.extra["additionalInfo"]["lastConnectedGateway"] == world.device.id


def test_type_of_a_child_names_its_profile(world: Any) -> None:
    talk = gateway(world)
    acked(talk.publish(GATE + "connect", {"device": "c1", "type": "meter"}))
    store = world.model.store
    assert store.profiles[store.device_named("c1").profile_id].name == "meter"


def test_known_device_is_only_connected(world: Any) -> None:
    known = world.add_device("c1", label="mine")
    behind(world)
    found = world.model.store.device_named("c1")
    assert (found.id, found.label) == (known.id, "mine")


def test_child_is_told_of_updates_without_subscribing(world: Any, body: Callable[..., Any]) -> None:
    talk, child = behind(world)
    world.assign(world.a, child)
    told = [body(each) for each in talk.hear()]
    assert {each["device"] for each in told} == {"c1"}
    assert sorted(each["data"].get("fw_version", "deleted") for each in told) == ["1.10", "deleted"]
    assert talk.conversation in world.model.sessions.take_woken()


def test_updates_have_the_granted_qos(world: Any) -> None:
    talk, child = behind(world)
    talk.subscribe(UPDATES, qos=0)
    world.model.write_shared(child.id, {"a": 1}, world.now)
    (packet,) = talk.hear()
    assert (packet.topic, packet.qos) == (UPDATES, 0)


def test_disconnected_child_is_told_nothing(world: Any) -> None:
    talk, child = behind(world)
    acked(talk.publish(GATE + "disconnect", {"device": "c1"}))
    acked(talk.publish(GATE + "disconnect", {"device": "never"}))
    world.assign(world.a, child)
    assert talk.hear() == []


def test_telemetry_of_several_devices_is_one_message(world: Any) -> None:
    talk = gateway(world)
    said = {"c1": [{"fw_state": "DOWNLOADING"}], "c2": [{"ts": 5, "values": {"n": 1}}], "c3": {"no": "array"}}
    acked(talk.publish(GATE + "telemetry", said))
    store = world.model.store
    assert world.states(store.device_named("c1")) == ["DOWNLOADING"]
    assert world.states(store.device_named("c2"), "n") == [1]
    assert store.device_named("c3") is None


def test_attributes_of_a_child_are_its_own(world: Any) -> None:
    talk = gateway(world)
    acked(talk.publish(GATE + "attributes", {"c1": {"serial": "7a"}}))
    memory = world.model.memory(world.model.store.device_named("c1").id)
    assert memory.client["serial"].value == "7a"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"key": "colour", "client": False}, {"value": "red"}),
        ({"key": "serial", "client": True}, {"value": "7a"}),
        ({"keys": ["colour", "size"], "client": False}, {"values": {"colour": "red", "size": 3}}),
        ({"keys": ["colour", "none"], "client": False}, {"values": {"colour": "red"}}),
        ({"key": "none", "client": False}, {}),
    ],
)
def test_attributes_of_a_child_can_be_asked_for(
    world: Any, body: Callable[..., Any], asked: dict[str, Any], found: dict[str, Any]
) -> None:
    talk, child = behind(world)
    talk.publish(GATE + "attributes", {"c1": {"serial": "7a"}})
    world.model.write_shared(child.id, {"colour": "red", "size": 3}, world.now)
    talk.hear()
    answers = talk.publish(GATE + "attributes/request", {"id": 4, "device": "c1", **asked})
    (answer,) = [each for each in answers if each.type.name == "PUBLISH"]
    assert (answer.topic, body(answer)) == (GATE + "attributes/response", {"id": 4, "device": "c1", **found})
    assert len(answers) == 2


def test_calls_and_claims_are_acknowledged(world: Any) -> None:
    talk = gateway(world)
    acked(talk.publish(GATE + "rpc", {"device": "c1", "id": 1, "data": {"ok": True}}))
    acked(talk.publish(GATE + "claim", {"c1": {"secretKey": "x", "durationMs": 1}}))


def test_chunk_requests_mean_the_gateways_own_package(world: Any) -> None:
    talk, child = behind(world)
    world.assign(world.a, child)
    world.assign(world.b)
    talk.hear()
    assert talk.chunk(1, 0, 3)[1].payload == bytes((3, 10, 17))


def test_unknown_gateway_topic_is_acknowledged(world: Any) -> None:
    acked(gateway(world).publish(GATE + "firmware", "{}"), 0x90 if world.version is Version.MQTT_5 else 0)


FAULTY = [
    ("connect", "[]"), ("connect", "{}"), ("connect", '{"device":""}'), ("connect", '{"device":{}}'),
    ("disconnect", "{}"), ("telemetry", "[]"), ("telemetry", "{}"), ("telemetry", '{"c1":5}'),
    ("attributes", '{"c1":5}'),
    ("attributes/request", '{"device":"c1","id":1,"client":true}'), ("attributes/request", '{"device":"c1","key":"a"}'),
    ("attributes/request", '{"device":"c1","id":"x","client":true,"key":"a"}'), ("rpc", '{"device":"c1","id":1}'),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "payload"), FAULTY)
def test_payload_that_the_code_stumbles_over_ends_the_connection(world: Any, topic: str, payload: str) -> None:
    talk = gateway(world)
    ended(world, talk, talk.publish(GATE + topic, payload), 0x83)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("connect", "not json"), ("telemetry", '{"c1":[5]}'), ("telemetry", '{"c1":[{"ts":"x","values":{}}]}')],
)
def test_payload_that_cannot_be_read_closes_in_3_and_is_refused_in_5(world: Any, topic: str, payload: str) -> None:
    talk = gateway(world)
    answers = talk.publish(GATE + topic, payload)
    if world.version is Version.MQTT_5:
        acked(answers, 0x99)
        assert not talk.closed
    else:
        assert (answers, talk.closed) == ([], True)


def test_name_that_no_device_may_have_is_refused_and_the_connection_stays(world: Any) -> None:
    talk = gateway(world)
    acked(talk.publish(GATE + "connect", {"device": "x" * 300}), 0x80 if world.version is Version.MQTT_5 else 0)
    assert not talk.closed


def test_child_takes_the_place_of_its_own_connection(world: Any) -> None:
    """One session for each device, wherever it speaks."""
    child = world.add_device("c1")
    own = world.talk(child)
    talk, _ = behind(world)
    assert own.closed
    again = world.talk(child)
    again.subscribe("v1/devices/me/attributes")
    world.model.write_shared(child.id, {"a": 1}, world.now)
    assert (len(again.hear()), talk.hear(), talk.closed) == (1, [], False)


def test_lost_gateway_leaves_no_session(world: Any) -> None:
    talk, _ = behind(world)
    assert len(world.model.sessions) == 2
    talk.conversation.lost()
    assert len(world.model.sessions) == 0


def test_evicted_gateway_takes_its_children_with_it(world: Any) -> None:
    talk, child = behind(world)
    world.talk()
    assert talk.closed
    assert world.model.sessions.of(child.id) == ()


def test_deleted_child_is_made_anew_when_it_is_named_again(world: Any) -> None:
    talk, child = behind(world)
    world.model.delete_device(child.id)
    acked(talk.publish(GATE + "telemetry", {"c1": [{"a": 1}]}))
    assert world.model.store.device_named("c1").id != child.id


def test_silent_child_is_dropped_and_the_gateway_stays(make: Callable[..., Any], version: Version) -> None:
    world = make(version, inactivity_s=10)
    talk, child = behind(world)
    for _ in range(5):
        world.passes(4)
        talk.says(p.PingReq())
    assert (talk.closed, world.model.sessions.of(child.id)) == (False, ())


def test_child_that_speaks_is_not_dropped(make: Callable[..., Any], version: Version) -> None:
    world = make(version, inactivity_s=10)
    talk, child = behind(world)
    before = world.model.sessions.of(child.id)
    for _ in range(5):
        world.passes(4)
        talk.publish(GATE + "telemetry", {"c1": [{"a": 1}]})
    assert world.model.sessions.of(child.id) == before != ()


def test_gateway_that_names_itself_is_closed(world: Any) -> None:
    """It takes over its own place."""
    talk = gateway(world)
    talk.publish(GATE + "connect", {"device": "d1"})
    assert talk.closed
    assert len(world.model.sessions) == 0


def test_limit_of_a_gateway_ends_its_connection(make: Callable[..., Any], version: Version) -> None:
    world = make(version, gateway_telemetry_messages="1:1000")
    talk = gateway(world)
    acked(talk.publish(GATE + "telemetry", {"c1": [{"a": 1}]}))
    answers = talk.publish(GATE + "telemetry", {"c1": [{"a": 1}]})
    acked(answers, 0x97 if version is Version.MQTT_5 else 0)
    assert talk.closed


def test_number_of_children_is_bounded(make: Callable[..., Any]) -> None:
    world = make(remembered_keys=2)
    talk = gateway(world)
    for name in ("c1", "c2", "c3"):
        talk.publish(GATE + "connect", {"device": name})
    assert world.model.store.device_named("c3") is None


def test_gateway_under_a_protobuf_profile_is_not_understood(world: Any) -> None:
    extra = {
        "profileData": {
            "transportConfiguration": {
                "type": "MQTT",
                "transportPayloadTypeConfiguration": {"transportPayloadType": "PROTOBUF"},
            }
        }
    }
    profile = world.model.save_profile(Profile("proto", transport="MQTT", extra=extra), world.now)
    info = {"additionalInfo": {"gateway": True}}
    device = world.add_device("gate", profile_id=profile.id, extra=info)
    talk = world.talk(device)
    answers = talk.publish(GATE + "connect", {"device": "c1"})
    assert [each.reason_code for each in answers] == ([0x99] if world.version is Version.MQTT_5 else [])
    assert world.model.store.device_named("c1") is None
