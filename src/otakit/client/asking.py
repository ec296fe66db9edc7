"""Which question goes out next: the connection's, a status, or a chunk of one of the jobs.

Knows the numbers that must never repeat (tokens, request ids over both kinds) and who may ask for chunks
when an error word was unclear; refuses to hear anything. A deadline begins when its question goes out.
Called by `core`, once for each question.
"""

from __future__ import annotations

from dataclasses import dataclass

from otakit.client import talk
from otakit.client.channel import Connection, Phase
from otakit.client.job import Job, State
from otakit.client.outbox import Outbox
from otakit.client.settings import Settings, ns
from otakit.client.vocabulary import Action, Connect, Send, Subscribe
from otakit.protocol.messages import ChunkRequest, Kind

PACKET_QOS = 1
"""Of telemetry, attribute and limits requests: PUBACK says that the server has them."""


@dataclass(slots=True)
class Asking:
    """All that may go out.

    Attributes:
        chunk_ids: the last chunk request id: ThingsBoard binds one to a package for as long as the connection
            lives, whatever its kind (`MqttTransportHandler`), so each image gets a new one.
        one_at_a_time: an error word came with both kinds in flight: unproven request ids go alone from now on.
        held: a restart is near, no chunk is asked for.
    """

    settings: Settings
    connection: Connection
    outbox: Outbox
    jobs: dict[Kind, Job]
    tokens: int = 0
    attribute_ids: int = 0
    chunk_ids: int = 0
    one_at_a_time: bool = False
    held: bool = False

    def next(self, now: int) -> Action | None:
        """The next question, out from now on; None when nothing may be asked."""
        it = self.connection
        phase = it.phase
        if phase is Phase.READY or phase is Phase.ASKING:
            if self.outbox.waiting and (message := self.outbox.next(now, self.tokens + 1)) is not None:
                return self._send(message, PACKET_QOS)
            if it.wanted:
                return self._line(now)
            return self._chunk(now) if phase is Phase.READY and not self.held else None
        return self._line(now) if it.wanted else None

    def _send(self, message: talk.Said, qos: int) -> Send:
        self.tokens += 1
        return Send(message, qos, self.tokens)

    def _line(self, now: int) -> Action:
        it = self.connection
        it.asks(now)
        match it.phase:
            case Phase.CONNECTING:
                return Connect()
            case Phase.SUBSCRIBING:
                return Subscribe(talk.filters(self.settings))
            case Phase.ASKING_LIMITS:
                return self._send(talk.limits_request(1), PACKET_QOS)
            case _:
                self.attribute_ids += 1
                it.attributes_id = self.attribute_ids
                return self._send(talk.attributes_request(self.attribute_ids, self.settings.kinds), PACKET_QOS)

    def _chunk(self, now: int) -> Send | None:
        for job in self._may_ask():
            request = job.question(now, self.chunk_ids + 1)
            if request is not None:
                self.chunk_ids = max(self.chunk_ids, request.request_id)
                return self._send(request, self.settings.chunk_qos)
        return None

    def downloading(self) -> list[Job]:
        """The jobs that fetch chunks now."""
        return [job for job in self.jobs.values() if job.state is State.DOWNLOADING]

    def _may_ask(self) -> list[Job]:
        """Fewest in flight first."""
        jobs = self.downloading()
        if len(jobs) < 2:
            return jobs
        flying = {job.kind: len(job.chunks().in_flight) for job in jobs}
        if self.one_at_a_time and (unproven := [job for job in jobs if job.chunks().alone]):
            alone = next((job for job in unproven if flying[job.kind]), unproven[0])
            others = any(flying[job.kind] for job in jobs if job is not alone)
            return [] if others else [alone]
        return sorted(jobs, key=lambda job: flying[job.kind])

    def due_of(self, question: Action, now: int) -> int | None:
        """When the exchange of a question that went out just now is over without an answer."""
        if isinstance(question, Send) and isinstance(question.message, ChunkRequest):
            return now + self.jobs[question.message.kind].chunks().patience_ns
        if isinstance(question, Send | Connect | Subscribe):
            return self.connection.due_at or now + ns(self.settings.request_deadline_s)
        return None
