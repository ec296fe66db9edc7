"""The chunk protocol, corner by corner (`MqttTransportHandler.getOtaPackageCallback`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.checksums import checksum_of
from otakit.protocol.messages import Kind
from otakit.protocol.packets import Version
from otakit.twin.rules.entities import OtaPackage

IMAGE_A = bytes(i % 251 for i in range(200_000))
IMAGE_B = bytes((7 * i + 3) % 256 for i in range(100_000))


@pytest.fixture
def talk(world: Any) -> Any:
    """A connected device with package A assigned and dispatched."""
    world.assign(world.a)
    return world.talk()


def test_chunks_in_turn_give_the_image(talk: Any) -> None:
    """PUBACK first, then the chunk; the last one is short."""
    pieces = []
    for index in range(4):
        ack, chunk = talk.chunk(1, index, 65_536)
        assert ack.type.name == "PUBACK"
        assert chunk.topic == f"v2/fw/response/1/chunk/{index}"
        pieces.append(chunk.payload)
    assert [len(piece) for piece in pieces] == [65_536, 65_536, 65_536, 3_392]
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == checksum_of("SHA256", IMAGE_A)


def test_chunk_past_the_end_is_empty_and_acknowledged(talk: Any) -> None:
    ack, chunk = talk.chunk(1, 4, 65_536)
    assert (ack.type.name, chunk.payload) == ("PUBACK", b"")


def test_chunk_needs_no_subscription_and_has_qos_1_then(talk: Any) -> None:
    _, chunk = talk.chunk(1, 0, 4096)
    assert (chunk.qos, chunk.dup, chunk.retain) == (1, False, False)


def test_chunk_has_the_granted_qos(talk: Any) -> None:
    talk.subscribe("v2/fw/response/+/chunk/+", qos=0)
    assert talk.chunk(1, 0, 10)[1].qos == 0
    talk.subscribe("v2/fw/response/+/chunk/+", qos=2)
    assert talk.chunk(1, 0, 10)[1].qos == 1


def test_request_at_qos_0_gets_the_chunk_alone(talk: Any) -> None:
    assert [packet.payload for packet in talk.chunk(1, 0, 10, qos=0)] == [IMAGE_A[:10]]


def test_empty_size_repeats_the_last_one_of_the_request_id(talk: Any) -> None:
    talk.chunk(1, 1, 65_536)
    assert talk.chunk(1, 2)[1].payload == IMAGE_A[131_072:196_608]


@pytest.mark.parametrize("size", ["", "0", "-1"])
def test_no_size_on_a_fresh_request_id_is_the_whole_file(talk: Any, size: str) -> None:
    """In one PUBLISH, under whatever index was asked for."""
    _, chunk = talk.chunk(2, 5, size)
    assert (chunk.topic, chunk.payload) == ("v2/fw/response/2/chunk/5", IMAGE_A)


def test_size_above_the_limit_is_refused_with_a_word_and_the_end(talk: Any) -> None:
    """No PUBACK; 65,536 itself is served."""
    word, *goodbye = talk.chunk(1, 0, 65_537)
    assert (word.topic, word.payload) == ("v2/fw/error", b"PAYLOAD_TOO_LARGE")
    assert goodbye == ([p.Disconnect(0x83)] if talk.version is Version.MQTT_5 else [])
    assert talk.closed


@pytest.mark.parametrize("kind", ["fw", "sw"])
def test_without_a_package_the_word_comes_under_the_firmware_topic(world: Any, kind: str) -> None:
    talk = world.talk()
    word, *_ = talk.chunk(1, 0, 10, kind=kind)
    assert (word.topic, word.payload, talk.closed) == ("v2/fw/error", b"NOT_FOUND", True)


@pytest.mark.parametrize(
    ("index", "size"), [(0, '"1024"'), (0, " 10"), (0, "10\n"), (0, "4096.0"), (0, "0x10"), (0, 2**31), (2**31, 10)]
)
def test_number_that_java_cannot_read_ends_the_connection(talk: Any, index: int, size: object) -> None:
    """Nothing is published, nothing acknowledged."""
    assert talk.chunk(1, index, size) == ([p.Disconnect(0x8B)] if talk.version is Version.MQTT_5 else [])
    assert talk.closed


def test_size_with_a_plus_sign_is_a_number_to_java(talk: Any) -> None:
    assert talk.chunk(1, 0, "+5")[1].payload == IMAGE_A[:5]


@pytest.mark.parametrize(("request_id", "index"), [("abc", 0), (1, -1)])
def test_request_id_or_index_that_are_no_digits_make_an_unknown_topic(
    talk: Any, request_id: object, index: int
) -> None:
    (answer,) = talk.chunk(request_id, index, 10)
    assert (answer.type.name, talk.closed) == ("PUBACK", False)


def test_request_id_is_echoed_as_text_and_index_as_number(talk: Any) -> None:
    _, chunk = talk.chunk("01", "007", 10)
    assert (chunk.topic, chunk.payload) == ("v2/fw/response/01/chunk/7", IMAGE_A[70:80])


def test_topic_is_searched_not_matched(talk: Any) -> None:
    """The pattern is unanchored: what stands around it does not matter."""
    _, chunk = talk.publish("x/v2/fw/request/1/chunk/0tail", "10")
    assert chunk.topic == "v2/fw/response/1/chunk/0"


def test_request_id_stays_with_the_package_of_its_first_use(world: Any, talk: Any) -> None:
    talk.chunk(1, 0, 10)
    world.assign(world.b)
    assert talk.chunk(1, 0, 10)[1].payload == IMAGE_A[:10]
    assert talk.chunk(2, 0, 10)[1].payload == IMAGE_B[:10]


def test_firmware_request_id_brings_firmware_bytes_on_the_software_topic(world: Any, talk: Any) -> None:
    """One map of request ids for both kinds."""
    software = world.upload("2.0", IMAGE_B, Kind.SOFTWARE, title="app")
    world.assign(software, kind=Kind.SOFTWARE)
    talk.chunk(1, 0, 10)
    _, chunk = talk.chunk(1, 0, 10, kind="sw")
    assert (chunk.topic, chunk.payload) == ("v2/sw/response/1/chunk/0", IMAGE_A[:10])
    assert talk.chunk(2, 0, 10, kind="sw")[1].payload == IMAGE_B[:10]


def test_request_ids_end_with_their_connection(world: Any, talk: Any) -> None:
    talk.chunk(1, 0, 10)
    world.assign(world.b)
    assert world.talk().chunk(1, 0, 10)[1].payload == IMAGE_B[:10]


def test_product_of_size_and_index_wraps_at_32_bits(talk: Any) -> None:
    """65,536 × 65,536 is 0 to Java: the first chunk's bytes."""
    assert talk.chunk(1, 65_536, 65_536)[1].payload == IMAGE_A[:65_536]


