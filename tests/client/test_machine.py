"""The table of an update: every state × event, every row reachable, and the rules between them."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from otakit.client import machine
from otakit.client.events import (
    ChunkRefused,
    Confirmed,
    ConnectionLost,
    DeadlinePassed,
    GaveUp,
    ImageChecked,
    Installed,
    JobEvent,
    NothingOffered,
    OfferUnusable,
    PackageOffered,
    Reported,
    Resumed,
    RolledBack,
    RoomMade,
    Status,
    StepFailed,
    StopAsked,
)
from otakit.client.job import Job, State
from otakit.client.settings import ns
from otakit.client.vocabulary import AskAttributes, NewConnection, Persist, Report, Tell, Write
from otakit.protocol.messages import ChunkResponse, Kind
from otakit.protocol.package import Package

FW = Kind.FIRMWARE
EVENTS: dict[type, Any] = {
    PackageOffered: PackageOffered(Package(FW, "pump", "2", 10, "00", "MD5")),
    NothingOffered: NothingOffered(),
    OfferUnusable: OfferUnusable("nonsense"),
    Resumed: Resumed(),
    ChunkRefused: ChunkRefused("NOT_FOUND"),
    Reported: Reported(Status.DOWNLOADING),
    GaveUp: GaveUp("no way"),
    ConnectionLost: ConnectionLost("gone"),
    DeadlinePassed: DeadlinePassed(),
    StopAsked: StopAsked(),
    RoomMade: RoomMade(FW),
    ImageChecked: ImageChecked(FW, "ff"),
    Installed: Installed(FW),
    Confirmed: Confirmed(FW),
    RolledBack: RolledBack(FW),
    StepFailed: StepFailed(FW, "install", "broken"),
    ChunkResponse: ChunkResponse(FW, 99, 0, b""),
}
HEARD = {(row.state, row.hears) for row in machine.TABLE}


def in_state(driven: Any, package: Package, state: State) -> Any:
    """A job in any state, by the shortest way."""
    one = driven()
    if state in (State.PAUSED, State.DOUBTING, State.ENDED, State.ROLLING_BACK, State.RETURNING):
        before = {State.PAUSED: State.DOWNLOADING, State.DOUBTING: State.DOWNLOADED, State.ENDED: State.DOWNLOADING}
        one.comes_to(before.get(state, State.CONFIRMING), package)
        last: dict[State, list[Any]] = {
            State.PAUSED: [ConnectionLost("x")],
            State.DOUBTING: [ImageChecked(FW, "ff")],
            State.ENDED: [StopAsked()],
            State.ROLLING_BACK: [StepFailed(FW, "confirm", "x")],
            State.RETURNING: [StepFailed(FW, "confirm", "x"), RolledBack(FW)],
        }
        one.hears(*last[state])
    else:
        one.comes_to(state, package)
    assert one.job.state is state
    return one


def test_every_event_of_a_job_is_walked() -> None:
    """A new event must be added to the walk below."""
    assert set(EVENTS) == set(get_args(JobEvent))


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", EVENTS.values(), ids=[kind.__name__ for kind in EVENTS])
def test_every_state_hears_every_event_without_an_exception(
    driven: Any, package: Package, state: State, event: Any
) -> None:
    """What no row hears is counted and changes nothing."""
    one = in_state(driven, package, state)
    ignored, actions = one.job.ignored, one.hears(event)
    if (state, type(event)) not in HEARD:
        assert one.job.state is state
        assert actions == []
        assert one.job.ignored == ignored + 1


@pytest.mark.parametrize("state", [state for state in State if state is not State.ENDED])
def test_no_state_lasts_without_a_deadline(driven: Any, package: Package, state: State) -> None:
    """Every state but the first, which waits for the connection, has a moment at which it is over."""
    one = in_state(driven, package, state)
    if state is State.IDLE:
        one.hears(NothingOffered())
    assert one.job.wake_at is not None
    one.now = one.job.must_end_at
    one.hears(DeadlinePassed())
    assert one.job.state in (State.ENDED, State.ROLLING_BACK, State.RETURNING)


@pytest.mark.parametrize("state", [state for state in State if state not in (State.IDLE, State.ENDED)])
def test_a_change_of_state_is_told_with_its_event(driven: Any, package: Package, state: State) -> None:
    """The recording says why."""
    one = in_state(driven, package, state)
    told = [action for action in one.actions if isinstance(action, Tell) and action.name == "state"]
    assert told[-1].fields["to"] == state.value


def test_reports_come_behind_what_makes_them_durable(driven: Any, package: Package) -> None:
    """Persist stands ahead of each Report but the first, which claims nothing."""
    one = in_state(driven, package, State.CONFIRMING)
    one.hears(Confirmed(FW))
    last: Any = None
    for action in one.actions:
        if isinstance(action, Report) and action.status is not Status.DOWNLOADING:
            assert isinstance(last, Persist), action
        last = action if isinstance(action, Persist | Report) else last


def test_ask_again_once_then_with_a_new_id_then_on_a_new_connection_then_failed(driven: Any, package: Package) -> None:
    """The ladder of means against a silent server, each step bounded."""
    one = driven(chunk_retries=1, recoveries=2, chunk_deadline_s=5).comes_to(State.DOWNLOADING, package)
    ids, reconnects = set(), 0
    for _ in range(10):
        one.asks()
        ids.add(one.job.request_id)
        one.now += ns(5)
        actions = one.hears(DeadlinePassed())
        if any(isinstance(action, NewConnection) for action in actions):
            reconnects += 1
            one.hears(Resumed())
        if one.job.state is State.ENDED:
            break
    assert one.job.outcome.outcome == "FAILED"
    assert "no answer to chunk 0 of 3: asked 6 times" in one.job.outcome.reason
    assert (len(ids), reconnects) == (3, 1)


def test_a_new_chunk_makes_all_means_new(driven: Any, package: Package) -> None:
    """Recoveries count in a row without progress."""
    one = driven(chunk_retries=0, recoveries=1).comes_to(State.DOWNLOADING, package)
    for index in (0, 1, 2):
        one.asks()
        one.now += ns(6)
        one.hears(DeadlinePassed())
        assert one.job.state is State.DOWNLOADING
        one.asks()
        one.hears(one.chunk(index))
    assert one.job.state is State.DOWNLOADED


def test_a_late_answer_under_the_old_request_id_still_counts(driven: Any, package: Package, image: bytes) -> None:
    """Its bytes are those of this package: the server binds an id for as long as the connection lives."""
    one = driven(chunk_retries=0).comes_to(State.DOWNLOADING, package)
    one.asks()
    old = one.chunk(0)
    one.now += ns(60)
    one.hears(DeadlinePassed())
    assert one.asks() == [0]
    assert one.job.request_id != old.request_id
    assert [action.data for action in one.hears(old) if isinstance(action, Write)] == [image[:4096]]


def test_answers_of_a_connection_before_are_of_no_use(driven: Any, package: Package) -> None:
    """A request id lives with its connection."""
    one = driven().comes_to(State.DOWNLOADING, package)
    one.asks()
    old = one.chunk(0)
    one.hears(ConnectionLost("x"), Resumed())
    one.asks()
    assert one.hears(old) == []
    assert one.job.bytes_wasted == 4096


def test_a_doubt_asks_for_the_attributes_before_it_fails(driven: Any, package: Package) -> None:
    """Attributes and bytes may be of different packages for a moment."""
    one = driven().comes_to(State.DOWNLOADED, package)
    assert AskAttributes() in one.hears(ImageChecked(FW, "ff"))
    one.hears(PackageOffered(package))
    assert one.job.outcome.outcome == "FAILED"


def test_the_checksum_is_compared_whatever_its_letter_case(driven: Any, package: Package) -> None:
    """An operator may have typed it."""
    one = driven().comes_to(State.DOWNLOADED, package)
    one.hears(ImageChecked(FW, (package.checksum or "").upper()))
    assert one.job.state is State.VERIFIED


def test_a_failed_package_offered_again_is_not_tried_for_ever(driven: Any, package: Package) -> None:
    """Each reconnect offers it once more."""
    one = in_state(driven, package, State.ENDED)
    assert one.hears(PackageOffered(package)) == []


def test_a_package_assigned_again_after_it_was_taken_back_is_a_new_offer(driven: Any, package: Package) -> None:
    """Unassign and assign is how an operator says: once more."""
    one = in_state(driven, package, State.ENDED)
    one.hears(NothingOffered(), PackageOffered(package))
    assert one.job.state is State.PREPARING


def test_a_job_tells_its_progress(driven: Any, package: Package, image: bytes) -> None:
    """Bytes, chunks, rate and time left."""
    one = driven().comes_to(State.DOWNLOADING, package)
    one.asks()
    one.now = ns(2)
    one.hears(one.chunk(0))
    told = one.job.progress(one.now)
    assert (told.bytes_done, told.bytes_total, told.chunks_done, told.chunks_total) == (4096, len(image), 1, 3)
    assert told.rate_bytes_s == pytest.approx(2048)
    assert told.left_s == pytest.approx((len(image) - 4096) / 2048)


def test_jobs_hold_no_state_in_common() -> None:
    """Firmware and software are two jobs of one table."""
    from otakit.client.settings import Settings  # noqa: PLC0415 - only here

    one, other = Job(Kind.FIRMWARE, Settings()), Job(Kind.SOFTWARE, Settings())
    machine.step(one, PackageOffered(Package(FW, "a", "1", 1, "00", "MD5")), 0)
    assert other.state is State.IDLE
    assert other.request_ids is not one.request_ids


FETCHING = [State.PREPARING, State.DOWNLOADING, State.PAUSED, State.DOUBTING]
NEWER = Package(FW, "pump", "9", 10, "00", "MD5")


@pytest.mark.parametrize("state", [state for state in FETCHING if state is not State.DOUBTING])
def test_the_same_offer_again_changes_nothing(driven: Any, package: Package, state: State) -> None:
    """Each connection brings it once more."""
    one = in_state(driven, package, state)
    assert one.hears(PackageOffered(package)) == []
    assert one.job.state is state


@pytest.mark.parametrize("state", [*FETCHING, State.ENDED])
def test_another_offer_takes_over(driven: Any, package: Package, state: State) -> None:
    """What was under way is superseded; what had ended stays as it ended."""
    one = in_state(driven, package, state)
    before = [outcome.outcome for outcome in one.job.history]
    one.hears(PackageOffered(NEWER))
    assert one.job.state is State.PREPARING
    assert [outcome.outcome for outcome in one.job.history] == (before or ["SUPERSEDED"])


@pytest.mark.parametrize("state", [*FETCHING, State.ENDED])
def test_an_offer_of_what_runs_or_cannot_be_had_takes_over_too(driven: Any, package: Package, state: State) -> None:
    """It ends at once, with its own outcome."""
    back = Package(FW, "pump", "1.0.0", 10, "00", "MD5")
    far = Package(FW, "pump", "9", url="http://x")
    for offered, outcome in ((back, "ALREADY_CURRENT"), (far, "FAILED")):
        one = in_state(driven, package, state)
        one.hears(PackageOffered(offered))
        assert (one.job.state, one.job.outcome.outcome) == (State.ENDED, outcome)


@pytest.mark.parametrize("state", [*FETCHING, State.ENDED])
def test_one_offer_too_many_is_refused(driven: Any, package: Package, state: State) -> None:
    """The bound holds in every state."""
    one = in_state(driven, package, state)
    one.job.begun *= one.job.settings.updates
    one.hears(PackageOffered(NEWER))
    assert (one.job.state, one.job.outcome.outcome) == (State.ENDED, "FAILED")


@pytest.mark.parametrize("state", FETCHING)
def test_taken_back_or_nonsense_ends_what_is_fetched(driven: Any, package: Package, state: State) -> None:
    """UNASSIGNED, or FAILED with the reason."""
    for event, outcome in ((NothingOffered(), "UNASSIGNED"), (OfferUnusable("nonsense"), "FAILED")):
        one = in_state(driven, package, state)
        one.hears(event)
        assert one.job.outcome.outcome == outcome


@pytest.mark.parametrize("state", FETCHING)
def test_an_offer_in_part_is_asked_about_again_after_a_pause(driven: Any, package: Package, state: State) -> None:
    """What is fetched goes on meanwhile."""
    one = in_state(driven, package, state)
    one.hears(OfferUnusable("in part", incomplete=True))
    assert one.job.state is state
    one.now = one.job.ask_at
    assert AskAttributes() in one.hears(DeadlinePassed())


@pytest.mark.parametrize("state", [*FETCHING, State.DOWNLOADED, State.VERIFIED, State.UPDATING, State.INSTALLING])
def test_a_failed_step_or_a_stop_ends_what_did_not_restart_yet(driven: Any, package: Package, state: State) -> None:
    """The reason is the step's, or that it was stopped."""
    for event, reason in ((StepFailed(FW, "write", "worn"), "write failed: worn"), (StopAsked(), "stopped on")):
        one = in_state(driven, package, state)
        one.hears(event)
        assert one.job.outcome.outcome == "FAILED"
        assert reason in one.job.outcome.reason


