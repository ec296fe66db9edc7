"""The state of the connection under both updates, and the questions that its table's guards ask about it.

Holds and answers; refuses to decide: that is the table's business in `connection`. Times are nanoseconds
of the update's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from otakit.client import talk
from otakit.client.events import Acknowledged, DeadlinePassed, Subscribed
from otakit.client.settings import Settings, ns
from otakit.protocol.messages import AttributesResponse, AttributesUpdate


class Phase(Enum):
    """Where the connection stands."""

    AWAY = "AWAY"
    CONNECTING = "CONNECTING"
    SUBSCRIBING = "SUBSCRIBING"
    ASKING_LIMITS = "ASKING_LIMITS"
    ASKING = "ASKING"
    READY = "READY"
    CLOSED = "CLOSED"


FACED = (Phase.SUBSCRIBING, Phase.ASKING_LIMITS, Phase.ASKING, Phase.READY)
"""The server has accepted us."""


@dataclass(slots=True)
class Connection:
    """The connection of a device, over all its renewals.

    Attributes:
        wanted: the question of this phase shall go out.
        due_at: when its answer is late.
        retry_at: when the next attempt begins.
        offline_since: since when there is no usable connection; None while there is one.
        losses: connections lost in a row without progress.
        opened: the server accepted us at least once.
        limits_asked: ``getSessionLimits`` was asked in this run.
        chunk_limit: ``maxPayloadSize``, when the server said so.
        attributes_id: request id of the newest attributes request; older answers do not count.
        asked: attributes requests without an answer in a row.
        answered_at: when attributes last came.
        fault: why there is no connection, in one sentence.
    """

    settings: Settings
    phase: Phase = Phase.AWAY
    wanted: bool = False
    due_at: int | None = None
    retry_at: int | None = None
    offline_since: int | None = None
    losses: int = 0
    opened: bool = False
    limits_asked: bool = False
    chunk_limit: int | None = None
    attributes_id: int | None = None
    asked: int = 0
    answered_at: int | None = None
    fault: str = ""

    @property
    def wake_at(self) -> int | None:
        """When this connection next needs `DeadlinePassed`."""
        times = [self.due_at, self.retry_at if self.phase is Phase.AWAY else None, self.gives_up_at]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    @property
    def gives_up_at(self) -> int | None:
        """When the time without a usable connection becomes too long."""
        if self.offline_since is None or self.phase is Phase.CLOSED:
            return None
        return self.offline_since + ns(self.settings.offline_limit_s)

    @property
    def waits(self) -> bool:
        """Whether a question of this connection is out."""
        return self.due_at is not None

    def asks(self, now: int) -> None:
        """The wanted question goes out now."""
        self.wanted = False
        seconds = {
            Phase.CONNECTING: self.settings.connect_deadline_s,
            Phase.ASKING_LIMITS: self.settings.limits_deadline_s,
        }
        self.due_at = now + ns(seconds.get(self.phase, self.settings.request_deadline_s))
        if self.phase is Phase.ASKING_LIMITS:
            self.limits_asked = True
        if self.phase in (Phase.ASKING, Phase.READY):
            self.asked += 1


def is_late(it: Connection, _event: DeadlinePassed, now: int) -> bool:
    """The answer to this phase's question did not come in time."""
    return it.due_at is not None and now >= it.due_at


def may_retry(it: Connection, _event: object, _now: int) -> bool:
    """Another connection may be made: one worked before, and not too many were lost in a row."""
    return it.opened and it.losses < it.settings.reconnects


def is_late_and_may_retry(it: Connection, event: DeadlinePassed, now: int) -> bool:
    """Both."""
    return is_late(it, event, now) and may_retry(it, event, now)


def is_late_and_may_repeat(it: Connection, event: DeadlinePassed, now: int) -> bool:
    """The attributes may be asked for once more on this connection."""
    return is_late(it, event, now) and it.asked <= it.settings.request_retries


def is_offline_too_long(it: Connection, _event: DeadlinePassed, now: int) -> bool:
    """No usable connection for the longest time that is allowed."""
    return it.gives_up_at is not None and now >= it.gives_up_at


def is_time(it: Connection, _event: DeadlinePassed, now: int) -> bool:
    """The pause before the next attempt is over."""
    return it.retry_at is not None and now >= it.retry_at


def asks_limits(it: Connection, _event: Subscribed, _now: int) -> bool:
    """The limits are asked for once in a run."""
    return it.settings.check_limits and not it.limits_asked


def is_newest(it: Connection, event: AttributesResponse, _now: int) -> bool:
    """Only the newest request counts: an older answer may hold an older package."""
    return event.request_id == it.attributes_id


def was_refused(it: Connection, event: Acknowledged, _now: int) -> bool:
    """MQTT 5 says that the limits request is of no use."""
    return event.code >= 0x80 and it.waits


def is_about_us(it: Connection, event: AttributesUpdate, _now: int) -> bool:
    """A package was assigned, changed or taken away; all other attributes change nothing."""
    return talk.concerns(it.settings.kinds, event.body)
