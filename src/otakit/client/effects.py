"""What the rows of the update's table do on the way: begin, write, ask again, check, install, restart.

Each effect changes its job and gives the actions, a `Persist` ahead of the `Report` that announces it.
Endings stand in `endings`. Called by the rows of `machine.TABLE`.
"""

from __future__ import annotations

from otakit.client.endings import STOPPED, opened
from otakit.client.events import (
    ConnectionLost,
    GaveUp,
    ImageChecked,
    Installed,
    NothingOffered,
    OfferUnusable,
    PackageOffered,
    Status,
    StepFailed,
)
from otakit.client.guards import SMALL_CHUNK_BYTES
from otakit.client.job import Job
from otakit.client.settings import ns
from otakit.client.table import Actions
from otakit.client.vocabulary import (
    AskAttributes,
    Check,
    Confirm,
    Install,
    MakeRoom,
    NewConnection,
    Persist,
    Report,
    Restart,
    RollBack,
    Tell,
    Write,
)
from otakit.client.window import Window
from otakit.protocol.messages import ChunkResponse


def wait_for_an_offer(job: Job, _event: NothingOffered, now: int) -> Actions:
    """An assignment may be on its way: the server tells at its own pace."""
    if job.must_end_at is None:
        job.must_end_at = now + ns(job.settings.offer_wait_s)
    return []


def ask_attributes_later(job: Job, _event: OfferUnusable, now: int) -> Actions:
    """A package announced in part: the rest may be there in a moment."""
    job.reasked += 1
    job.ask_at = now + ns(job.settings.reask_delay_s)
    return []


def ask_attributes(job: Job, _event: object, _now: int) -> Actions:
    """The pause is over."""
    job.ask_at = None
    return [AskAttributes()]


def begin(job: Job, event: PackageOffered, now: int) -> Actions:
    """A new update; room is made before the first chunk is asked for."""
    package = event.package
    actions = opened(job, package)
    size = package.size or 0
    job.window = Window(size, job.next_size(), job.settings.window, ns(job.settings.chunk_deadline_s))
    job.must_end_at = now + ns(job.settings.download_s(size))
    return [*actions, Persist(job.kind, "begun", package.attributes()), MakeRoom(package)]


def start_download(job: Job, _event: object, now: int) -> Actions:
    """DOWNLOADING goes out ahead of the first chunk request."""
    job.first_at = now
    return [Report(job.kind, Status.DOWNLOADING)]


def count_waste(job: Job, event: ChunkResponse, now: int) -> Actions:
    """Bytes that came for nothing, though they say that the server is alive and the link busy."""
    job.bytes_wasted += len(event.payload)
    if event.request_id in job.request_ids and event.payload:
        job.chunks().alive(now)
    return []


def write(job: Job, event: ChunkResponse, now: int) -> Actions:
    """A chunk goes to the disk."""
    window = job.chunks()
    window.arrived(event.index, now)
    job.recovered = 0
    return [Write(job.kind, event.index * window.chunk_bytes, event.payload)]


def write_and_check(job: Job, event: ChunkResponse, now: int) -> Actions:
    """The last chunk; durable before DOWNLOADED is announced."""
    actions = write(job, event, now)
    job.ask_at = None
    _limit_reports(job, now)
    done = Persist(job.kind, "downloaded", {"size": job.offered().size})
    return [*actions, done, Report(job.kind, Status.DOWNLOADED), Check(job.offered())]


def _limit_reports(job: Job, now: int) -> None:
    job.must_end_at = now + ns(job.settings.request_deadline_s + job.settings.offline_limit_s)


def _repeat(job: Job, indices: list[int], reason: str) -> Actions:
    window = job.chunks()
    actions: Actions = []
    for index in indices:
        fields = {"kind": job.kind.word, "request_id": job.request_id, "index": index, "reason": reason}
        actions.append(Tell("retry", {**fields, "attempt": window.again(index)}))
    job.retries += len(indices)
    return actions


