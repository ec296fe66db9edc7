"""A connected device hears of assignments: new ones, deleted keys, unrelated ones, in both orders."""

from __future__ import annotations

from typing import Any

import pytest

from otakit.protocol.messages import Kind

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE


def test_a_package_assigned_while_connected_arrives_as_a_push(story: Any) -> None:
    """The flat object and the `deleted` list, in either order; only the first says something."""
    package = story.upload()
    told = story.run(operator=[(0.5, lambda model, now: model.assign(story.entity, FW, package.id, now))])
    pushed = [said.body for said in told.messages("AttributesUpdate")]
    assert sorted("deleted" in body for body in pushed) == [False, True]
    assert told.outcomes[FW] == "UPDATED"
    assert told.history() == ["UPDATED"]


@pytest.mark.parametrize("seed", range(6))
def test_both_orders_of_the_two_pushes_lead_to_the_same_end(new_story: Any, seed: int) -> None:
    """ThingsBoard leaves the order open; the seed decides it here."""
    story = new_story(seed=seed)
    package = story.upload()
    told = story.run(operator=[(0.5, lambda model, now: model.assign(story.entity, FW, package.id, now))])
    assert told.history() == ["UPDATED"]


def test_an_unrelated_attribute_in_mid_download_changes_nothing(story: Any) -> None:
    """Neither a question nor a chunk more."""
    story.assign(image=bytes(40_000))
    told = story.run(
        link="40 ms, 200 kbit/s",
        operator=[(0.5, lambda model, now: model.write_shared(story.entity.id, {"colour": "red"}, now))],
    )
    assert {"colour": "red"} in [said.body for said in told.messages("AttributesUpdate")]
    assert told.outcomes[FW] == "UPDATED"
    assert len(told.asked()) == 10
    assert len(told.messages("AttributesRequest")) == 2


def test_deleted_without_a_title_never_stops_a_download(story: Any) -> None:
    """Every assignment deletes `fw_url` and `fw_tag`."""
    story.assign(image=bytes(40_000))
    told = story.run(
        link="40 ms, 200 kbit/s",
        operator=[(0.5, lambda model, _now: model.delete_shared(story.entity.id, ["fw_url", "fw_tag"]))],
    )
    assert told.history() == ["UPDATED"]


def test_unassigned_in_mid_download_stops_it(story: Any) -> None:
    """`fw_title` among the deleted: asked again, the answer has none, what runs stays."""
    story.assign(image=bytes(400_000))
    told = story.run(
        link="40 ms, 200 kbit/s",
        operator=[(1.0, lambda model, now: model.assign(story.entity, FW, None, now))],
    )
    assert told.outcomes[FW] == "UNASSIGNED"
    assert "1.1.0 was unassigned" in told.reasons[FW]
    assert told.run.device.running[FW] == ("pump", "1.0.0")
    assert len(told.asked()) < 98


def test_a_new_assignment_in_mid_download_supersedes_the_old(story: Any) -> None:
    """The attributes are asked for again, the newest answer wins, under a new request id."""
    story.assign(image=bytes(400_000))
    newer = story.upload(version="1.2.0", image=bytes(range(200)) * 100)
    told = story.run(
        link="40 ms, 200 kbit/s",
        operator=[(1.0, lambda model, now: model.assign(story.entity, FW, newer.id, now))],
    )
    assert told.history() == ["SUPERSEDED", "UPDATED"]
    assert told.run.device.running[FW] == ("pump", "1.2.0")
    assert told.run.device.slots[FW] == bytes(range(200)) * 100
    assert len({request_id for request_id, _ in told.asked()}) == 2


def test_an_assignment_that_comes_while_the_device_restarts_is_taken_up_afterwards(story: Any) -> None:
    """What is on its way is finished; then the newer package."""
    story.assign()
    newer = story.upload(version="1.2.0")
    told = story.run(
        link="400 ms",
        operator=[(4.5, lambda model, now: model.assign(story.entity, FW, newer.id, now))],
    )
    assert told.history() == ["UPDATED", "UPDATED"]
    assert told.run.device.running[FW] == ("pump", "1.2.0")


def test_an_assignment_that_never_rests_ends(story: Any) -> None:
    """Somewhere it must end: FAILED says what to do."""
    packages = [story.upload(version=f"2.{n}", image=bytes(400_000)) for n in range(4)]
    acts = [
        (1.0 + 4 * n, lambda model, now, each=each: model.assign(story.entity, FW, each.id, now))
        for n, each in enumerate(packages)
    ]
    told = story.run(link="40 ms, 200 kbit/s", updates=3, operator=acts, offer_wait_s=5)
    assert told.history() == ["SUPERSEDED", "SUPERSEDED", "SUPERSEDED", "FAILED"]
    assert "changed 3 times" in told.reasons[FW]
