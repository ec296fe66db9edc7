"""The plain update: every row of the article in its order, in MQTT 3.1.1 and 5."""

from __future__ import annotations

from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.checksums import ALGORITHMS
from otakit.protocol.messages import Kind

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
ALL = ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]


def test_an_assigned_firmware_ends_updated_and_runs(story: Any) -> None:
    """The image that runs is the image that was uploaded, and its version is what the device says it runs."""
    image = bytes(range(256)) * 80
    story.assign(image=image)
    told = story.run()
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.slots[FW] == image
    assert told.run.device.running[FW] == ("pump", "1.1.0")
    assert told.stored("current_fw_version")[-1] == "1.1.0"


def test_the_server_sees_all_five_statuses_once_in_order(story: Any) -> None:
    """None is lost to another with the same millisecond."""
    story.assign()
    told = story.run()
    assert [value for value in told.stored("fw_state") if value not in ("QUEUED", "INITIATED")] == ALL


def test_no_two_reports_carry_the_same_time(story: Any) -> None:
    """ThingsBoard keeps one row for each key and millisecond."""
    story.assign()
    story.assign(SW)
    told = story.run()
    times = [said.ts_ms for said in told.messages("Telemetry")]
    assert sorted(set(times)) == times


def test_the_order_is_subscribe_limits_current_attributes_then_chunks(story: Any) -> None:
    """SUBACK before any request: an answered request proves that the subscription is in force."""
    story.assign()
    told = story.run(link="40 ms")
    assert isinstance(told.packets[0][3], p.Connect)
    first = [
        told.times("RpcRequest")[0],
        told.times("Telemetry")[0],
        told.times("AttributesRequest")[0],
        told.times("ChunkRequest")[0],
    ]
    suback = next(at for at, _, _, packet in told.packets if isinstance(packet, p.SubAck))
    assert [suback, *first] == sorted([suback, *first])
    assert told.messages("Telemetry")[0].values["current_fw_version"] == "1.0.0"


def test_subscribe_names_the_exact_filters_and_all_are_granted(story: Any) -> None:
    """`v2/fw/response/+` would be refused; the exact ones are granted."""
    story.assign()
    told = story.run()
    names = [name for name, _ in told.of_type(p.Subscribe)[0].filters]
    assert names == [
        "v1/devices/me/attributes",
        "v1/devices/me/attributes/response/+",
        "v2/fw/response/+/chunk/+",
        "v2/sw/response/+/chunk/+",
        "v2/fw/error",
        "v2/sw/error",
        "v1/devices/me/rpc/response/+",
    ]
    assert all(code < 0x80 for code in told.of_type(p.SubAck)[0].reason_codes)


def test_attribute_keys_are_joined_without_blanks(story: Any) -> None:
    """ThingsBoard does not trim: a key behind a blank is another key."""
    story.assign()
    body = story.run().messages("AttributesRequest")[0].payload
    assert body == (
        b'{"sharedKeys":"fw_title,fw_version,fw_size,fw_checksum,fw_checksum_algorithm,fw_url,fw_tag,'
        b'sw_title,sw_version,sw_size,sw_checksum,sw_checksum_algorithm,sw_url,sw_tag"}'
    )


def test_updated_is_said_on_a_new_connection_only_after_the_restart(story: Any) -> None:
    """UPDATED means that the new image runs: everything before it is on the connection before."""
    story.assign()
    told = story.run()
    connections = {
        packet.payload.split(b'fw_state":"')[1].split(b'"')[0]: number
        for _, number, _, packet in told.packets
        if isinstance(packet, p.Publish) and b'fw_state":"' in packet.payload
    }
    assert connections[b"UPDATING"] == 0
    assert connections[b"UPDATED"] == 1
    assert told.run.device.restarts == 1


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


def test_firmware_and_software_update_at_the_same_time_with_ids_of_their_own(story: Any) -> None:
    """One count of request ids over both: an id used for firmware brings firmware bytes on the software topic."""
    firmware, software = bytes(range(200)) * 200, bytes(range(100)) * 300
    story.assign(FW, image=firmware)
    story.assign(SW, image=software)
    told = story.run(link="40 ms")
    assert told.outcomes == {FW: "UPDATED", SW: "UPDATED"}
    assert (told.run.device.slots[FW], told.run.device.slots[SW]) == (firmware, software)
    ids = {kind: {request_id for request_id, _ in told.asked(kind)} for kind in Kind}
    assert not ids[FW] & ids[SW]
    assert told.statuses(SW) == ALL


def test_software_alone_is_the_same_story_under_other_names(story: Any) -> None:
    """`sw_` in every topic and key."""
    story.assign(SW)
    told = story.run()
    assert told.outcomes == {FW: "NO_PACKAGE", SW: "UPDATED"}
    assert told.statuses(SW) == ALL
    assert told.statuses(FW) == []


def test_what_runs_already_is_reported_as_updated(story: Any) -> None:
    """A device that says nothing would stay at INITIATED for ever on the dashboard."""
    story.assign(version="1.0.0")
    told = story.run()
    assert told.outcomes[FW] == "ALREADY_CURRENT"
    assert told.statuses() == ["UPDATED"]
    assert told.asked() == []


def test_versions_are_compared_whole(story: Any) -> None:
    """1.0.0 is no prefix match for 1.0.0.1, and 1.10 is not the number 1.1."""
    story.device.running[FW] = ("pump", "1.1")
    story.assign(version="1.10")
    assert story.run().outcomes[FW] == "UPDATED"


def test_chunks_are_no_larger_than_the_server_says(story: Any) -> None:
    """`maxPayloadSize` of getSessionLimits clamps the setting."""
    story.assign(image=bytes(200_000))
    told = story.run(chunk_bytes=100_000)
    assert {said.size for said in told.messages("ChunkRequest")} == {65_536}
    assert told.outcomes[FW] == "UPDATED"


def test_without_timestamps_each_status_waits_for_the_one_before(story: Any) -> None:
    """The server stamps on arrival, so two must never arrive within its millisecond."""
    story.assign()
    told = story.run(timestamps=False)
    assert all(said.ts_ms is None for said in told.messages("Telemetry"))
    assert [value for value in told.stored("fw_state") if value not in ("QUEUED", "INITIATED")] == ALL


def test_what_must_last_is_written_before_it_is_announced(story: Any) -> None:
    """A power cut between the two repeats a word, it never makes one untrue."""
    story.assign()
    told = story.run()
    facts = [record.fact for record in told.run.device.records]
    assert facts == ["begun", "downloaded", "verified", "updating", "on_trial", "ended"]


def test_the_same_seed_gives_the_same_bytes(new_story: Any) -> None:
    """Nothing of a run depends on where or when it runs."""
    runs = []
    for _ in range(2):
        story = new_story(seed=7)
        story.assign()
        story.assign(SW)
        runs.append(story.run(link="40 ms, 2 Mbit/s, answer 4 withheld").run.entries)
    assert runs[0] == runs[1]