def ask_again(job: Job, _event: object, now: int) -> Actions:
    """Each late chunk once more."""
    return _repeat(job, job.chunks().overdue(now), f"no answer in {job.chunks().patience_ns / 1e9:g} s")


def ask_again_for_length(job: Job, event: ChunkResponse, now: int) -> Actions:
    """A chunk of the wrong length once more."""
    job.bytes_wasted += len(event.payload)
    expected = job.chunks().length(event.index)
    _take_out(job, event, now)
    return _repeat(job, [event.index], f"{len(event.payload)} bytes came, {expected} were expected")


def _take_out(job: Job, event: ChunkResponse, now: int) -> None:
    """The answer counts as a sign of life, though not as a chunk."""
    window = job.chunks()
    window.again(event.index)  # keeps the number of its attempt
    window.answered(event.index, now)


def take_new_request_id(job: Job, event: ChunkResponse, _now: int) -> Actions:
    """Empty before the end: a new request id makes the server load the image again."""
    return _new_id(job, [event.index], "empty before the end")


def recover_with_new_id(job: Job, _event: object, now: int) -> Actions:
    """Repeating did not help; the server may have forgotten what this id means."""
    return _new_id(job, job.chunks().overdue(now), "no answer to any repetition")


def _new_id(job: Job, indices: list[int], reason: str) -> Actions:
    actions = _repeat(job, indices, f"{reason}; new request id")
    job.recovered += 1
    job.request_id = None
    job.retries += len(job.chunks().in_flight)
    job.chunks().afresh()
    return actions


def recover_with_new_connection(job: Job, _event: object, now: int) -> Actions:
    """A new request id did not help; a new connection may."""
    late = job.chunks().overdue(now)
    actions = _repeat(job, late, "no answer under a new request id; new connection")
    job.recovered += 1
    _set_down(job)
    return [*actions, NewConnection(f"no answer to {job.kind.word} chunk {min(late)}, whatever was tried")]


def pause(job: Job, _event: ConnectionLost, _now: int) -> Actions:
    """The connection is gone: what was in flight will be asked for again, what is there stays."""
    _set_down(job)
    return []


def _set_down(job: Job) -> None:
    job.retries += len(job.chunks().in_flight)
    job.chunks().afresh()
    job.request_id, job.request_ids = None, []


