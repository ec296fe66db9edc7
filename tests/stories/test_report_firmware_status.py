"""Each status is said when it is true, once, with a time of its own; UPDATED only after the restart."""

from __future__ import annotations

from typing import Any

from otakit.protocol import packets as p
from otakit.protocol.messages import Kind

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
ALL = ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]


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


def test_a_failing_installer_ends_in_failed_and_the_old_image_runs(story: Any) -> None:
    """UPDATING was true; UPDATED never is."""
    story.device.fails = {"install": "flash sector 7 is worn"}
    story.assign()
    told = story.run()
    assert told.outcomes[FW] == "FAILED"
    assert told.reasons[FW] == "install failed: flash sector 7 is worn"
    assert told.statuses() == ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "FAILED"]
    assert told.run.device.running[FW] == ("pump", "1.0.0")


def test_an_image_that_is_not_well_is_rolled_back_and_reported(story: Any) -> None:
    """FAILED names the version that runs again, after the restart into it."""
    story.device.fails = {"confirm": "the pump does not turn"}
    story.assign()
    told = story.run()
    assert told.outcomes[FW] == "FAILED"
    assert told.reasons[FW] == "confirm failed: the pump does not turn; rolled back to pump 1.0.0"
    assert told.run.device.running[FW] == ("pump", "1.0.0")
    assert told.run.device.restarts == 2
    last = told.messages("Telemetry")[-1].values
    assert (last["fw_state"], last["current_fw_version"]) == ("FAILED", "1.0.0")


def test_a_status_whose_acknowledgement_was_lost_is_said_again_with_its_time(new_story: Any) -> None:
    """The same time makes it the same row: the history holds it once."""
    story = new_story()
    story.assign()
    told = story.run(link="40 ms, cut at PubAck 5")
    assert told.outcomes[FW] == "UPDATED"
    states = [value for value in told.stored("fw_state") if value not in ("QUEUED", "INITIATED")]
    assert states == ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]


def test_stopped_in_the_middle_says_so_to_the_server(story: Any) -> None:
    """A dashboard that waits for ever helps nobody."""
    story.assign(image=bytes(400_000))
    told = story.run(link="40 ms, 200 kbit/s", stop_at_s=2.0)
    assert told.outcomes[FW] == "FAILED"
    assert "stopped on the device" in told.reasons[FW]
    assert told.statuses() == ["DOWNLOADING", "FAILED"]
    assert told.run.ended_s < 5
