"""Topics and formats of a device profile's own (section 7, scenario 42)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.packets import Version
from otakit.twin.rules.entities import Profile
from otakit.twin.rules.transport import accepts, matches

UPDATES = "v1/devices/me/attributes"
REQUEST = "v1/devices/me/attributes/request/"
PROTOBUF = {"transportPayloadType": "PROTOBUF"}


def speaks(world: Any, **configuration: Any) -> Profile:
    """Gives the device's profile a transport configuration of type MQTT."""
    store = world.model.store
    found = store.profiles[store.default_profile_id]
    extra = {"profileData": {"transportConfiguration": {"type": "MQTT", **configuration}}}
    saved: Profile = world.model.save_profile(replace(found, transport="MQTT", extra=extra), world.now)
    return saved


def stored(world: Any) -> set[str]:
    return {key for key in world.model.memory(world.device.id).telemetry.keys if not key.startswith(("fw", "target"))}


def code(answers: list[Any]) -> int:
    (answer,) = answers
    assert answer.type.name == "PUBACK"
    reason: int = answer.reason_code
    return reason


def test_own_topic_replaces_the_long_one_and_leaves_the_short_ones(world: Any) -> None:
    speaks(world, deviceTelemetryTopic="my/tm", deviceAttributesTopic="my/at")
    talk = world.talk()
    unknown = 0x90 if world.version is Version.MQTT_5 else 0
    assert code(talk.publish("my/tm", {"a": 1})) == 0
    assert code(talk.publish("v1/devices/me/telemetry", {"b": 1})) == unknown
    assert code(talk.publish("v2/t", {"c": 1})) == 0
    assert stored(world) == {"a", "c"}
    assert code(talk.publish("my/at", {"serial": 1})) == 0
    assert code(talk.publish(UPDATES, {"other": 1})) == unknown
    assert set(world.model.memory(world.device.id).client) == {"serial"}


def test_updates_still_arrive_on_the_usual_topic(world: Any) -> None:
    speaks(world, deviceAttributesSubscribeTopic="my/updates")
    talk = world.talk()
    assert talk.subscribe("my/updates", qos=0) == (0,)
    world.assign(world.a)
    assert {(packet.topic, packet.qos) for packet in talk.hear()} == {(UPDATES, 1)}


def test_usual_filter_works_beside_the_own_one(world: Any) -> None:
    speaks(world, deviceAttributesSubscribeTopic="my/updates")
    talk = world.talk()
    assert talk.subscribe(UPDATES, qos=0) == (0,)
    world.assign(world.a)
    assert {(packet.topic, packet.qos) for packet in talk.hear()} == {(UPDATES, 0)}


def test_filter_is_granted_where_its_text_matches_the_profiles(world: Any) -> None:
    speaks(world, deviceAttributesSubscribeTopic="my/+/updates")
    talk = world.talk()
    refused = 0x8F if world.version is Version.MQTT_5 else 0x80
    assert talk.subscribe("my/a/updates", "my/+/updates", "my/a/b/updates") == (1, 1, refused)


def test_own_filter_can_be_taken_back_but_the_registration_stays(world: Any) -> None:
    speaks(world, deviceAttributesSubscribeTopic="my/updates")
    talk = world.talk()
    talk.subscribe("my/updates")
    (answer,) = talk.says(p.Unsubscribe(9, ("my/updates",)))
    assert answer == p.UnsubAck(9, (0x8F,) if world.version is Version.MQTT_5 else ())
    world.assign(world.a)
    assert len(talk.hear()) == 2


def test_qos_of_two_filters_that_match_one_topic_is_either(make: Callable[..., Any]) -> None:
    """ThingsBoard takes the first of a map that has no order."""
    found = set()
    for seed in range(12):
        world = make(seed=seed)
        speaks(world, deviceAttributesSubscribeTopic="#")
        talk = world.talk()
        talk.subscribe("v1/devices/me/+", qos=1)
        talk.subscribe(UPDATES, qos=0)
        world.model.write_shared(world.device.id, {"a": 1}, world.now)
        found |= {packet.qos for packet in talk.hear()}
    assert found == {0, 1}


def test_filters_of_ones_own_are_bounded(make: Callable[..., Any]) -> None:
    """ThingsBoard takes any number; the twin has its memory to guard."""
    world = make()
    speaks(world, deviceAttributesSubscribeTopic="#")
    codes = world.talk().subscribe(*(f"f{number}" for number in range(1001)))
    assert (codes[:1000], codes[1000]) == ((1,) * 1000, 0x80)


def test_wildcards_of_a_profile_catch_what_they_match(world: Any) -> None:
    speaks(world, deviceTelemetryTopic="plant/+/tm")
    talk = world.talk()
    assert code(talk.publish("plant/7/tm", {"a": 1})) == 0
    talk.publish("plant/7/8/tm", {"b": 1})
    assert stored(world) == {"a"}


