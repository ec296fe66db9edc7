"""Connections as ThingsBoard holds them: CONNECT, SUBSCRIBE, acknowledgements, silence, the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Version

UPDATES = "v1/devices/me/attributes"
CHUNKS = "v2/fw/response/+/chunk/+"


def test_right_token_is_accepted_whatever_password_and_client_id_say(world: Any) -> None:
    """ThingsBoard: an access token is the user name, the rest of CONNECT is ignored."""
    (answer,) = world.stranger().connect(world.token(), password=b"anything")
    assert answer == p.ConnAck(0)


@pytest.mark.parametrize(
    ("fields", "three", "five"),
    [
        ({"user_name": "wrong"}, 5, 0x86),
        ({"user_name": "wrong", "password": b"x"}, 5, 0x86),
        ({"client_id": "c1"}, 2, 0x85),
        ({"client_id": " "}, 5, 0x87),
    ],
)
def test_refused_connect_tells_what_was_presented(world: Any, fields: dict[str, Any], three: int, five: int) -> None:
    """`ReturnCodeResolver`; MQTT 5 gets a DISCONNECT with the same code behind it."""
    talk = world.stranger()
    answers = talk.says(p.Connect(version=world.version, **fields))
    if world.version is Version.MQTT_5:
        assert answers == [p.ConnAck(five), p.Disconnect(five)]
    else:
        assert answers == [p.ConnAck(three)]
    assert talk.closed


def test_session_present_says_the_opposite_of_clean_session(world: Any) -> None:
    """Nothing persists, yet the flag is set; subscriptions do not survive."""
    first = world.talk()
    first.subscribe(UPDATES)
    again = world.stranger()
    assert p.ConnAck(0, session_present=True) in again.connect(world.token(), clean_start=False)
    world.assign(world.a)
    assert again.hear() == []


def test_mqtt_3_1_needs_a_client_id_of_1_to_23_characters(make: Callable[..., Any]) -> None:
    """Netty's `MqttCodecUtil`: closed without CONNACK."""
    world = make(Version.MQTT_3_1)
    talk = world.stranger()
    assert talk.says(p.Connect("x" * 24, Version.MQTT_3_1, user_name=world.token())) == []
    assert talk.closed


def test_each_filter_is_granted_or_refused_on_its_own(world: Any) -> None:
    """Filters are compared as texts; the connection stays."""
    talk = world.talk()
    refused = 0x8F if world.version is Version.MQTT_5 else 0x80
    wrong = ("v2/fw/response/+", "#", "v2/fw/response/+/chunk/#", "$share/g/" + CHUNKS)
    assert talk.subscribe(CHUNKS, *wrong, "v2/fw/error") == (1, *[refused] * 4, 1)
    assert not talk.closed


def test_qos_2_is_granted_as_1(world: Any) -> None:
    assert world.talk().subscribe(CHUNKS, qos=2) == (1,)


def test_unsubscribed_updates_are_no_longer_sent(world: Any) -> None:
    talk = world.talk()
    talk.subscribe(UPDATES)
    (answer,) = talk.says(p.Unsubscribe(9, (UPDATES, "v2/fw/error")))
    assert answer == p.UnsubAck(9, (0, 0x11) if world.version is Version.MQTT_5 else ())
    world.assign(world.a)
    assert talk.hear() == []


@pytest.mark.parametrize("topic", ["v2/a", "v2/a/j"])
def test_updates_arrive_on_the_topic_that_was_subscribed_last(world: Any, topic: str) -> None:
    talk = world.talk()
    talk.subscribe(UPDATES, topic)
    world.assign(world.a)
    assert {packet.topic for packet in talk.hear()} == {topic}


def test_unknown_topic_is_acknowledged_and_dropped(world: Any) -> None:
    """ThingsBoard is no broker: nothing is routed anywhere."""
    (answer,) = world.talk().publish("some/where", "x")
    assert (answer.type.name, answer.reason_code) == ("PUBACK", 0x90 if world.version is Version.MQTT_5 else 0)


def test_gateway_topic_of_a_plain_device_gets_no_answer_at_all(world: Any) -> None:
    talk = world.talk()
    assert talk.publish("v1/gateway/telemetry", "{}") == []
    assert not talk.closed


def test_qos_2_publish_gets_a_puback(world: Any) -> None:
    """Never PUBREC; the PUBREL that a client sends all the same is heard without a word."""
    talk = world.talk()
    (answer,) = talk.publish("v1/devices/me/telemetry", {"a": 1}, qos=2)
    assert answer.type.name == "PUBACK"
    assert talk.says(p.PubRel(1)) == []


def test_second_connection_of_a_device_closes_the_first(world: Any) -> None:
    first, second = world.talk(), world.stranger()
    assert second.connect(world.token())[0] == p.ConnAck(0)
    assert first.closed
    assert first.hear() == ([p.Disconnect(0x8E)] if world.version is Version.MQTT_5 else [])


