"""How an update ends, each way with its outcome, its status and a reason a person can act on.

Effects of the rows of `machine.TABLE` that lead to ENDED, and the texts. A FAILED is reported with
`fw_error`; the image file goes when nothing needs it any more.
"""

from __future__ import annotations

from otakit.client.events import (
    ChunkRefused,
    Confirmed,
    GaveUp,
    NothingOffered,
    OfferUnusable,
    PackageOffered,
    Status,
    StepFailed,
)
from otakit.client.guards import TOO_LARGE
from otakit.client.job import Job, obstacle
from otakit.client.table import Actions
from otakit.client.vocabulary import Discard, Persist, Report, Tell
from otakit.protocol.package import Package

STOPPED = "stopped on the device before its end; run the update again"
WORDS = {
    "NOT_FOUND": "the server has no package for this device (NOT_FOUND): it was unassigned or deleted; assign one",
    "FAILURE": "the server cannot read the image (FAILURE): the package lies behind a URL or has lost its data; "
    "upload the image to ThingsBoard and assign that package",
    "UNKNOWN": "the server does not know this device any more (UNKNOWN): it was deleted; check it and its token",
    TOO_LARGE: "the server serves no chunk of {chunk_bytes} bytes (PAYLOAD_TOO_LARGE), smaller ones were tried; "
    "set a smaller chunk_bytes or raise NETTY_MAX_PAYLOAD_SIZE on the server",
}
"""`v2/fw/error` in full sentences (`MqttTransportHandler.sendOtaPackageError`)."""


def ended(job: Job, outcome: str, reason: str = "") -> Actions:
    """Closes the update's books; durable before anything is announced."""
    job.end(outcome, reason, job.package)
    job.request_id, job.request_ids = None, []
    fields = {"kind": job.kind.word, "outcome": outcome, "reason": reason}
    return [Persist(job.kind, "ended", {"outcome": outcome, "reason": reason}), Tell("update_ended", fields)]


def failed(job: Job, reason: str, *, discard: bool = True) -> Actions:
    """FAILED with its reason, told to the server too."""
    report = Report(job.kind, Status.FAILED, reason, job.running)
    return [*([Discard(job.kind)] if discard else []), *ended(job, "FAILED", reason), report]


def opened(job: Job, package: Package | None) -> Actions:
    """Opens the books of a new update; one under way is superseded by it."""
    actions: Actions = []
    if job.at_work:
        now_wanted = f"{package.title} {package.version}" if package is not None else "something else"
        actions = [Discard(job.kind), *ended(job, "SUPERSEDED", f"{now_wanted} was assigned in its place")]
    job.package, job.window, job.outcome, job.reason = package, None, None, ""
    job.request_id, job.request_ids, job.first_at = None, [], None
    job.must_end_at = job.ask_at = None
    job.recovered = job.reasked = job.retries = job.bytes_wasted = 0
    job.shrunk, job.from_ = False, job.running
    if package is not None:
        job.begun.append(package)
    return [*actions, Tell("update_began", _beginning(job, package))]


def _beginning(job: Job, package: Package | None) -> dict[str, object]:
    return {
        "kind": job.kind.word,
        "title": package.title if package is not None else "",
        "version": package.version if package is not None else "",
        "from_title": job.from_[0],
        "from_version": job.from_[1],
        "size": package.size if package is not None else None,
        "chunk_bytes": job.next_size(),
        "attempt": job.begun.count(package) if package is not None else 1,
    }


def end_as_current(job: Job, event: PackageOffered, _now: int) -> Actions:
    """What is assigned runs already: the server is told UPDATED, or its dashboard waits for ever."""
    actions = opened(job, event.package)
    reason = f"{event.package.title} {event.package.version} runs already"
    report = Report(job.kind, Status.UPDATED, current=job.running)
    return [*actions, *ended(job, "ALREADY_CURRENT", reason), report]


def refuse(job: Job, event: PackageOffered, _now: int) -> Actions:
    """A package that can never be had."""
    return [*opened(job, event.package), *failed(job, obstacle(event.package), discard=False)]


def refuse_one_more(job: Job, event: PackageOffered, _now: int) -> Actions:
    """The assignment changed more often than is followed."""
    times = len(job.begun)
    reason = f"the assignment changed {times} times while the device updated; let it rest, then update again"
    return [*opened(job, event.package), *failed(job, reason, discard=False)]


