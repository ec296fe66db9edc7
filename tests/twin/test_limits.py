"""Rate limits: how they are written, what is charged to them, what they refuse (sections 6 and 7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.protocol import packets as p
from otakit.protocol.packets import Version
from otakit.twin.rules.limits import Bucket, Limits, rates
from otakit.twin.settings import SECOND, TwinSettings

TELEMETRY, UPDATES = "v1/devices/me/telemetry", "v1/devices/me/attributes"
REQUEST = "v1/devices/me/attributes/request/"
LIMIT = "2:1000"


def limited(make: Callable[..., Any], version: Version, messages: str = LIMIT, **more: Any) -> Any:
    return make(version, device_messages=messages, **more)


@pytest.mark.parametrize(
    ("text", "found"),
    [("20:1", [(20, 1)]), ("20:1,600:60", [(20, 1), (600, 60)]), ("", []), ("20", []), ("0:1", []), ("1:0", []),
     ("20:1,", []), ("-1:1", []), ("a:b", []), ("20:1;600:60", []), (" 20:1", [])],
)  # fmt: skip
def test_limit_is_read_as_thingsboard_writes_it(text: str, found: list[tuple[int, int]]) -> None:
    assert rates(text) == found


def test_bucket_fills_steadily_up_to_its_capacity() -> None:
    bucket = Bucket("10:1", 0)
    assert [bucket.take(1, 0) for _ in range(11)] == [True] * 10 + [False]
    assert not bucket.take(1, SECOND // 10 - 1)
    assert bucket.take(1, SECOND // 10)
    assert bucket.take(10, 5 * SECOND)
    assert not bucket.take(1, 5 * SECOND)


def test_all_rates_of_a_limit_must_have_enough() -> None:
    bucket = Bucket("2:1,3:100", 0)
    assert [bucket.take(1, second * SECOND) for second in (0, 0, 0, 1, 2, 3)] == [True, True, False, True, False, False]


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(1, 20)), max_size=30))
def test_bucket_gives_no_more_than_its_rate_and_its_capacity(takes: list[tuple[int, int]]) -> None:
    bucket, now, given_out = Bucket("7:3", 0), 0, 0
    for wait, tokens in takes:
        now += wait
        given_out += tokens if bucket.take(tokens, now) else 0
        assert given_out * 3 * SECOND <= 7 * 3 * SECOND + 7 * now


def test_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = Bucket("1:1", 10 * SECOND)
    assert [bucket.take(1, now * SECOND) for now in (10, 5, 10, 11)] == [True, False, False, True]


def test_connect_beyond_the_limit_is_refused(make: Callable[..., Any], version: Version) -> None:
    world = limited(make, version, "1:1000")
    world.talk()
    talk = world.stranger()
    answers = talk.connect(world.token())
    assert answers == ([p.ConnAck(0x9F), p.Disconnect(0x96)] if version is Version.MQTT_5 else [p.ConnAck(3)])
    assert talk.closed
    world.passes(1000)
    world.talk()


def check_closed(world: Any, talk: Any, answers: list[Any]) -> None:
    """No PUBACK, nothing published."""
    assert answers == ([p.Disconnect(0x83)] if world.version is Version.MQTT_5 else [])
    assert talk.closed


CHARGED = [
    (REQUEST + "1", "{}"), ("v2/a/req/1", "{}"), ("v1/devices/me/rpc/request/1", '{"method":"m","params":{}}'),
    ("v1/devices/me/rpc/response/1", "x"), ("v2/r/res/j/1", "x"), ("v1/devices/me/claim", ""), (TELEMETRY, "[]"),
    ("v2/fw/request/1/chunk/0", "10"),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "payload"), CHARGED)
def test_message_beyond_the_limit_ends_the_connection(
    make: Callable[..., Any], version: Version, topic: str, payload: str
) -> None:
    world = limited(make, version)
    world.assign(world.a)
    talk = world.talk()
    talk.publish(topic, payload)
    assert not talk.closed
    check_closed(world, talk, talk.publish(topic.replace("request/1/", "request/2/"), payload))


def test_messages_with_values_are_charged_by_message_and_by_value(make: Callable[..., Any], version: Version) -> None:
    world = make(version, device_telemetry_messages="3:1000", device_telemetry_data_points="4:1000")
    talk = world.talk()
    assert len(talk.publish(TELEMETRY, {"a": 1, "b": 2})) == 1
    assert len(talk.publish(UPDATES, {"a": 1})) == 1
    check_closed(world, talk, talk.publish(TELEMETRY, {"a": 1, "b": 2}))
    talk = world.talk()
    check_closed(world, talk, talk.publish(TELEMETRY, {"a": 1}))  # the refused message was counted as one all the same


def test_pings_acknowledgements_and_unknown_topics_are_free(make: Callable[..., Any], version: Version) -> None:
    world = limited(make, version, "1:1000")
    talk = world.talk()
    for _ in range(5):
        assert talk.says(p.PingReq()) == [p.PingResp()]
        assert talk.says(p.PubAck(1)) == []
        assert len(talk.publish("some/where", "x")) == 1
        assert len(talk.publish("v1/devices/me/rpc/request/1", {"method": "getSessionLimits", "params": {}})) == 2
        talk.subscribe("v2/fw/response/+/chunk/+", "v1/devices/me/attributes/response/+", "v2/fw/error")
    assert not talk.closed


def test_chunks_of_a_pinned_request_id_are_free(make: Callable[..., Any], version: Version) -> None:
    world = limited(make, version)
    world.assign(world.a)
    talk = world.talk()
    for index in range(8):
        assert talk.chunk(1, index, 10)[1].payload
    check_closed(world, talk, talk.chunk(2, 0, 10))


def test_refused_subscription_looks_good_and_hears_nothing(make: Callable[..., Any], version: Version) -> None:
    world = limited(make, version, "1:100")
    talk = world.talk()
    assert talk.subscribe(UPDATES) == (1,)
    world.assign(world.a)
    assert talk.hear() == []
    world.passes(100)
    talk = world.talk()
    world.passes(100)
    talk.subscribe(UPDATES)
    world.assign(world.b)
    assert len(talk.hear()) == 2


def test_refused_unsubscribe_looks_good_and_still_hears(make: Callable[..., Any], version: Version) -> None:
    world = limited(make, version)
    talk = world.talk()
    talk.subscribe(UPDATES)
    (answer,) = talk.says(p.Unsubscribe(9, (UPDATES,)))
    assert answer == p.UnsubAck(9, (0,) if version is Version.MQTT_5 else ())
    world.assign(world.a)
    assert len(talk.hear()) == 2


@pytest.mark.parametrize("name", ["v1/devices/me/rpc/request/+", "v2/r/req/j/+", UPDATES])
def test_registering_is_charged(make: Callable[..., Any], version: Version, name: str) -> None:
    world = limited(make, version)
    talk = world.talk()
    talk.subscribe(name)
    check_closed(world, talk, talk.publish(REQUEST + "1", "{}"))


def test_tenants_limit_counts_all_devices(make: Callable[..., Any], version: Version) -> None:
    world = make(version, tenant_messages="3:1000")
    first, second = world.talk(), world.talk(world.add_device("d2"))
    first.publish(REQUEST + "1", "{}")
    check_closed(world, second, second.publish(REQUEST + "1", "{}"))


def test_each_device_has_its_own_limit(make: Callable[..., Any], version: Version) -> None:
    world = limited(make, version)
    first, second = world.talk(), world.talk(world.add_device("d2"))
    assert first.publish(REQUEST + "1", "{}")
    assert second.publish(REQUEST + "1", "{}")
    assert not second.closed


def test_api_that_is_switched_off_refuses_what_is_charged(make: Callable[..., Any], version: Version) -> None:
    world = make(version, api_disabled=True)
    answers = world.stranger().connect(world.token())
    assert answers[0].reason_code == (0x9F if version is Version.MQTT_5 else 3)


def test_device_is_told_of_its_limits_as_they_are_written(make: Callable[..., Any]) -> None:
    world = make(device_messages="20:1,600:60", gateway_messages="5:1", gateway_device_telemetry_messages="6:1")
    ask = ("v1/devices/me/rpc/request/1", {"method": "getSessionLimits", "params": {}})
    limits = json.loads(world.talk().publish(*ask)[1].payload)["rateLimits"]
    assert limits == {"messages": "20:1,600:60", "telemetryMessages": None, "telemetryDataPoints": None}
    extra = {"additionalInfo": {"gateway": True}}
    world.model.save_device(replace(world.model.store.device(world.device.id), extra=extra), world.now)
    told = json.loads(world.talk().publish(*ask)[1].payload)
    assert (told["gatewayRateLimits"]["messages"], told["rateLimits"]["telemetryMessages"]) == ("5:1", "6:1")


def test_gateway_pays_for_itself_and_for_those_behind_it() -> None:
    limits = Limits(TwinSettings(gateway_messages="1:1000", gateway_device_messages="2:1000", device_messages="1:1000"))
    assert [limits.allow(0, "child", gateway_id="gate") for _ in range(2)] == [True, False]
    assert [limits.allow(0, "gate", is_gateway=True) for _ in range(3)] == [True, True, False]
    assert limits.allow(0, "child")  # by its own connection


def test_deleted_devices_leave_no_bucket(make: Callable[..., Any]) -> None:
    world = limited(make, Version.MQTT_3_1_1)
    world.talk()
    world.model.delete_device(world.device.id)
    assert not world.model.limits._buckets


def test_silent_device_is_closed_though_its_refused_subscriptions_came(make: Callable[..., Any]) -> None:
    """What a limit refuses is no sign of life."""
    world = limited(make, Version.MQTT_3_1_1, "1:10000", inactivity_s=10)
    talk = world.talk()
    for _ in range(4):
        world.passes(4)
        if not talk.closed:
            talk.subscribe(UPDATES)
    assert talk.closed
