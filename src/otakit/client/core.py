"""Connection and jobs as one thing that hears events and asks for actions; time is an argument.

Pure: the driver, the stepping lessons and the simulated world each carry out what it asks for. Knows who
hears what, what an error word that names no kind means, when the device may restart and when all is
over. Questions go out through `Gate`: all at once in a run, one for each step when stepping, with the
clock standing still in between.
"""

from __future__ import annotations

from collections.abc import Mapping

from otakit.client import connection as line
from otakit.client import machine, talk
from otakit.client.asking import Asking
from otakit.client.channel import FACED, Connection, Phase
from otakit.client.events import (
    Acknowledged,
    ChunkRefused,
    ConnectionLost,
    DeadlinePassed,
    JobEvent,
    NothingOffered,
    PackageOffered,
    Reported,
    StopAsked,
    Subscribed,
)
from otakit.client.gate import Gate, answer_key, question_key
from otakit.client.job import Job, State
from otakit.client.outbox import Outbox
from otakit.client.settings import Settings, ns
from otakit.client.vocabulary import (
    Action,
    AskAttributes,
    Disconnect,
    Event,
    NewConnection,
    Outcome,
    Pass,
    Progress,
    Report,
    Restart,
    Tell,
    Write,
)
from otakit.protocol.messages import ChunkResponse, Kind, OtaError

TRIAL = (State.RESTARTING, State.CONFIRMING)
BUSY = (State.INSTALLING, State.CONFIRMING, State.ROLLING_BACK)
"""A restart now would cut a step of the installer in the middle, or undo a trial."""
RESTARTS = "the device restarts"