def end_without_package(job: Job, _event: object, _now: int) -> Actions:
    """Nothing is assigned, and nothing came while it was waited for."""
    key = f"{job.kind.value}_title"
    job.from_ = job.running
    job.end("NO_PACKAGE", f"no {job.kind.word} is assigned ({key} is not set)")
    return []


def forget_package(job: Job, _event: NothingOffered, _now: int) -> Actions:
    """Should the same package be assigned again, it is a new offer."""
    job.package = None
    return []


def end_as_unassigned(job: Job, _event: NothingOffered, _now: int) -> Actions:
    """The operator took the package back; what runs stays."""
    package = job.offered()
    reason = f"{package.title} {package.version} was unassigned during the update"
    actions: Actions = [Discard(job.kind), *ended(job, "UNASSIGNED", reason)]
    job.package = None
    return actions


def fail_for_nonsense(job: Job, event: OfferUnusable, _now: int) -> Actions:
    """Attributes that announce nothing usable."""
    began = [] if job.at_work else opened(job, None)
    return [*began, *failed(job, event.reason, discard=job.at_work)]


def fail_as_doubted(job: Job, _event: PackageOffered, _now: int) -> Actions:
    """The server was asked again and still means this package: the doubt was right."""
    return failed(job, job.reason)


def fail_for_time(job: Job, _event: object, _now: int) -> Actions:
    """The phase took longer than its bound."""
    reason = job.reason or f"{job.state.value} was not over within its bound; check the link, then update again"
    return failed(job, reason)


def fail_for_silence(job: Job, _event: object, now: int) -> Actions:
    """No answer to a chunk, whatever was tried."""
    window = job.chunks()
    late = window.overdue(now)
    asked = (job.settings.chunk_retries + 1) * (job.settings.recoveries + 1)
    reason = (
        f"no answer to chunk {min(late)} of {window.count}: asked {asked} times, {job.settings.chunk_deadline_s:g} s "
        "each, with a new request id and on new connections; check the server's log and the link"
    )
    return failed(job, reason)


def fail_for_word(job: Job, event: ChunkRefused, _now: int) -> Actions:
    """The server said why a chunk cannot be had."""
    size = job.window.chunk_bytes if job.window is not None else job.next_size()
    known = WORDS.get(event.word)
    reason = known.format(chunk_bytes=size) if known else f"the server refused a chunk with {event.word[:60]!r}"
    return failed(job, reason)


def fail_for_step(job: Job, event: StepFailed, _now: int) -> Actions:
    """The disk or the installer failed; what ran before still runs."""
    return failed(job, f"{event.step} failed: {event.reason}")


def fail_for_connection(job: Job, event: GaveUp, _now: int) -> Actions:
    """No connection could be had any more."""
    if not job.at_work:
        job.from_ = job.running
        job.end("FAILED", event.reason)
        return []
    return failed(job, event.reason)


def fail_as_stopped(job: Job, _event: object, _now: int) -> Actions:
    """Someone stopped the client in the middle."""
    return failed(job, STOPPED)


def end_as_stopped(job: Job, _event: object, _now: int) -> Actions:
    """Someone stopped the client before it knew of a package."""
    job.from_ = job.running
    job.end("FAILED", STOPPED)
    return []


def end_as_updated(job: Job, _event: Confirmed, _now: int) -> Actions:
    """The installer confirmed: only now is it true."""
    package = job.offered()
    job.running = (package.title, package.version)
    confirmed = Tell("install", {"kind": job.kind.word, "step": "confirm", "ok": True})
    report = Report(job.kind, Status.UPDATED, current=job.running)
    return [confirmed, Discard(job.kind), *ended(job, "UPDATED"), report]


def fail_rolled_back(job: Job, _event: object, _now: int) -> Actions:
    """The old image runs again."""
    return failed(job, job.reason)


def fail_unrolled(job: Job, event: StepFailed, _now: int) -> Actions:
    """Not even the way back worked."""
    return failed(job, f"{job.reason}; then {event.step} failed: {event.reason}")


def fail_unrolled_in_time(job: Job, _event: object, _now: int) -> Actions:
    """The way back did not end."""
    return failed(job, f"{job.reason}; then roll_back did not end in {job.settings.install_deadline_s:g} s")