def test_second_connect_on_one_connection_is_accepted_again(world: Any) -> None:
    talk = world.talk()
    assert talk.connect(world.token()) == [p.ConnAck(0)]
    assert not talk.closed


def test_packets_before_connect_wait_for_it(make: Callable[..., Any]) -> None:
    """They are held and answered behind the CONNACK."""
    world = make()
    talk = world.stranger()
    assert talk.says(p.PingReq()) == []
    assert talk.connect(world.token()) == [p.ConnAck(0), p.PingResp()]


def test_more_than_100_packets_before_connect_end_the_connection(make: Callable[..., Any]) -> None:
    talk = make().stranger()
    talk.says(*[p.PingReq()] * 100)
    assert not talk.closed
    talk.says(p.PingReq())
    assert talk.closed


def test_disconnect_is_answered_in_mqtt_5_only(world: Any) -> None:
    talk = world.talk()
    assert talk.says(p.Disconnect()) == ([p.Disconnect(0)] if world.version is Version.MQTT_5 else [])
    assert talk.closed


@pytest.mark.parametrize(
    "raw", [b"\x00\x00", b"\x30\xff\xff\xff\xff\x7f", b"\x36\x02\x00\x00", b"\x32\x05\x00\x01a\x00\x00"]
)
def test_malformed_packet_ends_the_connection(world: Any, raw: bytes) -> None:
    """Whole packets in front of it are still answered."""
    talk = world.talk()
    answers = talk.send(encode(p.PingReq()) + raw)
    assert answers == [p.PingResp(), *([p.Disconnect(0x81)] if world.version is Version.MQTT_5 else [])]
    assert talk.closed


def test_packet_above_64_kib_ends_the_connection(world: Any) -> None:
    talk = world.talk()
    talk.publish("v1/devices/me/telemetry", b"x" * 65_536)
    assert talk.closed


def test_deleted_device_and_changed_credentials_close_the_connection(world: Any) -> None:
    goodbye = [p.Disconnect(0x98)] if world.version is Version.MQTT_5 else []
    talk = world.talk()
    world.model.save_credentials(replace(world.model.store.credentials[world.device.id], credentials_id="other"))
    assert (talk.closed, talk.hear()) == (True, goodbye)
    talk = world.talk()
    world.model.delete_device(world.device.id)
    assert (talk.closed, talk.hear()) == (True, goodbye)


def test_silent_connection_is_closed(make: Callable[..., Any]) -> None:
    """Chunk requests are no sign of life; which of two checks fires first is open."""
    world = make(Version.MQTT_5, inactivity_s=10)
    world.assign(world.a)
    talk = world.talk()
    for _ in range(14):
        if not talk.closed:
            talk.chunk(1, 0, 10)
            world.passes(1)
    assert talk.closed
    assert talk.hear()[-1] in (p.Disconnect(0x83), p.Disconnect(0xA0))


def test_ping_keeps_the_connection(make: Callable[..., Any]) -> None:
    world = make(inactivity_s=10)
    talk = world.talk()
    for _ in range(10):
        world.passes(5)
        assert talk.says(p.PingReq()) == [p.PingResp()]


def test_keep_alive_of_connect_is_not_looked_at(world: Any) -> None:
    talk = world.talk(keep_alive_s=2)
    world.passes(8)
    assert not talk.closed


def test_downlink_packet_ids_wrap_to_0(make: Callable[..., Any]) -> None:
    """One counter a connection, cut to 16 bits."""
    world = make()
    world.assign(world.a)
    talk = world.talk()
    packets = [talk.chunk(1, 0, 1, qos=0)[0].packet_id for _ in range(65_536)]
    assert packets[:2] == [1, 2]
    assert packets[-2:] == [65_535, 0]


def test_session_limits_are_told_by_the_transport(world: Any, body: Callable[..., Any]) -> None:
    """PUBACK, then the answer; only this call is known."""
    talk = world.talk()
    ack, answer = talk.publish("v1/devices/me/rpc/request/7", {"method": "getSessionLimits", "params": {}})
    assert ack.type.name == "PUBACK"
    assert answer.topic == "v1/devices/me/rpc/response/7"
    limits = body(answer)
    assert (limits["maxPayloadSize"], limits["maxInflightMessages"]) == (65_536, 100)
    assert set(limits["rateLimits"]) == {"messages", "telemetryMessages", "telemetryDataPoints"}
    assert len(talk.publish("v1/devices/me/rpc/request/8", {"method": "other", "params": {}})) == 1


def test_lost_connection_hears_nothing_more(world: Any) -> None:
    talk = world.talk()
    talk.subscribe(UPDATES)
    talk.conversation.lost()
    world.assign(world.a)
    assert talk.hear() == []
    assert len(world.model.sessions) == 0
