"""The table of an update: all that can happen to it, in every state, as rows.

Pure: events in, actions out, time as an argument. Firmware and software are two jobs of this one table.
Rows are tried in order and the first whose guard holds wins; what no row hears is counted in
`Job.ignored` and changes nothing. What a row does stands in `effects`; the docs draw `TABLE`.
Called by `core`, which knows the connection under it.
"""

from __future__ import annotations

from otakit.client import effects as do
from otakit.client import endings as end
from otakit.client import guards as if_
from otakit.client.events import (
    ChunkRefused,
    Confirmed,
    ConnectionLost,
    DeadlinePassed,
    GaveUp,
    ImageChecked,
    Installed,
    NothingOffered,
    OfferUnusable,
    PackageOffered,
    Reported,
    Resumed,
    RolledBack,
    RoomMade,
    StepFailed,
    StopAsked,
)
from otakit.client.job import Job, State
from otakit.client.table import Actions, Row, always, each, index_of, nothing, row_for
from otakit.client.vocabulary import Event, Tell
from otakit.protocol.messages import ChunkResponse

S = State
FETCHING = (S.PREPARING, S.DOWNLOADING, S.PAUSED, S.DOUBTING)
"""A new assignment takes these over at once; later ones wait until the image is installed or refused."""
TRYING = (S.RESTARTING, S.CONFIRMING)


def _offers(state: State) -> tuple[Row[Job], ...]:
    doubted = Row(state, PackageOffered, if_.is_same, S.ENDED, end.fail_as_doubted)
    same_again = Row(state, PackageOffered, if_.is_same, state, nothing)
    once_more = Row(state, PackageOffered, if_.is_one_too_many, S.ENDED, end.refuse_one_more)
    known = (doubted if state is S.DOUBTING else same_again, once_more)
    return (
        *(() if state is S.IDLE else known),
        Row(state, PackageOffered, if_.is_current, S.ENDED, end.end_as_current),
        Row(state, PackageOffered, if_.cannot_be_had, S.ENDED, end.refuse),
        Row(state, PackageOffered, always, S.PREPARING, do.begin),
    )


def _unusable(state: State) -> tuple[Row[Job], ...]:
    return (
        Row(state, OfferUnusable, if_.may_become_whole, state, do.ask_attributes_later),
        Row(state, OfferUnusable, always, S.ENDED, end.fail_for_nonsense),
        Row(state, DeadlinePassed, if_.asking_is_due, state, do.ask_attributes),
    )