def test_product_that_wraps_to_a_small_negative_is_acknowledged_and_silent(talk: Any) -> None:
    """Java's `arraycopy` throws for an offset below 0."""
    (answer,) = talk.chunk(1, 65_535, 65_536)
    assert answer.type.name == "PUBACK"


def test_product_that_wraps_to_a_large_negative_is_empty(talk: Any) -> None:
    """There the length overflows too."""
    assert talk.chunk(1, 32_768, 65_536)[1].payload == b""


def test_expired_cache_entry_gives_empty_chunks_until_a_new_request_id_loads_it(make: Callable[..., Any]) -> None:
    world = make(cache_ttl_s=60)
    world.assign(world.a)
    talk = world.talk()
    talk.chunk(1, 0, 65_536)
    world.passes(61)
    assert talk.chunk(1, 1, 65_536)[1].payload == b""
    assert talk.chunk(2, 1, 65_536)[1].payload == IMAGE_A[65_536:131_072]
    assert talk.chunk(1, 1, 65_536)[1].payload == IMAGE_A[65_536:131_072]


def test_cache_entry_lives_from_its_loading_not_from_its_last_use(make: Callable[..., Any]) -> None:
    world = make(cache_ttl_s=60)
    world.assign(world.a)
    talk = world.talk()
    for request_id in range(5):
        assert talk.chunk(request_id, 0, 10)[1].payload
        world.passes(13)
    assert talk.chunk(1, 0, 10)[1].payload == b""


