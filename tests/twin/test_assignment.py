"""When an assignment takes effect, and what each device hears of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from otakit.protocol.checksums import checksum_of
from otakit.protocol.messages import Kind
from otakit.protocol.package import KEYS, attribute_keys
from otakit.twin.rules.entities import OtaPackage, Profile

UPDATES = "v1/devices/me/attributes"
NINE = set(attribute_keys(Kind.FIRMWARE, KEYS))
IMAGE_A = bytes(i % 251 for i in range(200_000))


def test_assignment_tells_a_subscribed_device_with_two_messages(world: Any, body: Callable[..., Any]) -> None:
    """One names stale keys, one has the package; in either order."""
    talk = world.talk()
    talk.subscribe(UPDATES)
    world.assign(world.a)
    bodies = [body(packet) for packet in talk.hear()]
    assert len(bodies) == 2
    bodies.sort(key=lambda each: "deleted" not in each)
    assert set(bodies[0]["deleted"]) == {"fw_tag", "fw_url"}
    assert bodies[1] == {
        "fw_title": "pump",
        "fw_version": "1.10",
        "fw_size": 200_000,
        "fw_checksum_algorithm": "SHA256",
        "fw_checksum": checksum_of("SHA256", IMAGE_A),
    }


def test_server_writes_target_and_state_as_telemetry(world: Any) -> None:
    """QUEUED with the assignment's time, INITIATED with the dispatch's own."""
    assigned_ms = world.now // 1_000_000
    world.assign(world.a)
    assert world.states() == ["QUEUED", "INITIATED"]
    assert world.states(key="target_fw_version") == ["1.10"]
    assert world.states(key="target_fw_ts") == [assigned_ms]
    telemetry = world.model.memory(world.device.id).telemetry
    assert telemetry.between("fw_state", assigned_ms, assigned_ms + 1) == [(assigned_ms, "QUEUED")]
    assert telemetry.latest("fw_state")[1] == "INITIATED"


def test_both_orders_of_the_two_messages_happen(make: Callable[..., Any], body: Callable[..., Any]) -> None:
    firsts = set()
    for seed in range(10):
        world = make(seed=seed)
        talk = world.talk()
        talk.subscribe(UPDATES)
        world.assign(world.a)
        firsts.add("deleted" in body(talk.hear()[0]))
    assert firsts == {True, False}


def test_device_that_was_away_is_told_nothing_and_finds_it_by_asking(world: Any, body: Callable[..., Any]) -> None:
    world.assign(world.a)
    talk = world.talk()
    talk.subscribe(UPDATES)
    world.passes(1)
    assert talk.hear() == []
    answers = talk.publish("v1/devices/me/attributes/request/1", {"sharedKeys": "fw_title,fw_version,fw_size,fw_url"})
    (answer,) = [packet for packet in answers if packet.type.name == "PUBLISH"]
    assert body(answer) == {"shared": {"fw_title": "pump", "fw_version": "1.10", "fw_size": 200_000}}


def test_unassigning_deletes_nine_keys_and_writes_no_telemetry(world: Any, body: Callable[..., Any]) -> None:
    world.assign(world.a)
    talk = world.talk()
    talk.subscribe(UPDATES)
    world.assign(None)
    (packet,) = talk.hear()
    assert set(body(packet)["deleted"]) == NINE
    assert world.states() == ["QUEUED", "INITIATED"]
    assert world.shared() == {}


def test_same_package_again_is_nothing(world: Any) -> None:
    world.assign(world.a)
    talk = world.talk()
    talk.subscribe(UPDATES)
    world.assign(world.a)
    assert (talk.hear(), world.states()) == ([], ["QUEUED", "INITIATED"])


def test_tag_is_announced(world: Any, body: Callable[..., Any]) -> None:
    profile = world.model.store.default_profile_id
    draft = OtaPackage("pump", "3", Kind.FIRMWARE, profile, url="https://x", uses_url=True, tag="blue")
    talk = world.talk()
    talk.subscribe(UPDATES)
    world.assign(world.model.save_package(draft, world.now))
    bodies = [body(packet) for packet in talk.hear()]
    assert {"fw_title": "pump", "fw_version": "3", "fw_tag": "blue", "fw_url": "https://x"} in bodies
    assert world.states(key="target_fw_tag") == ["blue"]


def test_device_without_its_own_package_gets_its_profiles(world: Any, body: Callable[..., Any]) -> None:
    """Own before profile's; cleared, the profile's; then none at all."""
    profile = world.model.store.profiles[world.model.store.default_profile_id]
    world.assign(world.a)
    world.assign(world.b, profile)
    talk = world.talk()
    talk.subscribe(UPDATES)
    assert world.shared()["fw_version"] == "1.10"
    assert world.states() == ["QUEUED", "INITIATED"]  # of its own; the profile's says nothing to it
    world.assign(None)
    assert [set(body(each).get("deleted", ())) for each in talk.hear() if "deleted" in body(each)] == [
        {"fw_tag", "fw_url"}
    ]
    assert world.shared()["fw_version"] == "1.11"
    world.assign(None, profile)
    (last,) = talk.hear()
    assert set(body(last)["deleted"]) == NINE


def test_own_package_that_the_profile_gives_already_is_nothing(world: Any) -> None:
    profile = world.model.store.profiles[world.model.store.default_profile_id]
    world.assign(world.a, profile)
    before = world.states()
    world.assign(world.a)
    assert world.states() == before


def test_profile_tells_its_devices_one_by_one(make: Callable[..., Any]) -> None:
    """All queued with one time, dispatched 600 ms apart; chunks are the new package's at once."""
    world = make(dispatch_spacing_s=0.6, dispatch_latency_s=0, shuffle=False)
    devices = [world.device, world.add_device("d2"), world.add_device("d3")]
    profile = world.model.store.profiles[world.model.store.default_profile_id]
    start = world.now
    world.assign(world.a, profile, wait_s=0.1)
    assert {world.states(each, "target_fw_ts")[0] for each in devices} == {start // 1_000_000}
    assert "fw_title" not in world.shared(devices[2])
    assert world.talk(devices[2]).chunk(1, 0, 10)[1].payload == IMAGE_A[:10]
    world.passes(5)
    turns = [world.model.memory(each.id).telemetry.latest("fw_state") for each in devices]
    assert turns == [(start // 1_000_000 + wait, "INITIATED") for wait in (0, 600, 1200)]


def test_only_the_last_of_two_quick_assignments_is_dispatched(
    make: Callable[..., Any], body: Callable[..., Any]
) -> None:
    """The dispatcher drops what no longer counts."""
    world = make(dispatch_spacing_s=0.6)
    other = world.add_device("d2")
    talk = world.talk()
    talk.subscribe(UPDATES)
    world.assign(world.a, other, wait_s=0.1)
    world.assign(world.a, wait_s=0.1)
    world.assign(world.b, wait_s=5)
    assert world.states() == ["QUEUED", "QUEUED", "INITIATED"]
    told = [body(packet) for packet in talk.hear()]
    assert [each["fw_version"] for each in told if "fw_version" in each] == ["1.11"]


def test_assigned_and_unassigned_before_its_turn_deletes_only(
    make: Callable[..., Any], body: Callable[..., Any]
) -> None:
    world = make(dispatch_latency_s=1)
    talk = world.talk()
    talk.subscribe(UPDATES)
    world.assign(world.a, wait_s=0.1)
    world.assign(None, wait_s=5)
    (packet,) = talk.hear()
    assert set(body(packet)["deleted"]) == NINE


def test_late_driver_does_not_change_the_stamps(make: Callable[..., Any]) -> None:
    """What fell due is stamped with its own time, however late the clock's owner comes back."""
    world = make(dispatch_latency_s=0.005)
    start = world.now
    world.model.assign(world.device, Kind.FIRMWARE, world.a.id, world.now)
    world.model.advance(start + 10**12)
    assert world.model.memory(world.device.id).telemetry.latest("fw_state")[0] == start // 1_000_000 + 5


def test_device_moved_to_another_profile_follows_it(world: Any) -> None:
    other = world.model.save_profile(Profile("P2"), world.now)
    world.assign(world.a, world.model.store.profiles[world.model.store.default_profile_id])
    device = world.model.store.device(world.device.id)
    world.model.save_device(replace(device, profile_id=other.id), world.now)
    assert world.shared() == {}


def test_created_device_gets_what_its_profile_gives(world: Any) -> None:
    world.assign(world.a, world.model.store.profiles[world.model.store.default_profile_id])
    late = world.add_device("late")
    world.passes(1)
    assert world.states(late) == ["QUEUED", "INITIATED"]


def test_operators_own_attributes_are_pushed_as_written(world: Any, body: Callable[..., Any]) -> None:
    talk = world.talk()
    talk.subscribe(UPDATES)
    world.model.write_shared(world.device.id, {"colour": "red", "n": 5}, world.now)
    world.model.delete_shared(world.device.id, ["colour", "never"])
    first, second = talk.hear()
    assert body(first) == {"colour": "red", "n": 5}
    assert set(body(second)["deleted"]) == {"colour", "never"}


def test_several_turns_in_one_seed_are_the_same_bytes(make: Callable[..., Any]) -> None:
    """Time and chance are arguments: two runs cannot be told apart."""

    def run() -> list[bytes]:
        world = make(seed=5)
        talk = world.talk()
        talk.subscribe(UPDATES)
        world.assign(world.a)
        return [packet.payload for packet in talk.hear()]

    assert run() == run()


def test_request_in_the_middle_of_an_assignment_sees_old_and_new_side_by_side(make: Callable[..., Any]) -> None:
    """Keys are stored one by one (`doSave`); the update goes out when all are."""
    world = make(attribute_save_s=1)
    talk = world.talk()
    world.assign(world.a)
    world.passes(10)
    world.assign(world.b, wait_s=1.5)
    keys = "fw_title,fw_version,fw_size"
    (answer,) = (
        each
        for each in talk.publish("v1/devices/me/attributes/request/1", {"sharedKeys": keys})
        if each.type.name == "PUBLISH"
    )
    assert json.loads(answer.payload)["shared"] == {"fw_title": "pump", "fw_version": "1.11", "fw_size": 200_000}
    talk.subscribe("v1/devices/me/attributes")
    world.passes(10)
    assert any(json.loads(each.payload).get("fw_size") == 100_000 for each in talk.hear())