TABLE: tuple[Row[Job], ...] = (
    #   in state         hears           when                   goes to         and does
    *each((S.IDLE, S.ENDED, *FETCHING), _offers),
    *each((S.IDLE, *FETCHING), _unusable),
    Row(S.IDLE,          NothingOffered, always,                S.IDLE,         do.wait_for_an_offer),
    Row(S.IDLE,          DeadlinePassed, if_.phase_is_over,     S.ENDED,        end.end_without_package),
    Row(S.ENDED,         NothingOffered, always,                S.ENDED,        end.forget_package),
    *each(FETCHING, lambda state: (
        Row(state,       NothingOffered, always,                S.ENDED,        end.end_as_unassigned),
    )),
    Row(S.PREPARING,     RoomMade,       always,                S.DOWNLOADING,  do.start_download),
    Row(S.DOWNLOADING,   ChunkResponse,  if_.is_foreign,        S.DOWNLOADING,  do.count_waste),
    Row(S.DOWNLOADING,   ChunkResponse,  if_.is_early_end,      S.DOWNLOADING,  do.take_new_request_id),
    Row(S.DOWNLOADING,   ChunkResponse,  if_.is_empty_for_good, S.DOUBTING,     do.doubt_the_size),
    Row(S.DOWNLOADING,   ChunkResponse,  if_.is_bad_length,     S.DOWNLOADING,  do.ask_again_for_length),
    Row(S.DOWNLOADING,   ChunkResponse,  if_.is_bad_for_good,   S.DOUBTING,     do.doubt_the_length),
    Row(S.DOWNLOADING,   ChunkResponse,  if_.completes,         S.DOWNLOADED,   do.write_and_check),
    Row(S.DOWNLOADING,   ChunkResponse,  always,                S.DOWNLOADING,  do.write),
    Row(S.DOWNLOADING,   DeadlinePassed, if_.phase_is_over,     S.ENDED,        end.fail_for_time),
    Row(S.DOWNLOADING,   DeadlinePassed, if_.tries_are_left,    S.DOWNLOADING,  do.ask_again),
    Row(S.DOWNLOADING,   DeadlinePassed, if_.new_id_may_help,   S.DOWNLOADING,  do.recover_with_new_id),
    Row(S.DOWNLOADING,   DeadlinePassed, if_.reconnect_may_help, S.PAUSED,      do.recover_with_new_connection),
    Row(S.DOWNLOADING,   DeadlinePassed, if_.a_chunk_is_late,   S.ENDED,        end.fail_for_silence),
    Row(S.DOWNLOADING,   ChunkRefused,   if_.can_ask_smaller,   S.PAUSED,       do.ask_smaller),
    Row(S.DOWNLOADING,   ConnectionLost, always,                S.PAUSED,       do.pause),
    Row(S.PAUSED,        Resumed,        always,                S.DOWNLOADING,  nothing),
    *each((S.PREPARING, S.PAUSED, S.DOUBTING), lambda state: (
        Row(state,       DeadlinePassed, if_.phase_is_over,     S.ENDED,        end.fail_for_time),
    )),
    *each(FETCHING, lambda state: (
        Row(state,       ChunkRefused,   always,                S.ENDED,        end.fail_for_word),
    )),
    Row(S.DOWNLOADED,    ImageChecked,   if_.checksum_is_right, S.VERIFIED,     do.report_verified),
    Row(S.DOWNLOADED,    ImageChecked,   always,                S.DOUBTING,     do.doubt_the_checksum),
    Row(S.VERIFIED,      Reported,       if_.says_verified,     S.UPDATING,     do.report_updating),
    Row(S.UPDATING,      Reported,       if_.says_updating,     S.INSTALLING,   do.install),
    Row(S.INSTALLING,    Installed,      always,                S.RESTARTING,   do.restart_on_trial),
    *each((S.DOWNLOADED, S.VERIFIED, S.UPDATING, S.INSTALLING), lambda state: (
        Row(state,       DeadlinePassed, if_.phase_is_over,     S.ENDED,        end.fail_for_time),
    )),
    *each((*FETCHING, S.DOWNLOADED, S.VERIFIED, S.UPDATING, S.INSTALLING), lambda state: (
        Row(state,       StepFailed,     always,                S.ENDED,        end.fail_for_step),
        Row(state,       StopAsked,      always,                S.ENDED,        end.fail_as_stopped),
    )),
    *each((S.IDLE, *FETCHING, S.DOWNLOADED, S.VERIFIED, S.UPDATING), lambda state: (
        Row(state,       GaveUp,         always,                S.ENDED,        end.fail_for_connection),
    )),
    Row(S.IDLE,          StopAsked,      always,                S.ENDED,        end.end_as_stopped),
    Row(S.RESTARTING,    Resumed,        always,                S.CONFIRMING,   do.confirm),
    Row(S.CONFIRMING,    Confirmed,      always,                S.ENDED,        end.end_as_updated),
    *each(TRYING, lambda state: (
        Row(state,       StepFailed,     always,                S.ROLLING_BACK, do.roll_back_for_step),
        Row(state,       GaveUp,         always,                S.ROLLING_BACK, do.roll_back_for_connection),
        Row(state,       DeadlinePassed, if_.phase_is_over,     S.ROLLING_BACK, do.roll_back_for_time),
        Row(state,       StopAsked,      always,                S.ROLLING_BACK, do.roll_back_as_stopped),
    )),
    Row(S.ROLLING_BACK,  RolledBack,     always,                S.RETURNING,    do.restart_old),
    Row(S.ROLLING_BACK,  StepFailed,     always,                S.ENDED,        end.fail_unrolled),
    Row(S.ROLLING_BACK,  DeadlinePassed, if_.phase_is_over,     S.ENDED,        end.fail_unrolled_in_time),
    Row(S.RETURNING,     Resumed,        always,                S.ENDED,        end.fail_rolled_back),
    Row(S.RETURNING,     GaveUp,         always,                S.ENDED,        end.fail_rolled_back),
    Row(S.RETURNING,     DeadlinePassed, if_.phase_is_over,     S.ENDED,        end.fail_rolled_back),
)  # fmt: skip
INDEX = index_of(TABLE)


def step(job: Job, event: Event, now: int) -> tuple[Job, Actions]:
    """Lets a job hear an event.

    Args:
        job: changed in place.
        event: what happened; a message of this kind is an event as it is.
        now: nanoseconds of the update's clock.

    Returns:
        The job, and what to carry out, in order.
    """
    row = row_for(INDEX, job, job.state, event, now)
    if row is None:
        job.ignored += 1
        return job, []
    before = job.state
    actions = row.does(job, event, now)
    if row.goes_to is not before:
        job.state = State(row.goes_to)
        actions.insert(0, _moved(job, before, event))
    return job, actions


def _moved(job: Job, before: State, event: Event) -> Tell:
    fields = {"kind": job.kind.word, "from": before.value, "to": job.state.value, "event": type(event).__name__}
    return Tell("state", fields)
