"""What ThingsBoard's source leaves open is decided by the seed, and in the usual order without it (section 18)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Version

UPDATES, REQUEST = "v1/devices/me/attributes", "v1/devices/me/attributes/request/"
Make = Callable[..., Any]


def over_seeds(
    make: Make, outcome: Callable[[Any], Any], seeds: Iterable[int] = range(14), **settings: Any
) -> set[Any]:
    """Every outcome that some seed brings; without shuffling there is one only."""
    usual = {outcome(make(seed=seed, shuffle=False, **settings)) for seed in range(3)}
    assert len(usual) == 1
    return {outcome(make(seed=seed, **settings)) for seed in seeds}


def test_acknowledgement_and_attribute_response(make: Make) -> None:
    def first(world: Any) -> str:
        name: str = world.talk().publish(REQUEST + "1", {})[0].type.name
        return name

    assert over_seeds(make, first) == {"PUBACK", "PUBLISH"}


def test_two_messages_of_an_assignment(make: Make) -> None:
    def deleted_first(world: Any) -> bool:
        talk = world.talk()
        talk.subscribe(UPDATES)
        world.assign(world.a)
        return b"deleted" in talk.hear()[0].payload

    assert over_seeds(make, deleted_first) == {True, False}


def test_response_and_update_of_one_instant_overtake_each_other(make: Make) -> None:
    """They leave through a pool of threads; a response may tell of less than the update before it."""

    def topics(world: Any) -> tuple[str, ...]:
        talk = world.talk()
        talk.subscribe(UPDATES)
        request = talk.a_publish(REQUEST + "1", {}, qos=0)
        talk.conversation.receive(encode(request, talk.version), world.now)
        world.model.write_shared(world.device.id, {"a": 1}, world.now)
        return tuple(each.topic for each in talk.hear())

    answered, updated = "v1/devices/me/attributes/response/1", UPDATES
    assert over_seeds(make, topics) == {(answered, updated), (updated, answered)}


def test_two_responses_overtake_each_other(make: Make) -> None:
    def topics(world: Any) -> tuple[str, ...]:
        talk = world.talk()
        asked = [talk.a_publish(REQUEST + str(number), {}, qos=0) for number in (1, 2)]
        return tuple(each.topic[-1] for each in talk.says(*asked))

    assert over_seeds(make, topics) == {("1", "2"), ("2", "1")}


def test_check_for_silence(make: Make) -> None:
    def code(world: Any) -> int:
        talk = world.talk(version=Version.MQTT_5)
        world.passes(20)
        (goodbye,) = talk.hear()
        reason: int = goodbye.reason_code
        return reason

    assert over_seeds(make, code, inactivity_s=10) == {0x83, 0xA0}


def test_chunks_of_a_first_burst(make: Make) -> None:
    def order(world: Any) -> tuple[str, ...]:
        world.assign(world.a)
        talk = world.talk()
        burst = [talk.a_publish(f"v2/fw/request/9/chunk/{index}", "10", qos=0) for index in range(2)]
        return tuple(each.topic[-1] for each in talk.says(*burst))

    assert over_seeds(make, order) == {("0", "1"), ("1", "0")}


def test_eleventh_package_drops_any(make: Make) -> None:
    """Of eleven loaded packages one is gone, the newest perhaps."""

    def gone(world: Any) -> tuple[int, ...]:
        lost = []
        packages = [world.upload(f"3.{number}", bytes(5), title="many") for number in range(11)]
        for package in packages:
            world.model.cache.load(package, world.now)
        for number, package in enumerate(packages):
            if world.model.cache.get(package.id, world.now) is None:
                lost.append(number)
        return tuple(lost)

    found = over_seeds(make, gone, range(40))
    assert len(found) > 3
    assert all(len(lost) == 1 for lost in found)


def test_state_where_queued_and_initiated_share_a_millisecond(make: Make) -> None:
    def state(world: Any) -> str:
        world.assign(world.a)
        (last,) = world.states()
        return str(last)

    assert over_seeds(make, state, dispatch_latency_s=0) == {"QUEUED", "INITIATED"}


def test_keys_of_an_attribute_response(make: Make) -> None:
    def keys(world: Any) -> tuple[str, ...]:
        world.model.write_shared(world.device.id, {"a": 1, "b": 2}, world.now)
        (answer,) = world.talk().publish(REQUEST + "1", {}, qos=0)
        return tuple(json.loads(answer.payload)["shared"])

    assert over_seeds(make, keys) == {("a", "b"), ("b", "a")}


def test_keys_that_an_assignment_deletes(make: Make) -> None:
    def keys(world: Any) -> tuple[str, ...]:
        world.assign(world.a)
        talk = world.talk()
        talk.subscribe(UPDATES)
        world.assign(None)
        return tuple(json.loads(talk.hear()[0].payload)["deleted"])

    assert len(over_seeds(make, keys)) > 5