def test_lost_cache_entry_without_a_size_is_acknowledged_and_silent(make: Callable[..., Any]) -> None:
    world = make(cache_ttl_s=60)
    world.assign(world.a)
    talk = world.talk()
    talk.chunk(1, 0)
    world.passes(61)
    assert [packet.type.name for packet in talk.chunk(1, 0)] == ["PUBACK"]


def test_saving_the_package_drops_its_cached_bytes(world: Any, talk: Any) -> None:
    """Editing the description in mid-download empties it."""
    talk.chunk(1, 0, 10)
    world.model.save_package(replace(world.a, extra={"additionalInfo": {"description": "x"}}), world.now)
    assert talk.chunk(1, 0, 10)[1].payload == b""


def test_one_package_too_many_drops_one(make: Callable[..., Any]) -> None:
    world = make(cache_entries=1, shuffle=False)
    second = world.add_device("d2")
    world.assign(world.a)
    world.assign(world.b, second)
    talk, other = world.talk(), world.talk(second)
    assert talk.chunk(1, 0, 10)[1].payload
    assert other.chunk(1, 0, 10)[1].payload
    assert talk.chunk(1, 0, 10)[1].payload == b""


def test_first_burst_comes_in_any_order_and_the_second_in_its_own(make: Callable[..., Any]) -> None:
    """Each request of a fresh id asks the core by itself; each PUBACK stands before its own chunk."""
    orders = set()
    for seed in range(8):
        world = make(seed=seed)
        world.assign(world.a)
        talk = world.talk()
        burst = [talk.a_publish(f"v2/fw/request/9/chunk/{index}", "10") for index in range(4)]
        answers = talk.says(*burst)
        pairs = [(ack.packet_id, chunk.topic[-1]) for ack, chunk in zip(answers[::2], answers[1::2], strict=True)]
        assert dict(pairs) == {packet.packet_id: packet.topic[-1] for packet in burst}
        orders.add(tuple(name for _, name in pairs))
        again = talk.says(*burst)
        assert [chunk.topic[-1] for chunk in again[1::2]] == ["0", "1", "2", "3"]
    assert len(orders) > 1


def test_url_package_is_refused_with_failure(world: Any) -> None:
    profile = world.model.store.default_profile_id
    draft = OtaPackage("pump", "2.0", Kind.FIRMWARE, profile, url="https://example.org/x", uses_url=True)
    world.assign(world.model.save_package(draft, world.now))
    talk = world.talk()
    assert talk.chunk(1, 0, 10)[0].payload == b"FAILURE"
    assert talk.closed


def test_core_that_takes_its_time_answers_later(make: Callable[..., Any]) -> None:
    """Requests of a pinned id overtake those that wait for the core."""
    world = make(core_delay_s=2)
    world.assign(world.a)
    talk = world.talk()
    assert talk.chunk(1, 0, 10) == []
    world.passes(2)
    assert [packet.type.name for packet in talk.hear()] == ["PUBACK", "PUBLISH"]
    assert len(talk.chunk(1, 1, 10)) == 2


def test_core_that_is_silent_ends_the_connection(make: Callable[..., Any]) -> None:
    world = make(Version.MQTT_5, core_delay_s=60)
    world.assign(world.a)
    talk = world.talk()
    talk.chunk(1, 0, 10)
    world.passes(9)
    assert not talk.closed
    world.passes(1)
    assert talk.hear() == [p.Disconnect(0x83)]
    assert talk.closed
