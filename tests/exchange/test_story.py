"""Updates, chunks, statuses: from the wire alone, and with what the client noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otakit.captured import Entry
from otakit.exchange import Chunk, Exchanges, Update
from otakit.exchange.offers import kind_word
from otakit.exchange.story import Story, update_of_server_status
from otakit.protocol.messages import AttributesUpdate, Kind, Telemetry

Talk = Callable[..., Any]
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the builder keeps nothing
NINE = [
    f"fw_{key}" for key in ("title", "version", "ts", "state", "size", "checksum", "checksum_algorithm", "url", "tag")
]


def story(entries: list[Entry]) -> Story:
    found = Exchanges()
    for entry in entries:
        found.feed(entry)
    return found.story


def updates(talk: Any) -> list[Update]:
    return story(talk.entries).updates


def one(talk: Any) -> Update:
    (update,) = updates(talk)
    return update


def chunks(talk: Any) -> list[Chunk]:
    return story(talk.entries).chunks


# from the wire alone


def test_offer_of_another_package_begins_an_update(talk: Talk) -> None:
    update = one(talk().connect().runs("1.0.0").offered("1.1.0", 20_000))
    assert (update.from_version, update.to_version, update.package_bytes) == ("1.0.0", "1.1.0", 20_000)
    assert (update.outcome, update.ended_ns) == ("STILL_RUNNING", None)


def test_offer_of_what_runs_begins_none(talk: Talk) -> None:
    assert updates(talk().connect().runs("1.1.0").offered("1.1.0")) == []


def test_offer_waits_until_it_is_known_what_runs(talk: Talk) -> None:
    """A device that never said what it runs begins with its first chunk request."""
    conversation = talk().connect().offered("1.1.0")
    assert updates(conversation) == []
    update = one(conversation.ask(0))
    assert (update.to_version, update.offered_ns is not None) == ("1.1.0", True)


def test_answer_to_a_request_offers_too(talk: Talk) -> None:
    shared = {"fw_title": "pump", "fw_version": "1.1.0", "fw_size": 20_000}
    assert one(talk().connect().runs().asks_what_is_assigned(shared)).to_version == "1.1.0"


def test_chunk_request_without_an_offer_begins_an_update(talk: Talk) -> None:
    """A capture that began in the middle."""
    update = one(talk(key=None).connect().fetch(7, 8))
    assert (update.to_title, update.package_bytes, len(update.arrived)) == (None, None, 2)


def test_healthy_update_ends_with_the_status(talk: Talk) -> None:
    update = one(talk().connect().update())
    assert (update.outcome, update.reason, update.retries, update.bytes_wasted) == ("UPDATED", None, 0, 0)
    assert (len(update.arrived), update.bytes_received, update.chunk_bytes) == (5, 20_000, 4_096)


def test_failed_update_gives_the_reason_that_was_reported(talk: Talk) -> None:
    update = one(talk().connect().runs().offered().fetch(0).status("FAILED", fw_error="checksum differs"))
    assert (update.outcome, update.reason) == ("FAILED", "checksum differs")


def test_failed_update_is_not_begun_again_by_asking_what_is_assigned(talk: Talk) -> None:
    shared = {"fw_title": "pump", "fw_version": "1.1.0", "fw_size": 20_000}
    conversation = talk().connect().runs().offered().fetch(0).status("FAILED").asks_what_is_assigned(shared)
    assert len(updates(conversation)) == 1


def test_second_try_is_attempt_two(talk: Talk) -> None:
    conversation = talk().connect().runs().offered().fetch(0).status("FAILED").fetch(0, 1, request_id=2)
    assert [(update.attempt, update.outcome) for update in updates(conversation)] == [
        (1, "FAILED"),
        (2, "STILL_RUNNING"),
    ]


def test_another_offer_supersedes(talk: Talk) -> None:
    first, second = updates(talk().connect().runs().offered("1.1.0").fetch(0).offered("1.2.0").fetch(0, request_id=2))
    assert (first.outcome, first.bytes_wasted) == ("SUPERSEDED", 4_096)
    assert (second.to_version, second.outcome) == ("1.2.0", "STILL_RUNNING")


def test_the_same_offer_again_changes_nothing(talk: Talk) -> None:
    assert len(updates(talk().connect().runs().offered("1.1.0").fetch(0).offered("1.1.0").fetch(1))) == 1


def test_deleted_title_means_unassigned(talk: Talk) -> None:
    update = one(talk().connect().runs().offered().fetch(0).down(AttributesUpdate({"deleted": NINE})))
    assert update.outcome == "UNASSIGNED"


def test_deleted_tag_and_url_mean_nothing(talk: Talk) -> None:
    """Every assignment deletes them."""
    assert one(talk().connect().runs().offered()).outcome == "STILL_RUNNING"


def test_device_that_only_says_what_runs_now_has_updated(talk: Talk) -> None:
    update = one(talk().connect().runs("1.0.0").offered("1.1.0").fetch(0, 1, 2, 3, 4).connect().runs("1.1.0"))
    assert (update.outcome, len(update.connections)) == ("UPDATED", 2)


def test_update_goes_on_over_a_reconnect(talk: Talk) -> None:
    conversation = (
        talk().connect().runs().offered().fetch(0, 1).ask(2).connect().runs().fetch(2, 3, 4).status("UPDATED")
    )
    update = one(conversation)
    assert (update.outcome, update.retries, len(update.connections), len(update.arrived)) == ("UPDATED", 1, 2, 5)


def test_kinds_do_not_mix(talk: Talk) -> None:
    conversation = talk().connect().runs().runs("0.9", kind=Kind.SOFTWARE).offered().offered("1.0", kind=Kind.SOFTWARE)
    conversation.fetch(0).fetch(0, request_id=2, kind=Kind.SOFTWARE).status("FAILED", Kind.SOFTWARE)
    assert [(update.kind, update.outcome) for update in updates(conversation)] == [
        ("firmware", "STILL_RUNNING"),
        ("software", "FAILED"),
    ]


def test_two_devices_do_not_mix(talk: Talk) -> None:
    conversation = talk().connect().runs().offered().fetch(0)
    conversation.key = "ffffffffffff"
    conversation.connect("10.0.0.8").runs().offered().fetch(0)
    assert [update.who for update in updates(conversation)] == ["0123456789ab", "ffffffffffff"]


# chunks


def outcomes(talk: Any) -> list[tuple[int, str]]:
    return [(chunk.attempt, chunk.outcome) for chunk in chunks(talk)]


def test_last_chunk_is_whole_though_shorter(talk: Talk) -> None:
    assert outcomes(talk().connect().runs().offered().fetch(4)) == [(1, "ANSWERED")]


def test_chunk_with_too_few_bytes_is_short_and_wasted(talk: Talk) -> None:
    (chunk,) = chunks(talk().connect().runs().offered().ask(0).chunk(0, size=100))
    assert (chunk.outcome, chunk.received_bytes, chunk.wasted_bytes) == ("SHORT", 100, 100)


def test_early_empty_chunk_is_empty_and_asked_again_under_a_new_id(talk: Talk) -> None:
    conversation = talk().connect().runs().offered().fetch(0).ask(1).chunk(1, size=0).fetch(1, request_id=2)
    assert outcomes(conversation) == [(1, "ANSWERED"), (1, "EMPTY"), (2, "ANSWERED")]


def test_empty_chunk_past_the_end_is_an_answer(talk: Talk) -> None:
    conversation = talk().connect().runs().offered().ask(5).chunk(5, size=0)
    assert outcomes(conversation) == [(1, "ANSWERED")]


def test_late_answer_wastes_one_chunk(talk: Talk) -> None:
    conversation = talk().connect().runs().offered().fetch(0).ask(1).wait(5).ask(1).chunk(1).chunk(1)
    assert [chunk.wasted_bytes for chunk in chunks(conversation)] == [0, 0, 4_096]
    assert one(conversation).bytes_wasted == 4_096


def test_chunks_of_an_abandoned_update_came_for_nothing(talk: Talk) -> None:
    conversation = talk().connect().runs().offered("1.1.0").fetch(0, 1).offered("1.2.0").fetch(0, request_id=2)
    assert [chunk.wasted_bytes for chunk in chunks(conversation)] == [4_096, 4_096, 0]


def test_size_left_out_is_the_one_given_before(talk: Talk) -> None:
    """ThingsBoard remembers it under the request id."""
    conversation = talk().connect().runs().offered().ask(0, size=1_000).ask(3, size=None)
    assert [(chunk.asked_bytes, chunk.offset) for chunk in chunks(conversation)] == [(1_000, 0), (1_000, 3_000)]


def test_in_flight_counts_each_chunk_once(talk: Talk) -> None:
    """A chunk asked for again is still one chunk that is waited for."""
    conversation = talk().connect().runs().offered().ask(0).ask(1).ask(0).chunk(1).ask(2)
    assert [chunk.in_flight for chunk in chunks(conversation)] == [1, 2, 2, 2]


def test_in_flight_starts_anew_with_the_connection(talk: Talk) -> None:
    conversation = talk().connect().runs().offered().ask(0).ask(1).connect().ask(1)
    assert [chunk.in_flight for chunk in chunks(conversation)] == [1, 2, 1]


@SHARED
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=40))
def test_bytes_received_are_the_image_once_and_the_rest_wasted(talk: Talk, steps: list[tuple[bool, int]]) -> None:
    """Whatever is asked and answered in whatever order, no byte is counted twice or lost."""
    conversation = talk().connect().runs().offered(size=5 * 4_096)
    for asks, index in steps:
        (conversation.ask if asks else conversation.chunk)(index)
    for update in updates(conversation):
        assert update.bytes_received == sum(update.arrived.values()) + update.bytes_wasted
        rows = [chunk for chunk in chunks(conversation) if chunk.update.number == update.number]
        assert sum(chunk.wasted_bytes for chunk in rows) == update.bytes_wasted


# with notes


def began(talk: Any, version: str = "1.1.0", **fields: object) -> Any:
    said = {"kind": "firmware", "title": "pump", "version": version, "from_title": "pump", "from_version": "1.0.0"}
    return talk.note("update_began", **{**said, "size": 20_000, "chunk_bytes": 4_096, "attempt": 1, **fields})


def test_note_refines_the_update_that_the_offer_began(talk: Talk) -> None:
    conversation = began(talk().connect().runs().offered("1.1.0"))
    update = one(conversation.fetch(0).note("update_ended", kind="firmware", outcome="FAILED", reason="no room"))
    assert (update.noted, update.outcome, update.reason) == (True, "FAILED", "no room")


def test_note_decides_when_a_package_supersedes(talk: Talk) -> None:
    """A client that installs goes on, whatever is offered meanwhile."""
    conversation = began(talk().connect().runs().offered("1.1.0")).fetch(0, 1, 2, 3, 4).offered("1.2.0")
    assert one(conversation).outcome == "STILL_RUNNING"
    conversation.note("update_ended", kind="firmware", outcome="SUPERSEDED", reason="1.2.0 came")
    began(conversation, "1.2.0")
    assert [update.outcome for update in updates(conversation)] == ["SUPERSEDED", "STILL_RUNNING"]


def test_already_current_is_an_update_of_its_own(talk: Talk) -> None:
    conversation = began(talk().connect().runs("1.1.0").offered("1.1.0"), from_version="1.1.0")
    conversation.note("update_ended", kind="firmware", outcome="ALREADY_CURRENT", reason="runs already")
    conversation.status("UPDATED")
    update = one(conversation)
    assert (update.outcome, update.reason, update.from_version) == ("ALREADY_CURRENT", "runs already", "1.1.0")


def test_nothing_assigned_is_no_update(talk: Talk) -> None:
    assert updates(talk().connect().runs().note("update_ended", kind="firmware", outcome="NO_PACKAGE", reason="")) == []


def test_note_about_a_package_that_makes_no_sense_keeps_what_was_offered(talk: Talk) -> None:
    conversation = began(talk().connect().runs().offered("1.1.0", size=0), "", title="", size=None)
    update = one(conversation.note("update_ended", kind="firmware", outcome="FAILED", reason="fw_size is 0"))
    assert (update.to_version, update.outcome, update.package_bytes) == ("1.1.0", "FAILED", 0)


def test_client_resuming_after_a_restart_goes_on_with_its_update(talk: Talk) -> None:
    conversation = began(talk().connect().runs().offered("1.1.0")).fetch(0, 1).connect().runs()
    assert len(updates(began(conversation).fetch(2, 3, 4))) == 1


def test_unknown_notes_are_ignored(talk: Talk) -> None:
    assert updates(talk().connect().note("weather", kind="firmware").note("update_began", kind="hat")) == []


@pytest.mark.parametrize(
    ("value", "word"), [("fw", "firmware"), ("software", "software"), (Kind.SOFTWARE, "software"), (3, None)]
)
def test_kind_is_understood_however_it_is_written(value: object, word: str | None) -> None:
    assert kind_word(value) == word


# statuses


def test_status_belongs_to_the_update_it_ends(talk: Talk) -> None:
    found = story(talk().connect().update().entries)
    assert [status.status for status in found.statuses] == [
        "DOWNLOADING",
        "DOWNLOADED",
        "VERIFIED",
        "UPDATING",
        "UPDATED",
    ]
    assert {status.update and status.update.number for status in found.statuses} == {0}


def test_status_that_is_no_word_is_written_down_as_it_came(talk: Talk) -> None:
    found = story(talk().connect().up(Telemetry({"fw_state": {"a": 1}})).up(Telemetry({"fw_state": None})).entries)
    assert [status.status for status in found.statuses] == ['{"a": 1}']


def test_servers_statuses_come_from_the_notes_once(talk: Talk) -> None:
    conversation = talk().connect().update()
    start_ms = conversation.entries[1].at_ns // 1_000_000
    for _ in range(2):
        conversation.note("server_status", kind="fw", status="QUEUED", ts_ms=start_ms - 500)
    found = story(conversation.entries)
    server = [status for status in found.statuses if status.writer == "server"]
    assert [(status.status, status.device) for status in server] == [("QUEUED", "0123456789ab")]
    assert update_of_server_status(server[0], found.updates) is found.updates[0]


@SHARED
@given(
    st.dictionaries(
        st.sampled_from([*NINE, "shared", "deleted"]), st.none() | st.text() | st.integers() | st.lists(st.text())
    )
)
def test_no_attributes_raise(talk: Talk, body: dict[str, object]) -> None:
    """Whatever somebody writes into the attributes."""
    story(talk().connect().runs().down(AttributesUpdate(body)).entries)
