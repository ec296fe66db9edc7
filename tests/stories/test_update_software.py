"""Software is updated as firmware is, at the same time on one connection, and neither harms the other."""

from __future__ import annotations

from typing import Any

from otakit.protocol.messages import Kind

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
ALL = ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]


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


def test_software_goes_on_while_firmware_is_superseded(story: Any) -> None:
    """One answer holds both kinds; what did not change is left alone."""
    story.assign(image=bytes(400_000))
    story.assign(SW, image=bytes(100_000))
    newer = story.upload(version="1.2.0")
    told = story.run(
        link="40 ms, 400 kbit/s",
        operator=[(1.0, lambda model, now: model.assign(story.entity, FW, newer.id, now))],
    )
    assert told.history(FW) == ["SUPERSEDED", "UPDATED"]
    assert told.history(SW) == ["UPDATED"]


def test_with_both_kinds_in_flight_the_word_blames_the_one_that_was_alone(story: Any) -> None:
    """The software's package is gone; the word comes on the firmware's topic; firmware is updated all the same."""
    story.assign(FW)
    package = story.assign(SW)
    story.model.store.packages.pop(package.id)
    told = story.run(link="40 ms")
    assert told.outcomes == {FW: "UPDATED", SW: "FAILED"}
    assert "NOT_FOUND" in told.reasons[SW]


def test_a_failing_firmware_does_no_harm_to_the_software(story: Any) -> None:
    """The same the other way round."""
    package = story.assign(FW)
    story.assign(SW)
    story.model.store.packages.pop(package.id)
    told = story.run(link="40 ms")
    assert told.outcomes == {FW: "FAILED", SW: "UPDATED"}
