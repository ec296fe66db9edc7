"""Telemetry, attributes and their requests, as `JsonMqttAdaptor` reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.packets import Version

TELEMETRY = "v1/devices/me/telemetry"
REQUEST = "v1/devices/me/attributes/request/"


def answer_of(packets: list[Any]) -> Any:
    """The publish among a PUBACK and an answer, in whatever order they came."""
    assert sorted(packet.type.name for packet in packets) == ["PUBACK", "PUBLISH"]
    return next(packet for packet in packets if packet.type.name == "PUBLISH")


def test_request_without_a_hit_is_answered_with_an_empty_object(world: Any) -> None:
    answer = answer_of(world.talk().publish(REQUEST + "1", {"sharedKeys": "fw_title"}))
    assert (answer.topic, answer.payload) == ("v1/devices/me/attributes/response/1", b"{}")


def test_keys_are_not_trimmed(world: Any, body: Callable[..., Any]) -> None:
    world.assign(world.a)
    answer = answer_of(world.talk().publish(REQUEST + "1", {"sharedKeys": "fw_title, fw_version"}))
    assert body(answer) == {"shared": {"fw_title": "pump"}}


def test_empty_object_asks_for_everything(world: Any, body: Callable[..., Any]) -> None:
    talk = world.talk()
    talk.publish("v1/devices/me/attributes", {"serial": "77a"})
    world.model.write_shared(world.device.id, {"colour": "red"}, world.now)
    answer = answer_of(talk.publish(REQUEST + "1", {}))
    assert body(answer) == {"shared": {"colour": "red"}, "client": {"serial": "77a"}}


def test_trailing_comma_is_harmless(world: Any, body: Callable[..., Any]) -> None:
    world.assign(world.a)
    answer = answer_of(world.talk().publish(REQUEST + "1", {"sharedKeys": "fw_title,"}))
    assert body(answer) == {"shared": {"fw_title": "pump"}}


@pytest.mark.parametrize("keys", ["", ",fw_title"])
def test_empty_key_is_acknowledged_and_never_answered(world: Any, keys: str) -> None:
    (only,) = world.talk().publish(REQUEST + "1", {"sharedKeys": keys})
    assert only.type.name == "PUBACK"


def test_request_id_is_answered_as_a_number(world: Any) -> None:
    assert answer_of(world.talk().publish(REQUEST + "007", {})).topic.endswith("/response/7")


def test_negative_request_id_is_acknowledged_and_never_answered(world: Any) -> None:
    (only,) = world.talk().publish(REQUEST + "-1", {})
    assert only.type.name == "PUBACK"


@pytest.mark.parametrize("family", ["v2/a/req/", "v2/a/req/j/"])
def test_short_topics_answer_in_their_own_family(world: Any, family: str) -> None:
    answer = answer_of(world.talk().publish(family + "3", {}))
    assert answer.topic == family.replace("req", "res") + "3"


def test_answer_has_the_granted_qos(world: Any) -> None:
    talk = world.talk()
    talk.subscribe("v1/devices/me/attributes/response/+", qos=0)
    assert answer_of(talk.publish(REQUEST + "1", {})).qos == 0


def test_acknowledgement_and_answer_come_in_either_order(make: Callable[..., Any]) -> None:
    firsts = set()
    for seed in range(10):
        firsts.add(make(seed=seed).talk().publish(REQUEST + "1", {})[0].type.name)
    assert firsts == {"PUBACK", "PUBLISH"}


BAD = [
    (TELEMETRY, "not json"), (TELEMETRY, ""), (TELEMETRY, "5"), (TELEMETRY, '{"a":1}x'), (TELEMETRY, "[1]"),
    (TELEMETRY, '{"ts":1,"values":5}'), ("v1/devices/me/attributes", "[]"), (REQUEST + "1", ""),
    (REQUEST + "1", "[]"), (REQUEST + "x", "{}"), (REQUEST + "1", '{"sharedKeys":["a","b"]}'),
    (TELEMETRY, '{"a":1,}'),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "payload"), BAD)
def test_unreadable_payload_closes_in_3_and_is_refused_in_5(world: Any, topic: str, payload: str) -> None:
    talk = world.talk()
    answers = talk.publish(topic, payload)
    if world.version is Version.MQTT_5:
        assert [(each.type.name, each.reason_code) for each in answers] == [("PUBACK", 0x99)]
        assert not talk.closed
    else:
        assert (answers, talk.closed) == ([], True)


def test_unreadable_payload_at_qos_0_closes_in_both(world: Any) -> None:
    talk = world.talk()
    assert talk.publish(TELEMETRY, "no", qos=0) == ([p.Disconnect(0x99)] if world.version is Version.MQTT_5 else [])
    assert talk.closed


@pytest.mark.parametrize("ts", ['"x"', "null", "[]", "true"])
def test_time_that_is_no_number_ends_the_connection(world: Any, ts: str) -> None:
    talk = world.talk()
    answers = talk.publish(TELEMETRY, f'{{"ts":{ts},"values":{{"a":1}}}}')
    assert answers == ([p.Disconnect(0x8B)] if world.version is Version.MQTT_5 else [])
    assert talk.closed


def test_empty_array_of_telemetry_is_never_acknowledged(world: Any) -> None:
    talk = world.talk()
    assert talk.publish(TELEMETRY, "[]") == []
    assert not talk.closed


@pytest.mark.parametrize("topic", [TELEMETRY, "v2/t", "v2/t/j"])
def test_telemetry_is_stored_under_its_own_time_or_its_arrival(world: Any, topic: str) -> None:
    talk = world.talk()
    assert talk.publish(topic, {"fw_state": "DOWNLOADING"})[0].reason_code == 0
    talk.publish(topic, '[{"ts":5,"values":{"fw_state":"EARLY"}},{"other":true}]')
    telemetry = world.model.memory(world.device.id).telemetry
    assert telemetry.between("fw_state", 0, 2**62) == [(world.now // 1_000_000, "DOWNLOADING"), (5, "EARLY")]
    assert telemetry.latest("fw_state") == (world.now // 1_000_000, "DOWNLOADING")
    assert telemetry.latest("other") == (world.now // 1_000_000, True)


def test_two_values_of_one_millisecond_leave_the_last(world: Any) -> None:
    talk = world.talk()
    for state in ("DOWNLOADED", "VERIFIED"):
        talk.publish(TELEMETRY, {"ts": 9, "values": {"fw_state": state}})
    assert world.states() == ["VERIFIED"]


def test_version_that_looks_like_a_number_becomes_one(world: Any) -> None:
    """The target that the server itself wrote stays a text."""
    world.assign(world.a)
    world.talk().publish(TELEMETRY, {"current_fw_version": "1.10", "fw_state": "UPDATED"})
    assert world.states(key="current_fw_version") == [1.1]
    assert world.states(key="target_fw_version") == ["1.10"]


def test_lone_surrogates_do_no_harm(world: Any) -> None:
    talk = world.talk()
    talk.publish("v1/devices/me/attributes", '{"\\ud800":"\\udfff"}')
    assert answer_of(talk.publish(REQUEST + "1", {})).payload == b'{"client":{"?":"?"}}'


def test_device_deleted_in_the_middle_of_a_segment_is_closed_quietly(world: Any) -> None:
    talk = world.talk()
    world.model.delete_device(world.device.id)
    assert talk.says(talk.a_publish(TELEMETRY, {"a": 1}))[:1] != [p.PubAck(1)]