class Core:
    """The whole client without a wire and without a disk.

    Args:
        settings: how it behaves.
        running: title and version that run, for each kind of which something runs.
        stepping: questions go out only by `let_one_go`, and time stands still until then.

    Attributes:
        finished: nothing is left to do; the last `Disconnect` was given.
    """

    def __init__(self, settings: Settings, running: Mapping[Kind, tuple[str, str]], *, stepping: bool = False) -> None:
        self.settings = settings
        self.jobs = {kind: Job(kind, settings, running.get(kind, ("", ""))) for kind in settings.kinds}
        self.connection = Connection(settings)
        self.outbox = Outbox(settings)
        self.asking = Asking(settings, self.connection, self.outbox, self.jobs)
        self.gate = Gate(stepping=stepping)
        self.finished = False
        self._offers: dict[Kind, PackageOffered] = {}
        self._restarts: list[Kind] = []
        self._restart_by = 0
        self._stopping = False
        self._passed = 0
        self._wall = 0

    # what the edges call

    def hear(self, event: Event, at_ns: int) -> list[Action]:
        """Something happened.

        Args:
            event: what; what became of an action comes back this way too.
            at_ns: UTC, nanoseconds; never backwards.

        Returns:
            What to carry out, in order.
        """
        now, self._wall, out = self.gate.now(at_ns), at_ns, list[Action]()
        if type(event) is ChunkResponse:
            self._chunk(event, now, out)
        elif not self.finished:
            self._route(event, now, out)
        self._pump(now, out)
        return out

    def let_one_go(self, at_ns: int) -> list[Action]:
        """Stepping: time goes on, and one question may go out."""
        out = list[Action]()
        self.gate.open(at_ns)
        self._wall = at_ns
        self._pump(self.gate.now(at_ns), out)
        return out

    def stand_still(self, at_ns: int) -> None:
        """Stepping: the exchange is over, the update's clock stops until the next `let_one_go`."""
        self.gate.stop(at_ns)

    @property
    def wake_at(self) -> int | None:
        """When `DeadlinePassed` shall be heard, on the caller's clock; None: never, or time stands still."""
        if self.gate.stands_still or self.finished:
            return None
        times = [self.connection.wake_at, self.outbox.wake_at, self.gate.due_at]
        times += [job.wake_at for job in self.jobs.values()]
        waits = [self._restart_by if self._restarts else None, self._lingers_until() if self._all_ended() else None]
        waits.append(self.outbox.speaks_at)
        # what was heard to have passed waits for something else now: an acknowledgement, an installer
        times += [time for time in waits if time is not None and time > self._passed]
        known = [time for time in times if time is not None]
        return min(known) + self.gate.stood_ns if known else None

    def outcomes(self) -> dict[Kind, Outcome]:
        """The last outcome of each kind that has one."""
        return {kind: job.outcome for kind, job in self.jobs.items() if job.outcome is not None}

    def progress(self, kind: Kind, at_ns: int) -> Progress:
        """Where an update stands."""
        return self.jobs[kind].progress(self.gate.now(at_ns))

    # who hears what

    def _chunk(self, event: ChunkResponse, now: int, out: list[Action]) -> None:
        """The way that is walked ten thousand times a second."""
        if self.gate.stepping:
            self.gate.answered(("chunk", event.kind, event.request_id, event.index))
        job = self.jobs.get(event.kind)
        if job is None:
            return
        if job.state is not State.DOWNLOADING:
            self._job(job, event, now, out)
            return
        _, actions = machine.step(job, event, now)
        if actions:
            self._carry(actions, now, out)
            if type(actions[0]) is Write:
                self.connection.losses = 0

    def _route(self, event: Event, now: int, out: list[Action]) -> None:
        self.gate.answered(answer_key(event))
        match event:
            case Acknowledged():
                self._acknowledged(event, now, out)
            case DeadlinePassed():
                self._deadline(event, now, out)
            case OtaError():
                self._blame(event, now, out)
            case StopAsked():
                self._stop(now, out)
            case _ if (kind := getattr(event, "kind", None)) in self.jobs:
                self._job(self.jobs[kind], event, now, out)
            case _:
                self._line(event, now, out)

    def _line(self, event: Event, now: int, out: list[Action]) -> None:
        before = self.connection.phase
        _, actions = line.step(self.connection, event, now)
        if isinstance(event, Subscribed) and self.connection.phase is not before:
            self._report_current()
        self._carry(actions, now, out)
        if (limit := self.connection.chunk_limit) is not None:
            for job in self.jobs.values():
                job.chunk_limit = min(limit, job.chunk_limit or limit)

    def _report_current(self) -> None:
        """What runs is said on each connection; what is on trial is not said before it is confirmed."""
        running = {kind: job.running for kind, job in self.jobs.items() if job.state not in TRIAL}
        if values := talk.current(running):
            self.outbox.put(values, self._wall)

    def _job(self, job: Job, event: Event, now: int, out: list[Action]) -> None:
        if isinstance(event, PackageOffered):
            self._offers[job.kind] = event
        elif isinstance(event, NothingOffered):
            self._offers.pop(job.kind, None)
        before = job.state
        _, actions = machine.step(job, event, now)
        self._carry(actions, now, out)
        latest = self._offers.get(job.kind)
        if before is not State.ENDED and job.state is State.ENDED and latest is not None and not self._stopping:
            self._job(job, latest, now, out)  # what was assigned while the device installed is taken up now

    def _acknowledged(self, event: Acknowledged, now: int, out: list[Action]) -> None:
        self.gate.acknowledged(event.token)
        report = self.outbox.acknowledged(event.token, now)
        if report is not None:
            self._job(self.jobs[report.kind], Reported(report.status), now, out)
        elif self.connection.phase is Phase.ASKING_LIMITS:
            self._line(event, now, out)

    def _deadline(self, event: DeadlinePassed, now: int, out: list[Action]) -> None:
        self._passed = now
        self.gate.passed(now)
        if _due(self.connection.wake_at, now):
            self._line(event, now, out)
        for report in self.outbox.overdue(now):
            self._job(self.jobs[report.kind], Reported(report.status), now, out)
        for job in self.jobs.values():
            if _due(job.wake_at, now):
                self._job(job, event, now, out)

    def _blame(self, event: OtaError, now: int, out: list[Action]) -> None:
        """The word does not say whose it is; with both in flight they go one at a time from now on."""
        asking = [job for job in self.asking.downloading() if job.chunks().in_flight]
        if len(asking) == 1:
            self._job(asking[0], ChunkRefused(event.word), now, out)
        elif asking:
            self.asking.one_at_a_time = True

    def _stop(self, now: int, out: list[Action]) -> None:
        self._stopping = True
        self.gate.release(self._wall)
        for job in self.jobs.values():
            self._job(job, StopAsked(), now, out)

    def _carry(self, actions: list[Action], now: int, out: list[Action]) -> None:
        for action in actions:
            match action:
                case Write():
                    out.append(action)
                case Report():
                    self.outbox.put_report(action, self._wall)
                case AskAttributes() | NewConnection():
                    self._line(action, now, out)
                case Restart():
                    self._restarts.append(action.kind)
                    self._restart_by = now + ns(self.settings.chunk_deadline_s)
                    self.asking.held = True
                case Pass():
                    self._pass(action.event, action.kind, now, out)
                case _:
                    out.append(action)

    def _pass(self, event: JobEvent, kind: Kind | None, now: int, out: list[Action]) -> None:
        if isinstance(event, ConnectionLost):
            self.outbox.connection_lost()
            self.gate.lost()
        for job in self.jobs.values():
            if kind in (None, job.kind):
                self._job(job, event, now, out)

    # what goes out

    def _pump(self, now: int, out: list[Action]) -> None:
        """Lets out all questions that may go; a restart and the end come when there is none."""
        while self.gate.is_open and not self.finished:
            question = self.asking.next(now) or self._parting(now, out)
            if question is None:
                return
            if self.gate.stepping:
                self.gate.asked(question, question_key(question), self.asking.due_of(question, now))
            if not isinstance(question, Disconnect):
                out.append(question)

    def _parting(self, now: int, out: list[Action]) -> Disconnect | None:
        """A restart once all is quiet, or the end once all is said; gives the DISCONNECT that went out for it."""
        if self._restarts and not self._busy() and (self._quiet() or now >= self._restart_by):
            return self._restart(now, out)
        if self._restarts or not self._all_ended():
            return None
        if self.connection.phase is Phase.CLOSED:
            self.outbox.abandon()
            self.finished = True
            return None
        if not self.outbox.empty or self.connection.waits or now < (self._lingers_until() or 0):
            return None
        self.finished = True
        return self._goodbye("the update is over", out)

    def _goodbye(self, reason: str, out: list[Action]) -> Disconnect | None:
        if self.connection.phase not in FACED:
            return None
        out.append(Disconnect(reason))
        return Disconnect(reason)

    def _busy(self) -> bool:
        return any(job.state in BUSY for job in self.jobs.values())

    def _quiet(self) -> bool:
        return self.outbox.empty and not any(job.chunks().expects for job in self.asking.downloading())

    def _restart(self, now: int, out: list[Action]) -> Disconnect | None:
        """DISCONNECT, restart, and a new connection; what the other kind has is kept."""
        kinds, self._restarts = self._restarts, []
        self.asking.held = False
        parting = self._goodbye(RESTARTS, out)
        out.append(Tell("connection_lost", {"reason": RESTARTS}))
        self._pass(ConnectionLost(RESTARTS), None, now, out)
        out.append(Restart(kinds[0]))  # one for both kinds: a second would end the trial of the first
        self._line(Restart(kinds[0]), now, out)
        return parting

    def _all_ended(self) -> bool:
        return all(job.outcome is not None and not job.at_work for job in self.jobs.values())

    def _lingers_until(self) -> int | None:
        """An assignment may be on its way while the attributes still tell of the one before."""
        updated = any(outcome.outcome == "UPDATED" for job in self.jobs.values() for outcome in job.history)
        if updated or self._stopping or self.connection.answered_at is None:
            return None
        return self.connection.answered_at + ns(self.settings.offer_wait_s)


def _due(at: int | None, now: int) -> bool:
    return at is not None and at <= now
