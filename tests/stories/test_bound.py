"""It always ends: a server that falls silent, closes or lies at any point, in MQTT 3.1.1 and 5."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from otakit.client.settings import Settings
from otakit.protocol.messages import Direction, Kind
from otakit.protocol.packets import Version

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
SIZE = 20_000


@pytest.mark.parametrize("version", [Version.MQTT_3_1_1, Version.MQTT_5])
@pytest.mark.parametrize("after", range(26))
def test_a_server_silent_after_any_packet_ends_within_the_bound(new_story: Any, version: Version, after: int) -> None:
    """Whatever was answered last, the client reports FAILED to itself and stops."""
    story, passed = new_story(version), list[object]()
    story.assign(image=bytes(SIZE))

    def meddle(direction: Direction, packet: object) -> list[bytes] | None:
        if direction is Direction.TO_DEVICE:
            passed.append(packet)
            return [] if len(passed) > after else None
        return None

    told = story.run(meddler=meddle, chunk_qos=1)
    bound = Settings(version=version).bound_s(SIZE)
    assert told.run.ended_s < bound
    assert told.outcomes.get(FW) == ("UPDATED" if told.stored("fw_state")[-1:] == ["UPDATED"] else "FAILED")


MOODS = ("pass", "drop", "twice", "empty")


@given(seed=st.integers(0, 2**16), moods=st.lists(st.sampled_from(MOODS), min_size=1, max_size=40))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_moody_server_never_keeps_a_client_beyond_its_bound(new_story: Any, seed: int, moods: list[str]) -> None:
    """Packets dropped, doubled and emptied in any pattern that repeats."""
    from dataclasses import replace  # noqa: PLC0415 - only here

    from otakit.protocol import packets as p  # noqa: PLC0415
    from otakit.protocol.mqtt import encode  # noqa: PLC0415

    story, count = new_story(seed=seed), [0]
    story.assign(image=bytes(SIZE))
    story.assign(SW, image=bytes(SIZE))

    def meddle(direction: Direction, packet: Any) -> list[bytes] | None:
        if direction is Direction.TO_SERVER:
            return None
        mood, count[0] = moods[count[0] % len(moods)], count[0] + 1
        raw = encode(packet, story.version)
        if mood == "empty" and isinstance(packet, p.Publish):
            return [encode(replace(packet, payload=b""), story.version)]
        return {"pass": None, "drop": [], "twice": [raw, raw], "empty": None}[mood]

    told = story.run(meddler=meddle)
    bound = Settings().bound_s(SIZE)
    assert told.run.ended_s < 2 * bound + Settings().offline_limit_s
    assert set(told.outcomes) == {FW, SW}
    for kind, outcome in told.outcomes.items():
        assert outcome in ("UPDATED", "FAILED", "NO_PACKAGE", "UNASSIGNED"), told.reasons[kind]


@given(cuts=st.lists(st.integers(1, 60), max_size=12, unique=True))
@example(cuts=[1, 2, 3, 4, 5, 6])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_connections_end_in_the_image_or_in_failed(new_story: Any, cuts: list[int]) -> None:
    """Never in wrong bytes that run; and it gives up only where six connections in a row brought nothing."""
    from otakit.faults import Cut, LinkSettings  # noqa: PLC0415 - only here

    story = new_story()
    image = bytes(range(250)) * 80
    story.assign(image=image)
    link = LinkSettings(round_trip_s=0.04, plan=tuple(Cut("ChunkResponse", nth) for nth in cuts))
    told = story.run(link=link)
    if told.outcomes[FW] == "FAILED":
        fruitless = range(Settings().reconnects + 1)
        assert any(all(first + more in cuts for more in fruitless) for first in cuts)
        assert "in a row without progress" in told.reasons[FW]
        assert FW not in told.run.device.slots
    else:
        assert told.outcomes[FW] == "UPDATED"
        assert told.run.device.slots[FW] == image


def test_the_bound_grows_with_the_image_and_with_each_wait() -> None:
    """It is computed from the settings alone."""
    plain = Settings()
    assert plain.bound_s(10**6) > plain.bound_s(10**3)
    assert Settings(chunk_deadline_s=50).bound_s(10**6) > plain.bound_s(10**6)
    assert Settings(install_deadline_s=500).bound_s(10**6) > plain.bound_s(10**6)
