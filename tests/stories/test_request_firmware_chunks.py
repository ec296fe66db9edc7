"""The image comes chunk by chunk: in flight, in any order, late, twice, empty, short, refused, never."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.checksums import ALGORITHMS
from otakit.protocol.messages import Direction, Kind
from otakit.twin.settings import TwinSettings

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE


def test_the_first_chunk_goes_alone_then_the_window_opens(story: Any) -> None:
    """Answers to a first burst would come in any order, and one error word would end them all."""
    story.assign(image=bytes(4096 * 20))
    told = story.run(link="40 ms", window=4)
    asked = told.times("ChunkRequest")
    assert asked[1] - asked[0] == pytest.approx(0.040)
    assert asked[1:5] == [asked[1]] * 4
    assert asked[5] > asked[1]


def test_the_last_chunk_is_short_and_nothing_past_the_end_is_asked_for(story: Any) -> None:
    """20,000 bytes are four chunks of 4,096 and one of 3,616."""
    story.assign(image=bytes(20_000))
    told = story.run()
    assert [index for _, index in told.asked()] == [0, 1, 2, 3, 4]
    assert len(told.messages("ChunkResponse")[-1].payload) == 3616


@pytest.mark.parametrize("qos", [0, 1])
def test_chunks_travel_at_the_chosen_qos_both_ways(story: Any, qos: int) -> None:
    """At QoS 1 each request has its PUBACK, and each chunk one of ours."""
    story.assign()
    told = story.run(chunk_qos=qos)
    chunks = [packet for packet in told.of_type(p.Publish) if "/chunk/" in packet.topic]
    assert {packet.qos for packet in chunks} == {qos}
    assert told.outcomes[FW] == "UPDATED"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_of_the_seven_algorithms_is_checked(new_story: Any, algorithm: str) -> None:
    """Little-endian CRC32 and Murmur3 included."""
    story = new_story()
    story.assign(image=bytes(range(250)) * 30, algorithm=algorithm)
    assert story.run().outcomes[FW] == "UPDATED"


def test_chunks_are_no_larger_than_the_server_says(story: Any) -> None:
    """`maxPayloadSize` of getSessionLimits clamps the setting."""
    story.assign(image=bytes(200_000))
    told = story.run(chunk_bytes=100_000)
    assert {said.size for said in told.messages("ChunkRequest")} == {65_536}
    assert told.outcomes[FW] == "UPDATED"


def test_a_withheld_answer_costs_no_byte_twice(story: Any) -> None:
    """Its chunk is asked for once more after the deadline; the others went on meanwhile."""
    story.assign(image=bytes(100_000))
    told = story.run(link="40 ms, answer 3 withheld")
    assert told.outcomes[FW] == "UPDATED"
    assert len(told.asked()) == 26
    assert told.notes("retry") == [
        {"kind": "firmware", "request_id": 1, "index": 2, "reason": "no answer in 5 s", "attempt": 2}
    ]
    assert told.run.core.jobs[FW].bytes_wasted == 0


def test_a_late_answer_costs_one_chunk_and_is_written_once(story: Any) -> None:
    """It comes after the repetition went out: one of the two is for nothing."""
    image = bytes(range(250)) * 400
    story.assign(image=image)
    told = story.run(link="40 ms, answer 3 late by 5.02 s")
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.slots[FW] == image


def test_answers_in_any_order_give_the_same_image(new_story: Any, replaced: Any) -> None:
    """Sorted by index, not by arrival."""
    story, held = new_story(), list[Any]()
    image = bytes(range(251)) * 200
    story.assign(image=image)

    def swap(said: Any) -> list[Any]:
        if said.index % 2 and said.index < 11:
            held.append(said)
            return []
        give = [said, *held]
        held.clear()
        return give

    told = story.run(meddler=replaced("ChunkResponse", swap, story.version))
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.slots[FW] == image
    assert told.notes("retry") == []


def test_duplicates_are_ignored_and_counted(new_story: Any, replaced: Any) -> None:
    """Each chunk twice: the second is wasted."""
    story = new_story()
    story.assign(image=bytes(40_000))
    told = story.run(meddler=replaced("ChunkResponse", lambda said: [said, said], story.version))
    assert told.outcomes[FW] == "UPDATED"
    assert len(told.asked()) == 10
    assert told.run.core.jobs[FW].bytes_wasted >= 30_000


def test_chunks_nobody_asked_for_are_ignored(new_story: Any, replaced: Any) -> None:
    """Of another request id, beyond the end, of the other kind."""
    story = new_story()
    story.assign(image=bytes(40_000))

    def more(said: Any) -> list[Any]:
        junk = b"\xff" * 4096
        return [
            replace(said, request_id=99, payload=junk),
            replace(said, index=said.index + 500, payload=junk),
            replace(said, kind=SW, payload=junk),
            said,
        ]

    told = story.run(meddler=replaced("ChunkResponse", more, story.version))
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.slots[FW] == bytes(40_000)


def test_an_early_empty_chunk_leads_to_a_new_request_id_not_to_the_end(story: Any) -> None:
    """The server's cached bytes are gone; a fresh request id loads them again."""
    story.assign(image=bytes(100_000))
    package_id = story.model.store.effective(story.model.store.device(story.entity.id), FW)
    told = story.run(link="40 ms, 400 kbit/s", operator=[(1.0, lambda model, _now: model.cache.drop(package_id))])
    assert told.outcomes[FW] == "UPDATED"
    assert {request_id for request_id, _ in told.asked()} == {1, 2}
    assert any(not said.payload for said in told.messages("ChunkResponse"))


