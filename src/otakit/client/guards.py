"""The conditions of the update's table; each name reads as the end of *if it …*.

Questions only: a guard changes nothing. Called by the rows of `machine.TABLE`.
"""

from __future__ import annotations

from otakit.client.events import (
    ChunkRefused,
    DeadlinePassed,
    ImageChecked,
    OfferUnusable,
    PackageOffered,
    Reported,
    Status,
)
from otakit.client.job import Job, obstacle
from otakit.protocol.messages import ChunkResponse

TOO_LARGE = "PAYLOAD_TOO_LARGE"
SMALL_CHUNK_BYTES = 4096
"""Below every limit seen in the field: what is asked for after PAYLOAD_TOO_LARGE."""


def is_same(job: Job, event: PackageOffered, _now: int) -> bool:
    """The package of this update, the present one or the one that ended."""
    return job.package == event.package


def is_one_too_many(job: Job, _event: PackageOffered, _now: int) -> bool:
    """The assignment changes again and again: somewhere it must end."""
    return len(job.begun) >= job.settings.updates


def is_current(job: Job, event: PackageOffered, _now: int) -> bool:
    """Title and version are exactly those that run (no prefix, no number: `1.0` is not `1.0.1`)."""
    return job.running == (event.package.title, event.package.version)


def cannot_be_had(_job: Job, event: PackageOffered, _now: int) -> bool:
    """No chunk needs to be asked for to know that it would be in vain."""
    return bool(obstacle(event.package))


def may_become_whole(job: Job, event: OfferUnusable, _now: int) -> bool:
    """Keys are stored one by one, so a request that races an assignment gets a part (`doSave`)."""
    return event.incomplete and job.reasked < job.settings.request_retries


def asking_is_due(job: Job, _event: DeadlinePassed, now: int) -> bool:
    """The pause before asking for attributes again is over."""
    return job.ask_at is not None and now >= job.ask_at


def phase_is_over(job: Job, _event: DeadlinePassed, now: int) -> bool:
    """The longest time for this phase has passed."""
    return job.must_end_at is not None and now >= job.must_end_at


def is_foreign(job: Job, event: ChunkResponse, _now: int) -> bool:
    """A duplicate, a chunk never asked for, or one of another update's request id."""
    late_and_empty = not event.payload and event.request_id != job.request_id
    return event.request_id not in job.request_ids or not job.chunks().wants(event.index) or late_and_empty


def is_early_end(job: Job, event: ChunkResponse, _now: int) -> bool:
    """Empty before the end: the server lost its cached bytes, a new request id loads them again."""
    return not event.payload and job.recovered < job.settings.recoveries


def is_empty_for_good(_job: Job, event: ChunkResponse, _now: int) -> bool:
    """Empty before the end, and new request ids did not help."""
    return not event.payload


def is_bad_length(job: Job, event: ChunkResponse, _now: int) -> bool:
    """Longer or shorter than this chunk must be, and it may be asked for again."""
    return _bad(job, event) and job.chunks().attempt(event.index) <= job.settings.chunk_retries


def is_bad_for_good(job: Job, event: ChunkResponse, _now: int) -> bool:
    """Longer or shorter than this chunk must be, each time."""
    return _bad(job, event)


def _bad(job: Job, event: ChunkResponse) -> bool:
    return len(event.payload) != job.chunks().length(event.index)


def completes(job: Job, event: ChunkResponse, _now: int) -> bool:
    """The last missing chunk."""
    window = job.chunks()
    return window.prefix == event.index and window.done + 1 == window.count


def tries_are_left(job: Job, _event: DeadlinePassed, now: int) -> bool:
    """Chunks are late, and none of them was asked for too often."""
    window = job.chunks()
    late = window.overdue(now)
    return bool(late) and all(window.attempt(index) <= job.settings.chunk_retries for index in late)


def new_id_may_help(job: Job, event: DeadlinePassed, now: int) -> bool:
    """The first of the stronger means: a new request id makes the server look the package up again."""
    return a_chunk_is_late(job, event, now) and job.recovered == 0 and job.settings.recoveries > 0


def reconnect_may_help(job: Job, event: DeadlinePassed, now: int) -> bool:
    """The second of the stronger means: a new connection."""
    return a_chunk_is_late(job, event, now) and job.recovered < job.settings.recoveries


def a_chunk_is_late(job: Job, _event: DeadlinePassed, now: int) -> bool:
    """A chunk's deadline has passed."""
    return bool(job.chunks().overdue(now))


def can_ask_smaller(job: Job, event: ChunkRefused, _now: int) -> bool:
    """Too large, and not tried smaller yet."""
    return event.word == TOO_LARGE and not job.shrunk and job.chunks().chunk_bytes > 1


def checksum_is_right(job: Job, event: ImageChecked, _now: int) -> bool:
    """The whole image is what was announced; letter case does not matter."""
    return event.checksum.lower() == (job.offered().checksum or "").lower()


def says_verified(_job: Job, event: Reported, _now: int) -> bool:
    """VERIFIED is with the server."""
    return event.status is Status.VERIFIED


def says_updating(_job: Job, event: Reported, _now: int) -> bool:
    """UPDATING is with the server: the device may go quiet now."""
    return event.status is Status.UPDATING
