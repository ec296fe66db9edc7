"""The sentence over each picture says what the data say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otakit.analyse import findings
from otakit.analyse.frames import Frames
from otakit.captured import Entry
from otakit.protocol.messages import Kind
from otakit.session import example

Talk = Callable[..., Any]
Stories = dict[str, list[Entry]]


def test_withheld_answer_is_told_as_a_chunk_asked_for_twice(stories: Stories) -> None:
    chunks = Frames(stories["withheld"]).chunks
    assert findings.latency(chunks) == "5 chunks, half within 10 ms; chunk 2 was asked for twice"
    assert findings.latency_over_time(chunks).endswith("; 1 request waited 5.05 s in vain")


def test_chunk_asked_for_twice_is_named_with_its_kind_where_there_are_both() -> None:
    """In the sample recording the software's answer was withheld."""
    assert findings.latency(example().chunks).endswith("; software chunk 1 was asked for twice")


def test_healthy_run_names_its_slowest_chunk(talk: Talk) -> None:
    conversation = talk().connect().runs().offered().fetch(0).ask(1).wait(0.1).chunk(1).fetch(2)
    finding = findings.latency(Frames(conversation.entries).chunks)
    assert finding == "3 chunks, half within 10 ms; the slowest (chunk 1) took 110 ms"


def test_kinds_are_told_apart_where_there_are_both(stories: Stories) -> None:
    assert "the slowest (software chunk 0) took" in findings.latency(Frames(stories["both"]).chunks)


def test_reconnect_is_told(stories: Stories) -> None:
    assert findings.latency(Frames(stories["reconnect"]).chunks).endswith("; 1 reconnect")


def test_new_connection_for_another_update_is_no_reconnect(talk: Talk) -> None:
    """A restart between two downloads interrupts neither."""
    conversation = talk().connect().update().connect().fetch(0, request_id=2, kind=Kind.SOFTWARE)
    assert findings.reconnects(Frames(conversation.entries).chunks) == []


def test_rising_latency_is_told_with_both_medians(talk: Talk) -> None:
    conversation = talk().connect().runs().offered(size=8 * 4_096)
    for index in range(8):
        conversation.ask(index).wait(0.01 if index < 4 else 0.09).chunk(index)
    finding = findings.latency_over_time(Frames(conversation.entries).chunks)
    assert finding.startswith("Latency rises from 20 ms to 100 ms")


def test_distribution_tells_the_three_percentiles(stories: Stories) -> None:
    finding = findings.distribution(Frames(stories["late"]).chunks)
    assert finding == "Half of 6 answers within 10 ms, 95 % within 3.77 s, 99 % within 4.77 s"


def test_timeline_tells_the_end_and_where_the_time_went(talk: Talk) -> None:
    conversation = (
        talk().connect().runs().offered(title="水泵").status("DOWNLOADING").wait(3).status("UPDATING").wait(0.9)
    )
    conversation.status("UPDATED", current_fw_title="水泵", current_fw_version="1.1.0")
    frames = Frames(conversation.entries)
    finding = findings.timeline(frames.statuses, frames.chunks)
    assert finding == "水泵 1.1.0: UPDATED after 3.94 s, 77 % of it DOWNLOADING"


def test_timeline_of_a_failure_tells_the_reason(talk: Talk) -> None:
    conversation = talk().connect().runs().offered().status("DOWNLOADING").fetch(0).status("FAILED", fw_error="no room")
    frames = Frames(conversation.entries)
    assert findings.timeline(frames.statuses, frames.chunks) == "FAILED after 40 ms: no room"


def test_timeline_of_a_run_under_way_tells_how_far_it_is(talk: Talk) -> None:
    frames = Frames(talk().connect().runs().offered().status("DOWNLOADING").fetch(0).entries)
    assert findings.timeline(frames.statuses, frames.chunks) == "DOWNLOADING is the last status; 4 KiB received"


def test_packets_are_counted_with_their_bytes(stories: Stories) -> None:
    packets = Frames(stories["healthy"]).packets
    down = int(packets["length"][packets["direction"] == "to device"].sum())
    assert findings.packets(packets).startswith(f"{len(packets)} packets in 270 ms, 36 % of them for chunks; ")
    assert down > 20_000


def test_nothing_is_told_as_nothing() -> None:
    empty = Frames()
    for finding in (
        findings.latency(empty.chunks),
        findings.timeline(empty.statuses, empty.chunks),
        findings.packets(empty.packets),
    ):
        assert finding.startswith("Nothing to show: ")
