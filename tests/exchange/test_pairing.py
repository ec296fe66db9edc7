"""What answers what: pairs, retries, duplicates, late answers, absences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otakit.captured import CapturedPacket, Entry, OpenedConnection
from otakit.exchange import Exchange, Exchanges
from otakit.protocol import packets as p
from otakit.protocol.messages import (
    AttributesRequest,
    AttributesResponse,
    AttributesUpdate,
    Direction,
    OtherPublish,
    RpcRequest,
    RpcResponse,
    Telemetry,
)

Talk = Callable[..., Any]
UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE


def read(entries: list[Entry]) -> Exchanges:
    found = Exchanges()
    for entry in entries:
        found.feed(entry)
    return found


def named(entries: list[Entry], name: str) -> list[Exchange]:
    return [exchange for exchange in read(entries).exchanges if exchange.name == name]


def one(entries: list[Entry], name: str) -> Exchange:
    (exchange,) = named(entries, name)
    return exchange


def outcomes(entries: list[Entry], name: str) -> list[str]:
    return [exchange.outcome for exchange in named(entries, name)]


def test_connect_is_answered_by_connack(talk: Talk) -> None:
    exchange = one(talk().connect().entries, "Connect")
    assert (exchange.outcome, exchange.answer and exchange.answer.number) == ("ANSWERED", 2)


def test_connect_with_a_return_code_is_refused(talk: Talk) -> None:
    conversation = talk()
    conversation.connection = 0
    conversation.packet(UP, p.Connect()).packet(DOWN, p.ConnAck(5))
    assert outcomes(conversation.entries, "Connect") == ["REFUSED"]


def test_subscribe_finds_its_suback_by_packet_id(talk: Talk) -> None:
    conversation = talk().connect()
    conversation.packet(UP, p.Subscribe(8, (("a", 0),))).packet(UP, p.Subscribe(9, (("b", 0),)))
    conversation.packet(DOWN, p.SubAck(9, (0,))).packet(DOWN, p.SubAck(8, (0x80,)))
    assert outcomes(conversation.entries, "Subscribe") == ["ANSWERED", "REFUSED", "ANSWERED"]


def test_telemetry_waits_for_its_puback_alone(talk: Talk) -> None:
    exchange = one(talk().connect().up(Telemetry({"a": 1}), 1).entries, "Telemetry")
    assert (exchange.outcome, exchange.answer, len(exchange.answers)) == ("ANSWERED", None, 1)


def test_telemetry_at_qos_0_expects_nothing(talk: Talk) -> None:
    assert outcomes(talk().connect().up(Telemetry({"a": 1}), 0).entries, "Telemetry") == ["ONE_WAY"]


def test_puback_with_an_error_code_is_a_refusal(talk: Talk) -> None:
    """MQTT 5 says no in the PUBACK (ThingsBoard: 0x99 for a payload that is no JSON)."""
    conversation = talk(version=p.Version.MQTT_5).connect()
    conversation.packet(UP, p.Publish("v1/devices/me/telemetry", b"{}", 1, 9)).packet(DOWN, p.PubAck(9, 0x99))
    assert outcomes(conversation.entries, "Telemetry") == ["REFUSED"]


@pytest.mark.parametrize("acknowledged_first", [True, False])
def test_attributes_request_is_answered_by_the_response_with_its_id(talk: Talk, acknowledged_first: bool) -> None:
    """PUBACK and response come in either order (ThingsBoard promises none)."""
    conversation = talk().connect()
    request, response = AttributesRequest(7, ("fw_title",)), AttributesResponse(7, {})
    conversation.packet(UP, p.Publish(request.topic, request.payload, 1, 9))
    replies = [p.PubAck(9), p.Publish(response.topic, response.payload)]
    for reply in replies if acknowledged_first else replies[::-1]:
        conversation.packet(DOWN, reply)
    exchange = one(conversation.entries, "AttributesRequest")
    assert exchange.outcome == "ANSWERED"
    assert exchange.answer is not None
    assert exchange.answer.message == "AttributesResponse"
    assert exchange.acknowledged is not None


def test_attributes_request_only_acknowledged_is_still_open(talk: Talk) -> None:
    """An empty key makes ThingsBoard acknowledge and never answer."""
    entries = talk().connect().up(AttributesRequest(7, ("",)), 1).entries
    assert outcomes(entries, "AttributesRequest") == ["OPEN"]


def test_response_to_another_request_is_no_answer(talk: Talk) -> None:
    conversation = talk().connect().up(AttributesRequest(7, ("a",))).down(AttributesResponse(8, {}))
    found = {exchange.name: exchange.outcome for exchange in read(conversation.entries).exchanges[2:]}
    assert found == {"AttributesRequest": "OPEN", "AttributesResponse": "ONE_WAY"}


def test_call_is_answered_by_the_other_side_whoever_calls(talk: Talk) -> None:
    conversation = (
        talk().connect().up(RpcRequest(3, {"method": "getSessionLimits"})).down(RpcRequest(3, {"method": "a"}))
    )
    conversation.up(RpcResponse(3, {"b": 1})).down(RpcResponse(3, {"maxPayloadSize": 1}))
    said = [e.answer.text for e in named(conversation.entries, "RpcRequest") if e.answer]
    assert said == ['{"maxPayloadSize":1}', '{"b":1}']


def test_five_chunks_at_qos_1_are_twenty_packets(talk: Talk) -> None:
    """Request, PUBACK, chunk and the device's own PUBACK belong together."""
    conversation = talk().connect()
    for index in range(5):
        topic = f"v2/fw/request/1/chunk/{index}"
        conversation.packet(UP, p.Publish(topic, b"10", 1, 10 + index)).packet(DOWN, p.PubAck(10 + index))
        answer = p.Publish(topic.replace("request", "response"), bytes(10), 1, 1 + index)
        conversation.packet(DOWN, answer).packet(UP, p.PubAck(1 + index))
    asked = named(conversation.entries, "ChunkRequest")
    assert sum(len(exchange.packets) for exchange in asked) == 20
    assert [len(exchange.answers) for exchange in asked] == [2] * 5


