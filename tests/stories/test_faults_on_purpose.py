"""Every fault of a plan against the real client: UPDATED, or FAILED with a reason, within its bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import otakit
from otakit.captured import Note
from otakit.client.settings import Settings
from otakit.faults import FAULTS, LinkSettings, ServerPlan, Withhold, parse_link, plan_of
from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.packets import Version
from otakit.run import update
from otakit.servers import Twin
from otakit.twin.settings import TwinSettings

FW = Kind.FIRMWARE
IMAGE = bytes(range(250)) * 400
UPDATED = ("UPDATED", "")

STORIES = {
    "one answer withheld": UPDATED,
    "answer 3 withheld": UPDATED,
    "10 % of answers withheld": UPDATED,
    "each answer withheld": ("FAILED", "no answer"),
    "answer 3 late by 6 s": UPDATED,
    "each answer duplicated": UPDATED,
    "each answer out of order": UPDATED,
    "answer 3 corrupted": ("FAILED", "announced is"),
    "answer 3 truncated to 100 bytes": UPDATED,
    "each answer from 3 truncated to 100 bytes": ("FAILED", "100 bytes each time it is asked for"),
    "answer 3 truncated to 0 bytes": UPDATED,
    "each answer from 3 truncated to 0 bytes": ("FAILED", "is empty under each of several request ids"),
    "cache evicted at request 5": UPDATED,
    "checksum wrong in each attributes": ("FAILED", "announced is"),
    "size wrong in each attributes": ("FAILED", "the announced size"),
    "size 50 in each attributes": ("FAILED", "50 were expected"),
    "request 3 refused with NOT_FOUND": ("FAILED", "no package for this device (NOT_FOUND)"),
    "request 3 refused with FAILURE": ("FAILED", "cannot read the image (FAILURE)"),
    "request 3 refused with UNKNOWN": ("FAILED", "does not know this device any more (UNKNOWN)"),
    "cut at answer 7": UPDATED,
    "cut at request 7": UPDATED,
    "each answer from 3 late by 100 s": ("FAILED", "no answer"),
    "connection 1 refused with 0x88": ("FAILED", "unavailable"),
    "connection 2 refused with 0x88": UPDATED,  # the server was there before: it may be so again
    "connection 2 refused with 0x9F": UPDATED,
    "each connection from 2 refused with 0x88": ("FAILED", "unavailable"),
    "connection 1 refused with 0x86": ("FAILED", "it knows no such access token"),
    "connection 2 refused with 0x86": ("FAILED", "the new image did not reach the server"),
    "connection 1 withheld": ("FAILED", "did not answer CONNECT"),
    "taken over at request 6": UPDATED,
    "taken over at each connection": ("FAILED", "in a row without progress"),
    "silent at answer 4": UPDATED,
    "silent at connection 1": ("FAILED", "did not answer CONNECT"),
    "rate limit at request 5": UPDATED,
    "rate limit at status 1": UPDATED,
    "slow link (300 ms ± 100 ms, 200 kbit/s)": UPDATED,
    "unassigned at request 6": ("UNASSIGNED", "was unassigned during the update"),
    "SubAck 1 withheld": UPDATED,
    "each AttributesResponse withheld": ("FAILED", ""),
    "request 4 duplicated": UPDATED,
    "request 4 corrupted": UPDATED,
}
"""Each plan with how the update ends and what the reason says."""


@pytest.mark.parametrize("plan", STORIES)
def test_each_fault_ends_in_updated_or_in_a_reason_within_the_bound(story: Any, plan: str) -> None:
    """Never in a hang, never in wrong bytes that run, and never unseen."""
    story.assign(image=IMAGE)
    told = story.run(server=plan, kinds=(FW,))
    outcome, reason = STORIES[plan]
    got = told.run.outcomes.get(FW)
    assert (got.outcome if got else "FAILED") == outcome
    assert reason in (got.reason if got else "")
    assert told.run.ended_s < Settings().bound_s(len(IMAGE))
    assert told.run.device.slots.get(FW) in (None, b"", IMAGE)  # nothing new, rolled back, or right
    assert told.notes("fault") or "slow" in plan


def test_every_fault_has_a_story() -> None:
    """A new one is told here before it is used."""
    told = {type(fault) for plan in STORIES for fault in plan_of(plan).on_packets}
    assert set(FAULTS.values()) - told == {type(plan_of("unassigned at request 1").on_packets[0])} - told


def test_a_package_assigned_in_the_middle_is_the_one_that_runs(story: Any) -> None:
    """The server reassigns at chunk 6: the client follows, and the old bytes are dropped."""
    story.assign(image=IMAGE)
    story.upload(version="1.2.0", image=IMAGE[::-1])
    told = story.run(server="reassigned to 'pump' '1.2.0' at request 6", link="200 ms, 200 kbit/s", kinds=(FW,))
    assert told.history() == ["SUPERSEDED", "UPDATED"]
    assert told.run.device.slots[FW] == IMAGE[::-1]


def test_a_second_client_is_named_in_mqtt_5(new_story: Any) -> None:
    """0x8E tells what MQTT 3.1.1 leaves to guess."""
    story = new_story(Version.MQTT_5)
    story.assign(image=IMAGE)
    told = story.run(server="taken over at request 6")
    assert 0x8E in [packet.reason_code for packet in told.of_type(p.Disconnect)]
    assert "another client connected with the same token" in str(told.notes("connection_lost"))


def test_a_run_with_faults_is_the_same_run_for_the_same_seed(new_story: Any) -> None:
    """Chance comes from the plan's seed alone."""

    def run(seed: int) -> list[Any]:
        story = new_story()
        story.assign(image=IMAGE)
        plan = ServerPlan((Withhold(probability=0.2),), seed)
        return list(story.run(server=plan, link="40 ms ± 20 ms").run.entries)

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_jitter_never_costs_a_chunk(new_story: Any) -> None:
    """TCP keeps the order; nothing is asked for twice."""
    story = new_story()
    story.assign(image=IMAGE)
    told = story.run(link=LinkSettings(0.2, 1e6, jitter_s=0.2, seed=4))
    assert told.outcomes[FW] == "UPDATED"
    assert [index for _, index in told.asked()] == sorted(index for _, index in told.asked())
    assert told.notes("retry") == []


