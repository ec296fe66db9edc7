"""The rows of ThingsBoard's tables of errors and of signs of life that no other file has (sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.packets import Version

UPDATES, TELEMETRY = "v1/devices/me/attributes", "v1/devices/me/telemetry"
RESPONSES = tuple(f"v2/{part}/res/{form}+" for part in ("a", "r") for form in ("", "j/", "p/"))
CHUNKS = "v2/fw/response/+/chunk/+"
Make = Callable[..., Any]


def goodbye(version: Version, code: int) -> list[Any]:
    return [p.Disconnect(code)] if version is Version.MQTT_5 else []


def chunk(talk: Any, index: int, size: str) -> p.Publish:
    found: p.Publish = talk.a_publish(f"v2/fw/request/1/chunk/{index}", size)
    return found


def test_unreadable_number_before_connack_is_swallowed_and_stops_what_is_behind_it(make: Make) -> None:
    """What waits behind it is heard with the next packet."""
    world = make(Version.MQTT_3_1_1)
    world.assign(world.a)
    talk = world.stranger()
    talk.says(chunk(talk, 0, "10"), chunk(talk, 1, "x"), chunk(talk, 2, "10"))
    answers = talk.connect(world.token())
    assert [each.type.name for each in answers] == ["CONNACK", "PUBACK", "PUBLISH"]
    answers = talk.says(p.PingReq())
    assert sorted(each.type.name for each in answers) == ["PINGRESP", "PUBACK", "PUBLISH"]
    assert not talk.closed


def test_second_unreadable_number_before_connack_ends_the_connection_with_the_next_packet(make: Make) -> None:
    world = make(Version.MQTT_3_1_1)
    talk = world.stranger()
    talk.says(chunk(talk, 0, "x"), chunk(talk, 1, "y"))
    talk.connect(world.token())
    assert not talk.closed
    talk.says(p.PingReq())
    assert talk.closed


def test_packets_before_a_refused_connect_are_forgotten(make: Make) -> None:
    world = make(Version.MQTT_3_1_1)
    talk = world.stranger()
    talk.says(talk.a_publish(TELEMETRY, {"a": 1}))
    talk.connect("wrong")
    assert talk.closed
    assert world.states(key="a") == []


def test_packets_before_a_provisioning_connect_are_never_heard(make: Make) -> None:
    world = make(Version.MQTT_3_1_1)
    talk = world.stranger()
    talk.says(talk.a_publish("some/where", "x"))
    assert talk.connect("provision") == [p.ConnAck(0)]
    assert talk.says(p.PingReq()) == [p.PingResp()]


def test_second_connect_keeps_subscriptions_and_request_ids(world: Any) -> None:
    """It is processed again on the same session, which the actor knows already."""
    world.assign(world.a)
    talk = world.talk()
    talk.subscribe(UPDATES)
    talk.chunk(1, 0, 3)
    assert talk.connect(world.token()) == [p.ConnAck(0)]
    world.assign(world.b)
    assert len(talk.hear()) == 2
    assert talk.chunk(1, 0, 3)[1].payload == bytes((0, 1, 2))


def test_second_connect_as_another_device_changes_whose_connection_it_is(world: Any) -> None:
    other = world.add_device("d2")
    talk = world.talk()
    talk.connect(world.token(other))
    talk.publish(TELEMETRY, {"a": 1})
    assert (world.states(other, "a"), world.states(key="a")) == ([1], [])
    assert world.model.sessions.of(world.device.id) == ()


def test_second_connect_that_is_refused_ends_the_connection(world: Any) -> None:
    talk = world.talk()
    talk.connect("wrong")
    assert talk.closed
    assert len(world.model.sessions) == 0


def test_core_that_is_down_ends_the_connection_after_its_time(make: Make, version: Version) -> None:
    world = make(version)
    world.assign(world.a)
    talk = world.talk()
    object.__setattr__(world.model.settings, "core_reachable", False)
    talk.chunk(1, 0, 10)
    world.passes(9)
    assert not talk.closed
    world.passes(2)
    assert (talk.hear(), talk.closed, len(world.model.sessions)) == (goodbye(version, 0x83), True, 0)


def test_device_that_is_gone_when_the_core_answers_is_unknown(make: Make, version: Version) -> None:
    world = make(version, core_delay_s=1)
    talk = world.talk()
    talk.chunk(1, 0, 10)
    world.model.store.forget_device(world.device.id)  # before anyone closed its connection
    world.passes(2)
    word, *rest = talk.hear()
    assert (word.topic, word.payload, rest) == ("v2/fw/error", b"UNKNOWN", goodbye(version, 0x83))


SIGNS = {
    "telemetry": lambda talk: talk.publish(TELEMETRY, {"a": 1}),
    "attributes": lambda talk: talk.publish(UPDATES, {"a": 1}),
    "a request of attributes": lambda talk: talk.publish("v2/a/req/1", {}),
    "an unknown topic": lambda talk: talk.publish("some/where", "x"),
    "a call": lambda talk: talk.publish("v2/r/req/1", {"method": "m", "params": {}}),
    "SUBSCRIBE": lambda talk: talk.subscribe(CHUNKS),
    "SUBSCRIBE that is refused": lambda talk: talk.subscribe("#"),
    "UNSUBSCRIBE from updates": lambda talk: (talk.subscribe(UPDATES), talk.says(p.Unsubscribe(1, (UPDATES,)))),
    "UNSUBSCRIBE from nothing": lambda talk: talk.says(p.Unsubscribe(1, ("x",))),
    "a second CONNECT": lambda talk: talk.connect(talk.world.token()),
}
NO_SIGNS = {
    "a chunk request": lambda talk: talk.chunk(1, 0, 10),
    "PUBACK": lambda talk: talk.says(p.PubAck(1)),
    "UNSUBSCRIBE from responses": lambda talk: talk.says(p.Unsubscribe(1, (next(talk.left),))),
    "a payload that cannot be read": lambda talk: talk.publish(TELEMETRY, "not json"),
    "getSessionLimits": lambda talk: talk.publish("v1/devices/me/rpc/request/1", {"method": "getSessionLimits"}),
}


def lives(make: Make, say: Callable[[Any], object]) -> bool:
    """Whether a connection on which only this is said outlives the limit of silence."""
    world = make(Version.MQTT_5, inactivity_s=10)
    world.assign(world.a)
    talk = world.talk()
    talk.subscribe(*RESPONSES)
    talk.left = iter(RESPONSES)
    for _ in range(5):
        world.passes(4)
        if talk.closed:
            return False
        say(talk)
    return True


@pytest.mark.parametrize("sign", SIGNS)
def test_sign_of_life(make: Make, sign: str) -> None:
    assert lives(make, SIGNS[sign])


@pytest.mark.parametrize("sign", NO_SIGNS)
def test_no_sign_of_life(make: Make, sign: str) -> None:
    assert not lives(make, NO_SIGNS[sign])


@pytest.mark.parametrize(
    "topic", ["v1/devices/me/rpc/response/x", "v2/r/res/x", "v2/r/res/j/", "v2/a/req/x", "v1/devices/me/claim"]
)
def test_request_id_that_is_no_number_is_a_format_error(world: Any, topic: str) -> None:
    talk = world.talk()
    answers = talk.publish(topic, "x")
    if world.version is Version.MQTT_5:
        assert [(each.type.name, each.reason_code) for each in answers] == [("PUBACK", 0x99)]
    assert talk.closed is (world.version is not Version.MQTT_5)


@pytest.mark.parametrize(("topic", "payload"), [("x", '{"method":"m"}'), ("1", "{}"), ("1", '{"method":null}')])
def test_call_that_the_code_stumbles_over_ends_the_connection(world: Any, topic: str, payload: str) -> None:
    talk = world.talk()
    assert talk.publish(f"v1/devices/me/rpc/request/{topic}", payload) == goodbye(world.version, 0x8B)
    assert talk.closed


def test_chunk_requests_are_tried_before_the_short_topics(world: Any) -> None:
    world.assign(world.a)
    _, found = world.talk().publish("v2/a/req/v2/fw/request/1/chunk/0", "3")
    assert found.topic == "v2/fw/response/1/chunk/0"


def test_updates_are_not_written_in_protobuf(world: Any) -> None:
    """The filter is granted, as ThingsBoard grants it."""
    talk = world.talk()
    assert talk.subscribe("v2/a/p") == (1,)
    world.assign(world.a)
    assert talk.hear() == []


def test_remembered_request_ids_are_bounded(make: Make) -> None:
    """The oldest is forgotten, as if its connection were new; ThingsBoard remembers all."""
    world = make(remembered_request_ids=3)
    world.assign(world.a)
    talk = world.talk()
    for number in range(4):
        talk.chunk(number, 0, 5)
    world.assign(world.b)
    assert talk.chunk(3, 0)[1].payload == bytes((0, 1, 2, 3, 4))
    assert talk.chunk(0, 0, 3)[1].payload == bytes((3, 10, 17))
    talk.chunk("0" * 60_000, 0, 5)
    assert sum(map(len, talk.conversation._uplink.chunks._known)) <= 60_000


def test_remembered_keys_and_values_are_bounded(make: Make) -> None:
    world = make(remembered_keys=3, remembered_values=10)
    talk, memory = world.talk(), world.model.memory(world.device.id)
    talk.publish(TELEMETRY, {"a": 1, "b": 2, "c": 3, "d": 4})
    assert memory.telemetry.keys == ["a", "b", "c"]
    for ts in range(100):
        talk.publish(TELEMETRY, {"ts": ts, "values": {"a": ts}})
    assert len(memory.telemetry.between("a", 0, 2**62)) <= 11
    talk.publish(UPDATES, {"a": 1, "b": 2, "c": 3, "d": 4})
    talk.publish(UPDATES, {"a": 5})
    assert {key: found.value for key, found in memory.client.items()} == {"a": 5, "b": 2, "c": 3}