def test_answers_in_any_order_find_their_chunk(talk: Talk) -> None:
    conversation = talk().connect().ask(0).ask(1).ask(2).chunk(2).chunk(0).chunk(1)
    answers = [exchange.answer and exchange.answer.index for exchange in named(conversation.entries, "ChunkRequest")]
    assert answers == [0, 1, 2]


def test_withheld_answer_leaves_the_first_request_unanswered(talk: Talk) -> None:
    conversation = talk().connect().fetch(0).ask(1).wait(5).ask(1).chunk(1)
    asked = named(conversation.entries, "ChunkRequest")
    assert [(exchange.attempt, exchange.outcome) for exchange in asked] == [
        (1, "ANSWERED"),
        (1, "UNANSWERED"),
        (2, "ANSWERED"),
    ]


def test_answer_too_fast_for_the_retry_belongs_to_the_first_request(talk: Talk) -> None:
    """No answer is faster than the link: it is the late one."""
    conversation = talk().connect().ask(0).wait(0.5).chunk(0).ask(1).wait(5).ask(1).chunk(1)
    late, again = named(conversation.entries, "ChunkRequest")[1:]
    assert (late.outcome, again.outcome) == ("ANSWERED", "OPEN")


def test_late_answer_and_the_second_one_go_to_their_own_requests(talk: Talk) -> None:
    """The server answers every copy in order: as many answers as requests leave no doubt."""
    conversation = talk().connect().fetch(0).ask(1).wait(5).ask(1).chunk(1).wait(0.2).chunk(1)
    late, again = named(conversation.entries, "ChunkRequest")[1:]
    assert [exchange.answer and exchange.answer.number for exchange in (late, again)] == [9, 10]


def test_duplicate_answer_stays_with_its_request(talk: Talk) -> None:
    (exchange,) = named(talk().connect().ask(0).chunk(0).chunk(0).entries, "ChunkRequest")
    assert (exchange.outcome, len(exchange.contents)) == ("ANSWERED", 2)


def test_error_word_refuses_the_oldest_request_that_was_not_acknowledged(talk: Talk) -> None:
    """ThingsBoard acknowledges no failing request, and names none either."""
    conversation = talk().connect()
    for index in range(2):
        conversation.packet(UP, p.Publish(f"v2/fw/request/1/chunk/{index}", b"10", 1, 10 + index))
    conversation.packet(DOWN, p.PubAck(10)).error("NOT_FOUND")
    assert outcomes(conversation.entries, "ChunkRequest") == ["OPEN", "REFUSED"]


def test_error_word_without_a_request_is_an_exchange_of_its_own(talk: Talk) -> None:
    assert outcomes(talk().connect().error("NOT_FOUND").entries, "OtaError") == ["ONE_WAY"]


def test_open_requests_end_with_their_connection(talk: Talk) -> None:
    conversation = talk().connect().ask(0).packet(UP, p.Disconnect())
    assert outcomes(conversation.entries, "ChunkRequest") == ["UNANSWERED"]


def test_open_requests_end_when_the_client_says_that_the_connection_is_lost(talk: Talk) -> None:
    conversation = talk().connect().ask(0).note("connection_lost", reason="reset")
    assert outcomes(conversation.entries, "ChunkRequest") == ["UNANSWERED"]


