"""How a device hears of a package: asked for, pushed, taken away, changed in the middle, nonsense."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.messages import Kind

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE


def test_without_a_package_the_answer_is_empty_and_the_device_ends(story: Any) -> None:
    """`{}` is an answer: nothing is assigned."""
    told = story.run()
    assert [said.body for said in told.messages("AttributesResponse")] == [{}]
    assert told.outcomes == {FW: "NO_PACKAGE", SW: "NO_PACKAGE"}
    assert told.asked() == []


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


def test_a_package_announced_in_part_is_asked_for_again(story: Any) -> None:
    """Keys are stored one by one, so an answer can hold half of them; the next has all."""
    package = story.assign()
    story.model.delete_shared(story.entity.id, ["fw_checksum"])
    told = story.run(
        operator=[(0.5, lambda model, now: model.write_shared(story.entity.id, {"fw_checksum": package.checksum}, now))]
    )
    assert told.history() == ["UPDATED"]


def test_a_package_announced_in_part_for_ever_fails(story: Any) -> None:
    """Asked a bounded number of times."""
    story.assign()
    story.model.delete_shared(story.entity.id, ["fw_size"])
    told = story.run()
    assert told.outcomes[FW] == "FAILED"
    assert told.reasons[FW].startswith("fw_size is missing")
    assert told.statuses() == ["FAILED"]
    assert len(told.messages("AttributesRequest")) == 3


HOSTILE: list[tuple[dict[str, object], str]] = [
    ({"fw_title": "a\nb"}, "fw_title is 'a\\nb'"),
    ({"fw_title": "x" * 10_000}, "fw_title is 'xxx"),
    ({"fw_title": 7}, "fw_title is 7"),
    ({"fw_version": ""}, "fw_version is ''"),
    ({"fw_size": 0}, "fw_size is 0"),
    ({"fw_size": -1}, "fw_size is -1"),
    ({"fw_size": "20000"}, "fw_size is '20000'"),
    ({"fw_size": 2**63 - 1}, "fw_size is 9223372036854775807"),
    ({"fw_size": 1.5}, "fw_size is 1.5"),
    ({"fw_size": True}, "fw_size is True"),
    ({"fw_checksum_algorithm": "ROT13"}, "checksum algorithm 'ROT13', which is unknown"),
    ({"fw_checksum": 5}, "fw_checksum is 5"),
]


@pytest.mark.parametrize(("values", "reason"), HOSTILE, ids=[repr(values)[:40] for values, _ in HOSTILE])
def test_hostile_attributes_end_in_failed_with_the_reason(
    new_story: Any, replaced: Any, values: dict[str, object], reason: str
) -> None:
    """Before the first chunk; the reason names the key and what was expected."""
    story = new_story()
    story.assign()

    def change(said: Any) -> list[Any]:
        return [replace(said, body={"shared": {**said.body["shared"], **values}})]

    told = story.run(meddler=replaced("AttributesResponse", change, story.version))
    assert told.outcomes[FW] == "FAILED"
    assert reason in told.reasons[FW]
    assert told.asked() == []
    assert told.messages("Telemetry")[-1].values["fw_error"] == told.reasons[FW]


@pytest.mark.parametrize("title", ["../x", "..\\x", "/etc/passwd", "C:\\x", "a" * 255, "固件"])
def test_a_hostile_title_is_a_title_and_nothing_else(new_story: Any, title: str) -> None:
    """It goes to no file name; the update succeeds."""
    story = new_story()
    package = story.model.upload(FW, title, "2", bytes(9000), 0)
    story.model.assign(story.entity, FW, package.id, 0)
    story.model.advance(10**9)
    told = story.run()
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.running[FW] == (title, "2")


@pytest.mark.parametrize("payload", [b"[]", b"7", b"not json", b'{"shared":7}', b'"{}"', b"", b"\xff\xfe"])
def test_attributes_that_are_no_object_end_in_failed(new_story: Any, payload: bytes) -> None:
    """No traceback: a reason."""
    from otakit.protocol.mqtt import encode  # noqa: PLC0415 - only here

    story = new_story()
    story.assign()

    def meddle(_direction: object, packet: object) -> list[bytes] | None:
        if isinstance(packet, p.Publish) and "attributes/response" in packet.topic:
            return [encode(replace(packet, payload=payload), story.version)]
        return None

    told = story.run(meddler=meddle)
    assert told.outcomes[FW] == "FAILED"
    assert "a JSON object was expected" in told.reasons[FW]


def test_a_package_behind_a_url_fails_before_the_first_chunk(story: Any) -> None:
    """It says what to do instead."""
    story.write(fw_title="pump", fw_version="2", fw_url="http://images.example/pump.bin")
    told = story.run()
    assert told.outcomes[FW] == "FAILED"
    assert "behind a URL ('http://images.example/pump.bin')" in told.reasons[FW]
    assert told.asked() == []


def test_an_older_answer_that_comes_late_does_not_count(new_story: Any, replaced: Any) -> None:
    """The newest request decides; an answer to an older one may hold an older package."""
    story = new_story()
    story.assign()
    old = {"shared": {"fw_title": "pump", "fw_version": "0.1", "fw_size": 5, "fw_checksum": "aa"}}

    def change(said: Any) -> list[Any]:
        return [replace(said, request_id=said.request_id + 7, body=old), said]

    told = story.run(meddler=replaced("AttributesResponse", change, story.version))
    assert told.history() == ["UPDATED"]


def test_the_devices_own_package_goes_before_its_profiles(story: Any) -> None:
    """Assigned to the profile, then to the device, then the device's cleared: what counts each time."""
    profile = story.model.store.profile(story.model.store.default_profile_id)
    of_profile, own = story.upload(version="3.0.0"), story.upload(version="4.0.0")
    story.model.assign(profile, FW, of_profile.id, 0)
    story.model.assign(story.entity, FW, own.id, 0)
    story.model.advance(10**12)
    assert story.run().run.device.running[FW] == ("pump", "4.0.0")
    again = story.run(operator=[(0.5, lambda model, now: model.assign(story.entity, FW, None, now))])
    assert again.history() == ["ALREADY_CURRENT", "UPDATED"]
    assert again.run.device.running[FW] == ("pump", "3.0.0")
