"""An update from the assignment to the new image, in memory."""

from __future__ import annotations

from typing import Any

from otakit.protocol import packets as p
from otakit.protocol.messages import Kind

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE


def test_an_assigned_firmware_ends_updated_and_runs(story: Any) -> None:
    """The image that runs is the image that was uploaded, and its version is what the device says it runs."""
    image = bytes(range(256)) * 80
    story.assign(image=image)
    told = story.run()
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.slots[FW] == image
    assert told.run.device.running[FW] == ("pump", "1.1.0")
    assert told.stored("current_fw_version")[-1] == "1.1.0"


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


def test_a_wrong_token_ends_at_once_without_an_update(new_story: Any) -> None:
    """Trying again is of no use; the code's meaning is the reason."""
    story = new_story()
    story.model.delete_device(story.entity.id)
    told = story.run()
    assert set(told.outcomes.values()) == {"FAILED"}
    assert "access token" in told.reasons[FW]
    assert len(told.of_type(p.Connect)) == 1


def test_the_same_seed_gives_the_same_bytes(new_story: Any) -> None:
    """Nothing of a run depends on where or when it runs."""
    runs = []
    for _ in range(2):
        story = new_story(seed=7)
        story.assign()
        story.assign(SW)
        runs.append(story.run(link="40 ms, 2 Mbit/s, answer 4 withheld").run.entries)
    assert runs[0] == runs[1]