def test_catch_all_telemetry_topic_swallows_chunk_requests(world: Any) -> None:
    """Telemetry topics are tried before chunk requests: `10` is no telemetry."""
    speaks(world, deviceTelemetryTopic="#")
    world.assign(world.a)
    talk = world.talk()
    answers = talk.chunk(1, 0, 10)
    assert [each.type.name for each in answers] == (["PUBACK"] if world.version is Version.MQTT_5 else [])
    assert talk.closed is (world.version is not Version.MQTT_5)


def test_profile_changes_the_topics_of_open_connections(world: Any) -> None:
    talk = world.talk()
    speaks(world, deviceTelemetryTopic="my/tm")
    talk.publish("my/tm", {"a": 1})
    speaks(world, deviceTelemetryTopic="your/tm")
    talk.publish("my/tm", {"b": 1})
    talk.publish("your/tm", {"c": 1})
    assert stored(world) == {"a", "c"}


def test_profile_may_acknowledge_what_it_cannot_read(world: Any) -> None:
    speaks(world, sendAckOnValidationException=True)
    talk = world.talk()
    assert code(talk.publish("v1/devices/me/telemetry", "not json")) == (0x99 if world.version is Version.MQTT_5 else 0)
    assert not talk.closed
    talk.publish("v1/devices/me/telemetry", "not json", qos=0)
    assert talk.closed


def test_protobuf_is_not_spoken_and_chunks_are_the_same(world: Any) -> None:
    """What should be Protobuf cannot be read, and is not sent; JSON's own short topics remain."""
    speaks(world, transportPayloadTypeConfiguration=PROTOBUF, sendAckOnValidationException=True)
    talk = world.talk()
    talk.subscribe(UPDATES)
    for topic in ("v1/devices/me/telemetry", "v2/t", "v2/t/p", "v2/a", REQUEST + "1", "v2/a/req/p/1"):
        assert code(talk.publish(topic, {"a": 1})) == (0x99 if world.version is Version.MQTT_5 else 0)
    assert stored(world) == set()
    world.assign(world.a)
    assert talk.hear() == []
    assert code(talk.publish("v2/t/j", {"b": 1})) == 0
    assert stored(world) == {"b"}
    assert talk.chunk(1, 0, 3)[1].payload == bytes((0, 1, 2))


def test_protobuf_profile_may_take_json_too_and_send_it_on_the_long_topics(world: Any) -> None:
    both = {**PROTOBUF, "enableCompatibilityWithJsonPayloadFormat": True}
    speaks(world, transportPayloadTypeConfiguration=both)
    talk = world.talk()
    assert [each.type.name for each in talk.publish(REQUEST + "1", {})] == ["PUBACK"]
    long = {**both, "useJsonPayloadFormatForDefaultDownlinkTopics": True}
    speaks(world, transportPayloadTypeConfiguration=long)
    assert sorted(each.type.name for each in talk.publish(REQUEST + "1", {})) == ["PUBACK", "PUBLISH"]
    assert [each.type.name for each in talk.publish("v2/a/req/1", {})] == ["PUBACK"]


@pytest.mark.parametrize("extra", [{}, {"profileData": None}, {"profileData": {"transportConfiguration": []}}])
def test_profile_without_a_configuration_is_usual(make: Callable[..., Any], extra: dict[str, Any]) -> None:
    world = make()
    store = world.model.store
    world.model.save_profile(replace(store.profiles[store.default_profile_id], extra=extra), world.now)
    assert code(world.talk().publish("v1/devices/me/telemetry", {"a": 1})) == 0


@pytest.mark.parametrize(
    ("name", "topic", "there"),
    [("#", "a/b", True), ("a/#", "a", True), ("a/#", "a/b/c", True), ("a/+", "a/b/c", False), ("a/+", "a/", False),
     ("a.b", "axb", False), ("a", "a", True), ("+/b", "a/b", True), ("a(", "a(", True), ("(/+", "(/x", True)],
)  # fmt: skip
def test_filter_of_a_profile_accepts(name: str, topic: str, there: bool) -> None:
    assert accepts(name, topic) is there


@pytest.mark.parametrize(
    ("name", "topic", "there"),
    [("#", "a/b", True), ("a/#", "a", False), ("a/#", "a/b", True), ("a/+/c", "a/b/c", True), ("a/+", "a/b/c", False)],
)
def test_granted_filter_matches(name: str, topic: str, there: bool) -> None:
    assert matches(name, topic) is there


def test_topics_are_read_once_for_each_profile(make: Callable[..., Any]) -> None:
    world = make()
    first = world.model.topics_of(world.device.id)
    assert world.model.topics_of(world.device.id) is first