def test_chunks_that_stay_empty_end_in_failed(new_story: Any, replaced: Any) -> None:
    """A size that lies: the image is shorter than announced."""
    story = new_story()
    story.assign(image=bytes(5 * 4096))

    def longer(said: Any) -> list[Any]:
        return [replace(said, body={"shared": {**said.body["shared"], "fw_size": 30_000}})]

    told = story.run(meddler=replaced("AttributesResponse", longer, story.version))
    assert told.outcomes[FW] == "FAILED"
    assert "is empty under each of several request ids" in told.reasons[FW]
    assert "the announced 30000 bytes" in told.reasons[FW]
    assert told.statuses() == ["DOWNLOADING", "FAILED"]


def test_a_chunk_of_the_wrong_length_each_time_ends_in_failed(new_story: Any, replaced: Any) -> None:
    """Asked for again a bounded number of times, then the reason names index and both lengths."""
    story = new_story()
    story.assign(image=bytes(20_000))

    def cut(said: Any) -> list[Any]:
        return [replace(said, payload=said.payload[:100])] if said.index == 2 else [said]

    told = story.run(meddler=replaced("ChunkResponse", cut, story.version))
    assert told.outcomes[FW] == "FAILED"
    assert told.reasons[FW].startswith("chunk 2 of 5 has 100 bytes each time it is asked for, 4096 were expected")
    assert [index for _, index in told.asked()].count(2) == 5


def test_a_chunk_of_the_wrong_length_once_is_asked_for_again(new_story: Any, replaced: Any) -> None:
    """Never accepted, never fatal at once."""
    story, seen = new_story(), list[int]()
    story.assign(image=bytes(20_000))

    def cut_once(said: Any) -> list[Any]:
        seen.append(said.index)
        return [replace(said, payload=said.payload + b"x")] if seen.count(2) == 1 and said.index == 2 else [said]

    told = story.run(meddler=replaced("ChunkResponse", cut_once, story.version))
    assert told.outcomes[FW] == "UPDATED"


def test_one_flipped_bit_ends_in_failed_naming_both_checksums(new_story: Any, replaced: Any) -> None:
    """The attributes are read once more before it is final; the old image still runs."""
    story = new_story()
    package = story.assign(image=bytes(20_000))

    def flip(said: Any) -> list[Any]:
        return [replace(said, payload=b"\x01" + said.payload[1:])] if said.index == 3 else [said]

    told = story.run(meddler=replaced("ChunkResponse", flip, story.version))
    assert told.outcomes[FW] == "FAILED"
    assert f"announced is {package.checksum}" in told.reasons[FW]
    assert told.statuses() == ["DOWNLOADING", "DOWNLOADED", "FAILED"]
    assert told.run.device.running[FW] == ("pump", "1.0.0")
    assert len(told.messages("AttributesRequest")) == 2


def test_a_checksum_that_is_wrong_since_another_package_came_is_no_failure(story: Any) -> None:
    """Between QUEUED and dispatch the bytes are new and the attributes old: the doubt asks, and begins anew."""
    story.assign(image=bytes(20_000))
    newer = story.upload(version="1.2.0", image=b"\x01" * 20_000)
    told = story.run(link="400 ms", operator=[(1.9, lambda model, now: model.assign(story.entity, FW, newer.id, now))])
    assert told.history()[-1] == "UPDATED"
    assert told.run.device.slots[FW] == b"\x01" * 20_000


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("NOT_FOUND", "no package for this device (NOT_FOUND)"),
        ("FAILURE", "cannot read the image (FAILURE)"),
        ("UNKNOWN", "does not know this device any more (UNKNOWN)"),
        ("SOMETHING", "refused a chunk with 'SOMETHING'"),
    ],
)
def test_each_error_word_ends_in_failed_with_a_reason(new_story: Any, replaced: Any, word: str, reason: str) -> None:
    """The server closes after the word; FAILED is reported on the next connection."""
    from otakit.protocol.messages import OtaError  # noqa: PLC0415 - only here

    story = new_story()
    story.assign()
    told = story.run(meddler=replaced("ChunkResponse", lambda _said: [OtaError(word)], story.version))
    assert told.outcomes[FW] == "FAILED"
    assert reason in told.reasons[FW]
    assert told.stored("fw_state")[-1] == "FAILED"
    assert told.stored("fw_error") == [told.reasons[FW]]