def test_a_link_that_gets_slow_takes_longer(new_story: Any) -> None:
    """100 kB at 2 Mbit/s, and then at 64 kbit/s."""

    def seconds(link: str) -> float:
        story = new_story()
        story.assign(image=IMAGE)
        return float(story.run(link=link).run.ended_s)

    assert parse_link("2 Mbit/s").least_s(len(IMAGE)) < seconds("2 Mbit/s") < 4
    assert seconds("2 Mbit/s, 64 kbit/s after 0.1 s") > 9


def test_the_faults_of_a_link_work_in_virtual_time_as_the_server_s_do(new_story: Any) -> None:
    """Doubled, out of order, short, silent: on the way instead of at its end."""
    story = new_story()
    story.assign(image=IMAGE)
    link = "40 ms, answer 2 duplicated, answer 4 out of order, answer 6 truncated to 9 bytes, silent at answer 20"
    told = story.run(link=link, kinds=(FW,))
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.slots[FW] == IMAGE
    assert told.run.core.jobs[FW].bytes_wasted == 4096 + 9


def test_a_recording_at_the_server_shows_the_fault_and_its_packet(tmp_path: Path) -> None:
    """Over TCP: the twin's watcher and the device's own recording both say what was done on purpose."""
    from otakit.record.pcapng import Recorder, read  # noqa: PLC0415 - only here

    settings = TwinSettings(dispatch_spacing_s=0, dispatch_latency_s=0)
    with Twin(plan="answer 3 withheld, answer 5 truncated to 9 bytes for pump-7", settings=settings) as twin:
        assert twin.label.endswith("faults: answer 3 withheld, answer 5 truncated to 9 bytes for pump-7")
        device = twin.add_device("pump-7")
        twin.assign(twin.upload("firmware", "pump", "2", IMAGE), to=device)
        with Recorder(tmp_path / "server.pcapng") as recorder:
            twin.watchers.append(recorder)
            mine = update(
                device, record=tmp_path / "device.pcapng", chunk_deadline_s=0.3, kinds=(FW,), show_progress=False
            )
            twin.watchers.clear()
    theirs = otakit.load(tmp_path / "server.pcapng")
    notes = [note for note in read(tmp_path / "server.pcapng").entries if isinstance(note, Note)]
    (lost,) = (note for note in notes if note.name == "fault" and note.fields["name"] == "Withhold")
    asked = theirs.packets[theirs.packets["number"] == lost.about]
    assert asked[["message", "index"]].to_numpy().tolist() == [["ChunkRequest", lost.fields["index"]]]
    for session in (mine, theirs):
        assert "UNANSWERED" in session.chunks.query(f"index == {lost.fields['index']}")["outcome"].to_list()
        assert session.updates["outcome"].iloc[0] == "UPDATED"
        drawn = session.diagram().source
        assert "no answer (Withhold, on purpose)" in drawn
        assert "a fault on purpose: name Truncate" in drawn