@pytest.mark.parametrize("state", FETCHING)
def test_an_error_word_ends_what_is_fetched(driven: Any, package: Package, state: State) -> None:
    """Also when it comes late."""
    one = in_state(driven, package, state)
    one.hears(ChunkRefused("NOT_FOUND"))
    assert "NOT_FOUND" in one.job.outcome.reason


@pytest.mark.parametrize("state", [State.RESTARTING, State.CONFIRMING])
@pytest.mark.parametrize("event", [StepFailed(FW, "restart", "x"), GaveUp("x"), StopAsked()], ids=str)
def test_a_trial_that_does_not_prove_itself_is_rolled_back(
    driven: Any, package: Package, state: State, event: Any
) -> None:
    """Never confirmed by default."""
    one = in_state(driven, package, state)
    one.hears(event)
    assert one.job.state is State.ROLLING_BACK


@pytest.mark.parametrize("event", [Resumed(), GaveUp("x")], ids=str)
def test_the_failure_is_said_once_the_old_image_runs(driven: Any, package: Package, event: Any) -> None:
    """Or kept for the reader when nobody can be told."""
    one = in_state(driven, package, State.RETURNING)
    one.hears(event)
    assert one.job.outcome.reason == "confirm failed: x; rolled back to pump 1.0.0"


def test_a_way_back_that_fails_is_said_too(driven: Any, package: Package) -> None:
    """Both reasons."""
    one = in_state(driven, package, State.ROLLING_BACK)
    one.hears(StepFailed(FW, "roll_back", "slot lost"))
    assert one.job.outcome.reason.endswith("then roll_back failed: slot lost")


@pytest.mark.parametrize("state", [State.IDLE, *FETCHING, State.DOWNLOADED, State.VERIFIED, State.UPDATING])
def test_no_connection_any_more_ends_what_needs_one(driven: Any, package: Package, state: State) -> None:
    """An installer at work is let finish."""
    one = in_state(driven, package, state)
    one.hears(GaveUp("the server is gone"))
    assert (one.job.outcome.outcome, one.job.outcome.reason) == ("FAILED", "the server is gone")