def test_open_requests_end_when_the_device_connects_anew(talk: Talk) -> None:
    """ThingsBoard keeps one connection a device; a foreign capture shows no more than the new CONNECT."""
    assert outcomes(talk().connect().ask(0).connect().entries, "ChunkRequest") == ["UNANSWERED"]


def test_another_device_connecting_ends_nothing(talk: Talk) -> None:
    conversation = talk().connect().ask(0)
    conversation.key = "ffffffffffff"
    assert outcomes(conversation.connect("10.0.0.8").entries, "ChunkRequest") == ["OPEN"]


def test_same_ids_on_two_connections_do_not_mix(talk: Talk) -> None:
    conversation = talk().connect().ask(0).connect().ask(0).chunk(0)
    assert outcomes(conversation.entries, "ChunkRequest") == ["UNANSWERED", "ANSWERED"]


def test_ping_is_answered_by_the_next_pong(talk: Talk) -> None:
    conversation = talk().connect()
    for _ in range(2):
        conversation.packet(UP, p.PingReq()).packet(DOWN, p.PingResp())
    conversation.packet(UP, p.PingReq())
    assert outcomes(conversation.entries, "PingReq") == ["ANSWERED", "ANSWERED", "OPEN"]


def test_message_from_the_server_expects_nothing_at_qos_0(talk: Talk) -> None:
    assert outcomes(talk().connect().down(AttributesUpdate({"a": 1})).entries, "AttributesUpdate") == ["ONE_WAY"]


def test_qos_2_ends_with_pubcomp(talk: Talk) -> None:
    conversation = talk().connect().packet(UP, p.Publish("x", b"1", 2, 9)).packet(DOWN, p.PubRec(9))
    conversation.packet(UP, p.PubRel(9)).packet(DOWN, p.PubComp(9))
    exchange = one(conversation.entries, "OtherPublish")
    assert (exchange.outcome, len(exchange.packets)) == ("ANSWERED", 4)


def test_repeated_publish_is_the_second_attempt(talk: Talk) -> None:
    conversation = talk().connect()
    for dup in (False, True):
        conversation.packet(UP, p.Publish("v1/devices/me/telemetry", b"{}", 1, 9, dup=dup))
    asked = named(conversation.packet(DOWN, p.PubAck(9)).entries, "Telemetry")
    assert [(exchange.attempt, exchange.outcome) for exchange in asked] == [(1, "UNANSWERED"), (2, "ANSWERED")]


def test_packet_that_the_file_repeats_is_no_question(talk: Talk) -> None:
    """It stands there so that the rest can be decoded; it did not pass then."""
    conversation = talk()
    conversation.connection = 0
    conversation.packet(UP, p.Connect(version=p.Version.MQTT_5), repeated=True)
    found = read(conversation.entries)
    assert (len(found.packets), found.exchanges) == (1, [])


def test_unknown_topic_is_an_exchange_like_any_other(talk: Talk) -> None:
    assert outcomes(talk().connect().up(OtherPublish("my/topic", b"\xff"), 1).entries, "OtherPublish") == ["ANSWERED"]


STORIES = ("healthy", "acknowledged", "withheld", "late", "empty", "superseded", "both", "reconnect", "foreign")


@pytest.mark.parametrize("story", STORIES)
def test_every_packet_belongs_to_one_exchange(stories: dict[str, list[Entry]], story: str) -> None:
    found = read(stories[story])
    numbers = [packet.number for exchange in found.exchanges for packet in exchange.packets]
    assert sorted(numbers) == [packet.number for packet in found.packets]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=40), st.integers(0, 3), st.integers(0, 60)), max_size=12))
def test_no_bytes_on_the_wire_raise(packets: list[tuple[bool, bytes, int, int]]) -> None:
    """Whatever is captured gives rows, and every row one exchange."""
    entries: list[Entry] = [OpenedConnection(0, ("a", 1), ("b", 2))]
    for number, (up, raw, connection, more) in enumerate(packets, 1):
        entries.append(CapturedPacket(number, number, connection, UP if up else DOWN, raw, len(raw) + more))
    found = read(entries)
    assert sum(len(exchange.packets) for exchange in found.exchanges) == len(packets)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_of_real_packets_gives_each_one_place(stories: dict[str, list[Entry]], data: st.DataObject) -> None:
    """Answers before questions, gaps, halves of two runs: no packet is lost or counted twice."""
    pool = [entry for name in ("acknowledged", "late", "both") for entry in stories[name]]
    entries = data.draw(st.lists(st.sampled_from(pool), max_size=40))
    found = read(entries)
    assert sum(len(exchange.packets) for exchange in found.exchanges) == len(found.packets)