def ask_smaller(job: Job, _event: object, _now: int) -> Actions:
    """Too large for this server: once more with a size that any server serves."""
    job.shrunk = True
    window = job.chunks()
    size = min(SMALL_CHUNK_BYTES, window.chunk_bytes // 2)
    fields = {"kind": job.kind.word, "request_id": job.request_id, "index": window.prefix, "attempt": 2}
    reason = f"PAYLOAD_TOO_LARGE at {window.chunk_bytes} bytes; {size} from now on"
    _set_down(job)
    job.chunk_limit = size
    job.window = window.resized(size)
    return [Tell("retry", {**fields, "reason": reason})]


def _doubt(job: Job, reason: str, now: int) -> Actions:
    """Attributes and bytes differ between QUEUED and dispatch: the attributes are read again before FAILED."""
    job.reason = reason
    job.ask_at = None
    _set_down(job)
    _limit_reports(job, now)
    return [AskAttributes()]


def doubt_the_size(job: Job, event: ChunkResponse, now: int) -> Actions:
    """The image seems to end before the announced size."""
    reason = (
        f"chunk {event.index} of {job.chunks().count} is empty under each of several request ids: the image is "
        f"shorter than the announced {job.offered().size} bytes, or the server lost it; upload it again"
    )
    return _doubt(job, reason, now)


def doubt_the_length(job: Job, event: ChunkResponse, now: int) -> Actions:
    """A chunk has the wrong length each time."""
    reason = (
        f"chunk {event.index} of {job.chunks().count} has {len(event.payload)} bytes each time it is asked for, "
        f"{job.chunks().length(event.index)} were expected: the announced size of {job.offered().size} bytes is "
        "wrong, or the server; upload the image again"
    )
    job.bytes_wasted += len(event.payload)
    return _doubt(job, reason, now)


def doubt_the_checksum(job: Job, event: ImageChecked, now: int) -> Actions:
    """The bytes are not those that were announced."""
    package = job.offered()
    reason = (
        f"{package.algorithm} of the {package.size} bytes received is {event.checksum}, announced is "
        f"{package.checksum}: the image was changed on its way or in the server; upload it again"
    )
    return _doubt(job, reason, now)


def report_verified(job: Job, event: ImageChecked, now: int) -> Actions:
    """The checksum over the whole image is right."""
    _limit_reports(job, now)
    return [Persist(job.kind, "verified", {"checksum": event.checksum}), Report(job.kind, Status.VERIFIED)]


def report_updating(job: Job, _event: object, now: int) -> Actions:
    """From here on the device may be away."""
    _limit_reports(job, now)
    return [Persist(job.kind, "updating"), Report(job.kind, Status.UPDATING)]


def _limit_install(job: Job, now: int) -> None:
    job.must_end_at = now + ns(job.settings.install_deadline_s)


def _limit_restart(job: Job, now: int) -> None:
    """Quiet first, then away; another kind's installer may have to end before the device goes down."""
    settings = job.settings
    job.must_end_at = now + ns(settings.offline_limit_s + settings.chunk_deadline_s + settings.install_deadline_s)


def _step(job: Job, step: str, **fields: object) -> Tell:
    return Tell("install", {"kind": job.kind.word, "step": step, **fields})


def install(job: Job, _event: object, now: int) -> Actions:
    """The image goes into the slot that does not run."""
    job.reason = f"install did not end in {job.settings.install_deadline_s:g} s; check the installer"
    _limit_install(job, now)
    return [_step(job, "install"), Install(job.offered())]


def restart_on_trial(job: Job, _event: Installed, now: int) -> Actions:
    """The device starts from the new slot; it may stay only if it reaches the server."""
    _limit_restart(job, now)
    on_trial = Persist(job.kind, "on_trial", job.offered().attributes())
    return [_step(job, "install", ok=True), on_trial, _step(job, "restart"), Restart(job.kind)]


def confirm(job: Job, _event: object, now: int) -> Actions:
    """The new image reached the server."""
    _limit_install(job, now)
    return [_step(job, "restart", ok=True), _step(job, "confirm"), Confirm(job.offered())]


def _roll_back(job: Job, failed: str, reason: str, now: int) -> Actions:
    job.reason = f"{reason}; rolled back to {' '.join(job.from_).strip() or 'what ran before'}"
    _limit_install(job, now)
    ended = _step(job, failed, ok=False, reason=reason)
    return [ended, Persist(job.kind, "rolling_back"), _step(job, "roll_back"), RollBack(job.offered())]


def _trial(job: Job) -> str:
    return "restart" if job.state.value == "RESTARTING" else "confirm"


def roll_back_for_step(job: Job, event: StepFailed, now: int) -> Actions:
    """The new image is not well."""
    return _roll_back(job, event.step, f"{event.step} failed: {event.reason}", now)


def roll_back_for_connection(job: Job, event: GaveUp, now: int) -> Actions:
    """The new image cannot reach the server."""
    return _roll_back(job, _trial(job), f"the new image did not reach the server: {event.reason}", now)


def roll_back_for_time(job: Job, _event: object, now: int) -> Actions:
    """The new image did not prove itself in time."""
    step = _trial(job)
    return _roll_back(job, step, f"{step} did not end in time", now)


def roll_back_as_stopped(job: Job, _event: object, now: int) -> Actions:
    """Stopped on trial: what is not confirmed does not stay."""
    return _roll_back(job, _trial(job), STOPPED, now)


def restart_old(job: Job, _event: object, now: int) -> Actions:
    """Back to the old image."""
    _limit_restart(job, now)
    return [_step(job, "roll_back", ok=True), _step(job, "restart"), Restart(job.kind)]