def test_an_error_word_of_the_server_itself_fails_the_job_that_was_alone(story: Any) -> None:
    """The attributes still name a package that is gone: NOT_FOUND, close, reconnect, FAILED."""
    package = story.assign()
    story.model.store.packages.pop(package.id)
    told = story.run()
    assert told.outcomes[FW] == "FAILED"
    assert "NOT_FOUND" in told.reasons[FW]
    assert len(told.of_type(p.Connect)) == 2


def test_a_chunk_too_large_is_asked_for_smaller_once(new_story: Any) -> None:
    """Without the session's limits the client learns it from PAYLOAD_TOO_LARGE."""
    story = new_story(twin=TwinSettings(max_payload_bytes=5000))
    story.assign(image=bytes(20_000))
    told = story.run(chunk_bytes=8192, check_limits=False)
    assert told.outcomes[FW] == "UPDATED"
    assert [said.size for said in told.messages("ChunkRequest")] == [8192, 4096, 4096, 4096, 4096, 4096]


def test_a_chunk_too_large_even_when_small_ends_in_failed(new_story: Any) -> None:
    """Once, not for ever."""
    story = new_story(twin=TwinSettings(max_payload_bytes=2000))
    story.assign(image=bytes(20_000))
    told = story.run(chunk_bytes=8192, check_limits=False)
    assert told.outcomes[FW] == "FAILED"
    assert "no chunk of 4096 bytes (PAYLOAD_TOO_LARGE)" in told.reasons[FW]


def test_a_broken_connection_resumes_at_the_same_chunk(story: Any) -> None:
    """What is there is not fetched again; a new connection has a new request id."""
    image = bytes(range(250)) * 400
    story.assign(image=image)
    told = story.run(link="40 ms, cut at answer 11")
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.slots[FW] == image
    second = [index for request_id, index in told.asked() if request_id == 2]
    assert min(second) == 10
    assert len(told.asked()) <= 25 + 8


def test_limits_that_never_come_hold_nothing_up(new_story: Any, replaced: Any) -> None:
    """Asked once, with a deadline of its own."""
    story = new_story()
    story.assign()
    told = story.run(meddler=replaced("RpcResponse", lambda _said: [], story.version))
    assert told.outcomes[FW] == "UPDATED"
    assert len(told.messages("RpcRequest")) == 1
    assert told.times("AttributesRequest")[0] == pytest.approx(3.0)


def test_a_refused_chunk_filter_is_noted_and_chunks_still_come(new_story: Any) -> None:
    """ThingsBoard answers without any subscription, at QoS 1 then."""
    from otakit.protocol.mqtt import encode  # noqa: PLC0415 - only here

    story = new_story()
    story.assign()

    def refuse(_direction: Direction, packet: Any) -> list[bytes] | None:
        if isinstance(packet, p.SubAck):
            codes = tuple(0x80 if place == 2 else code for place, code in enumerate(packet.reason_codes))
            return [encode(replace(packet, reason_codes=codes), story.version)]
        return None

    told = story.run(meddler=refuse)
    assert told.outcomes[FW] == "UPDATED"
    assert told.notes("filter_refused")[0] == {"filter": "v2/fw/response/+/chunk/+", "code": 0x80}


def test_no_room_on_the_disk_fails_before_the_first_chunk(story: Any) -> None:
    """Nothing is fetched in vain."""
    story.device.fails = {"room": "3 bytes are free"}
    story.assign()
    told = story.run()
    assert told.outcomes[FW] == "FAILED"
    assert told.reasons[FW] == "room failed: 3 bytes are free"
    assert told.asked() == []


def test_a_disk_that_fills_up_in_the_middle_ends_in_failed(story: Any) -> None:
    """The other kind goes on."""
    story.device.fails = {"write": "no space left on device"}
    story.assign()
    told = story.run()
    assert told.reasons[FW] == "write failed: no space left on device"
    assert told.statuses() == ["DOWNLOADING", "FAILED"]


def test_a_slow_link_is_no_reason_to_ask_twice(new_story: Any) -> None:
    """Eight chunks of 64 KiB queue for 42 s at 100 kbit/s: each waits for its turn, not for its request."""
    story = new_story()
    story.assign(image=bytes(1_000_000))
    told = story.run(link="300 ms, 100 kbit/s", chunk_bytes=65_536)
    assert told.outcomes[FW] == "UPDATED"
    assert len(told.notes("retry")) <= 1  # the first of all may be late: nothing is known of the link yet


def test_a_download_longer_than_the_inactivity_limit_keeps_its_connection(new_story: Any) -> None:
    """Chunk traffic is no activity for ThingsBoard; PINGREQ is."""
    story = new_story(twin=TwinSettings(inactivity_s=60))
    story.assign(image=bytes(400_000))
    told = story.run(link="40 ms, 20 kbit/s", keep_alive_s=20)
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.ended_s > 150
    assert len(told.of_type(p.Connect)) == 2
