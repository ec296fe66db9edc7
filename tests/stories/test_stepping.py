"""Stepping in virtual time: the update's clock stands still between two questions, the connection lives on."""

from __future__ import annotations

from typing import Any

import pytest

from otakit.captured import CapturedPacket
from otakit.client.settings import Settings, ns
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Version
from otakit.trial.world import Plan, World
from otakit.twin.settings import TwinSettings

FW = Kind.FIRMWARE
SETTINGS = Settings(window=1, kinds=(FW,))
LASTING = TwinSettings(cache_ttl_s=10**7)
"""A reader may take longer than ThingsBoard keeps an image in its cache, which is another story."""


def stepped(story: Any, pause_s: float, plan: Plan | None = None, settings: Settings = SETTINGS) -> tuple[World, int]:
    """The update, one question at a time, with a pause of the reader after each."""
    world = World(story.model, "a-token", settings, plan or Plan(), story.device, stepping=True)
    world.core.stand_still(world.now)
    world.begin()
    steps = 0
    while not world.core.finished:
        world.do(world.core.let_one_go(world.now))
        while not world.core.gate.is_over and not world.core.finished:
            world.tick()
        steps += world.core.gate.went
        world.core.stand_still(world.now)
        until = world.now + ns(pause_s)
        world.later(ns(pause_s), lambda: None)
        while world.now < until:
            world.tick()
    return world, steps


def sent(world: World) -> list[tuple[str, int]]:
    """Type and length of what the device sent, signs of life left out."""
    packets = [e for e in world.entries if isinstance(e, CapturedPacket) and e.direction is Direction.TO_SERVER]
    decoded = [(decode(e.raw), e.length) for e in packets]
    return [(packet.type.name, length) for packet, length in decoded if not isinstance(packet, p.PingReq)]


@pytest.mark.parametrize("pause_s", [1, 1200])
def test_twenty_minutes_between_steps_change_no_packet(new_story: Any, pause_s: float) -> None:
    """Deadlines do not pass while a reader reads, and the server does not close for inactivity."""
    runs = []
    for pause in (0.0, pause_s):
        story = new_story(twin=LASTING)
        story.assign()
        world, _ = stepped(story, pause)
        assert world.core.outcomes()[FW].outcome == "UPDATED"
        runs.append(sent(world))
    assert runs[0] == runs[1]


def test_keep_alive_goes_on_underneath(new_story: Any) -> None:
    """ThingsBoard closes after 600 s without a sign of life; PINGREQ is one."""
    story = new_story(twin=LASTING)
    story.assign()
    world, steps = stepped(story, 1200)
    pings = sum(isinstance(decode(e.raw), p.PingReq) for e in world.entries if isinstance(e, CapturedPacket))
    assert pings >= 19 * (steps - 4)


def test_every_step_sends_one_packet_that_is_no_acknowledgement(new_story: Any) -> None:
    """One question for each `let_one_go`, also where several would be in flight."""
    story = new_story(twin=LASTING)
    story.assign()
    world, steps = stepped(story, 1, settings=Settings(kinds=(FW,)))
    questions = [name for name, _ in sent(world) if name != "PUBACK"]
    assert len(questions) == steps


def test_a_step_whose_answer_is_withheld_ends_at_the_deadline(new_story: Any) -> None:
    """And the next step asks again."""
    from otakit.faults import parse_link  # noqa: PLC0415 - only here

    story = new_story(twin=LASTING)
    story.assign()
    world, _ = stepped(story, 1200, Plan(parse_link("answer 2 withheld")))
    assert world.core.outcomes()[FW].outcome == "UPDATED"
    assert world.core.jobs[FW].retries == 1


def test_stamps_tell_the_real_time_not_the_standing_clock(new_story: Any) -> None:
    """A device time in the past would never move `fw_state` off INITIATED."""
    story = new_story(twin=LASTING)
    story.assign()
    stepped(story, 1200)
    memory = story.model.memory(story.entity.id)
    rows = memory.telemetry.between("fw_state", 0, 2**62, ascending=True)
    times = {value: ts for ts, value in rows}
    assert times["UPDATED"] - times["DOWNLOADING"] > 5 * 1200 * 1000


def test_two_versions_step_alike(new_story: Any) -> None:
    """MQTT 5 asks the same questions in the same order."""
    names = []
    for version in (Version.MQTT_3_1_1, Version.MQTT_5):
        story = new_story(twin=LASTING)
        story.assign()
        world, steps = stepped(story, 1, settings=Settings(version=version, window=1, kinds=(FW,)))
        names.append(steps)
        assert world.core.outcomes()[FW].outcome == "UPDATED"
    assert names[0] == names[1]
