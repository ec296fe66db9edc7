"""The table of what lies under both updates: connect, subscribe, limits, attributes, ready, and again.

Knows the order in which ThingsBoard must be spoken to (SUBSCRIBE, SUBACK, then request: an answered
attributes request proves that the subscription is in force), and when a connection is given up. Refuses
to know updates: it passes on what is offered. Pure; a state *wants* a question, `core` lets it go out
and says when. Called by `core` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from otakit.client import talk
from otakit.client.events import (
    Acknowledged,
    ConnectionLost,
    DeadlinePassed,
    GaveUp,
    Opened,
    Refused,
    Resumed,
    Started,
    Subscribed,
)
from otakit.client.settings import Settings, ns
from otakit.client.table import Actions, Row, always, each, index_of, nothing, row_for
from otakit.client.vocabulary import AskAttributes, Disconnect, Event, NewConnection, Pass, Restart, Tell
from otakit.protocol.messages import AttributesResponse, AttributesUpdate, RpcResponse


class Phase(Enum):
    """Where the connection stands."""

    AWAY = "AWAY"
    CONNECTING = "CONNECTING"
    SUBSCRIBING = "SUBSCRIBING"
    ASKING_LIMITS = "ASKING_LIMITS"
    ASKING = "ASKING"
    READY = "READY"
    CLOSED = "CLOSED"


P = Phase
FACED = (P.SUBSCRIBING, P.ASKING_LIMITS, P.ASKING, P.READY)
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
        seconds = {P.CONNECTING: self.settings.connect_deadline_s, P.ASKING_LIMITS: self.settings.limits_deadline_s}
        self.due_at = now + ns(seconds.get(self.phase, self.settings.request_deadline_s))
        if self.phase is P.ASKING_LIMITS:
            self.limits_asked = True
        if self.phase in (P.ASKING, P.READY):
            self.asked += 1


# ── guards ───────────────────────────────────────────────────────────────────────────────────────


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


# ── effects ──────────────────────────────────────────────────────────────────────────────────────


def want(it: Connection, _event: object, _now: int) -> Actions:
    """The question of the phase that begins shall go out."""
    it.wanted, it.due_at, it.retry_at = True, None, None
    return []


def start(it: Connection, event: object, now: int) -> Actions:
    """The first connection, or the one after a restart."""
    it.offline_since, it.losses, it.asked, it.fault = now, 0, 0, ""
    return want(it, event, now)


def open_up(it: Connection, event: Opened, now: int) -> Actions:
    """The server accepted us."""
    it.opened = True
    it.asked = 0
    return want(it, event, now)


def note_codes(it: Connection, event: Subscribed, now: int) -> Actions:
    """A refused filter is noted; ThingsBoard sends answers without any subscription."""
    refused = talk.refused_filters(it.settings, event.codes)
    return [*refused, *want(it, event, now)]


def take_limits(it: Connection, event: RpcResponse, now: int) -> Actions:
    """The server's limits; what makes no sense is as if it had not come."""
    it.chunk_limit = talk.payload_limit(event.body)
    return want(it, event, now)


def take_answer(it: Connection, event: AttributesResponse, now: int) -> Actions:
    """What is assigned, for each kind."""
    it.due_at, it.asked, it.answered_at = None, 0, now
    return [Pass(offer, kind) for kind, offer in talk.offers(it.settings.kinds, event.body)]


def become_ready(it: Connection, event: AttributesResponse, now: int) -> Actions:
    """The connection can be used."""
    it.offline_since = None
    return [*take_answer(it, event, now), Pass(Resumed())]


def ask_again(it: Connection, event: object, now: int) -> Actions:
    """The attributes once more, under a new request id."""
    it.attributes_id = None
    return want(it, event, now)


def _away(it: Connection, reason: str, now: int) -> Actions:
    """Pause, then try again; the pause doubles."""
    it.retry_at = now + min(ns(it.settings.reconnect_delay_s) << it.losses, ns(8.0))
    it.losses += 1
    it.wanted, it.due_at, it.attributes_id, it.fault = False, None, None, reason
    it.offline_since = now if it.offline_since is None else it.offline_since
    return [Tell("connection_lost", {"reason": reason}), Pass(ConnectionLost(reason))]


def lose(it: Connection, event: ConnectionLost, now: int) -> Actions:
    """The connection is gone."""
    return _away(it, event.reason, now)


def replace(it: Connection, event: NewConnection, now: int) -> Actions:
    """A job found this connection of no use."""
    return [Disconnect(event.reason), *_away(it, event.reason, now)]


def _close(it: Connection, reason: str) -> Actions:
    it.wanted, it.due_at, it.retry_at, it.offline_since, it.attributes_id = False, None, None, None, None
    it.fault = reason
    return [Tell("connection_lost", {"reason": reason}), Pass(ConnectionLost(reason)), Pass(GaveUp(reason))]


def give_up(it: Connection, event: ConnectionLost | Refused | NewConnection, _now: int) -> Actions:
    """No further attempt."""
    tries = f" (connection {it.losses + 1} in a row without progress)" if it.losses else ""
    parting = [Disconnect(event.reason)] if isinstance(event, NewConnection) else []
    return [*parting, *_close(it, f"{event.reason}{tries}")]


def replace_silent(it: Connection, _event: object, now: int) -> Actions:
    """The server accepted us and answers no more."""
    reason = talk.silence(it.phase.value, it.settings)
    return [Disconnect(reason, orderly=False), *_away(it, reason, now)]


def give_up_silent(it: Connection, _event: object, _now: int) -> Actions:
    """The server does not answer, and that was the last attempt."""
    reason = talk.silence(it.phase.value, it.settings)
    return [Disconnect(reason, orderly=False), *_close(it, reason)]


def give_up_offline(it: Connection, _event: object, _now: int) -> Actions:
    """The time is up."""
    last = it.fault or talk.silence(it.phase.value, it.settings)
    reason = f"no usable connection for {it.settings.offline_limit_s:g} s; last: {last}"
    parting = [] if it.phase is P.AWAY else [Disconnect(reason, orderly=False)]
    return [*parting, *_close(it, reason)]


TABLE: tuple[Row[Connection], ...] = (
    #   in phase          hears               when                    goes to          and does
    Row(P.AWAY,           Started,            always,                 P.CONNECTING,    start),
    Row(P.AWAY,           DeadlinePassed,     is_offline_too_long,    P.CLOSED,        give_up_offline),
    Row(P.AWAY,           DeadlinePassed,     is_time,                P.CONNECTING,    want),
    Row(P.CONNECTING,     Opened,             always,                 P.SUBSCRIBING,   open_up),
    Row(P.CONNECTING,     Refused,            always,                 P.CLOSED,        give_up),
    *each((P.CONNECTING, *FACED), lambda phase: (
        Row(phase,        ConnectionLost,     may_retry,              P.AWAY,          lose),
        Row(phase,        ConnectionLost,     always,                 P.CLOSED,        give_up),
        Row(phase,        DeadlinePassed,     is_offline_too_long,    P.CLOSED,        give_up_offline),
    )),
    Row(P.SUBSCRIBING,    Subscribed,         asks_limits,            P.ASKING_LIMITS, note_codes),
    Row(P.SUBSCRIBING,    Subscribed,         always,                 P.ASKING,        note_codes),
    Row(P.ASKING_LIMITS,  RpcResponse,        always,                 P.ASKING,        take_limits),
    Row(P.ASKING_LIMITS,  Acknowledged,       was_refused,            P.ASKING,        want),
    Row(P.ASKING_LIMITS,  DeadlinePassed,     is_late,                P.ASKING,        want),
    Row(P.ASKING,         AttributesResponse, is_newest,              P.READY,         become_ready),
    Row(P.READY,          AttributesResponse, is_newest,              P.READY,         take_answer),
    *each((P.ASKING, P.READY), lambda phase: (
        Row(phase,        AttributesUpdate,   is_about_us,            phase,           ask_again),
        Row(phase,        DeadlinePassed,     is_late_and_may_repeat, phase,           ask_again),
    )),
    Row(P.READY,          AskAttributes,      always,                 P.READY,         ask_again),
    *each((P.CONNECTING, P.SUBSCRIBING, P.ASKING, P.READY), lambda phase: (
        Row(phase,        DeadlinePassed,     is_late_and_may_retry,  P.AWAY,          replace_silent),
        Row(phase,        DeadlinePassed,     is_late,                P.CLOSED,        give_up_silent),
    )),
    Row(P.READY,          NewConnection,      may_retry,              P.AWAY,          replace),
    Row(P.READY,          NewConnection,      always,                 P.CLOSED,        give_up),
    *each(tuple(P), lambda phase: (
        Row(phase,        Restart,            always,                 P.CONNECTING,    start),
    )),
)  # fmt: skip
INDEX = index_of(TABLE)

__all__ = ["INDEX", "TABLE", "Connection", "Phase", "nothing", "step"]


def step(it: Connection, event: Event, now: int) -> tuple[Connection, Actions]:
    """Lets the connection hear an event; it is changed in place.

    Args:
        it: the connection.
        event: what happened; what no row hears changes nothing.
        now: nanoseconds of the update's clock.
    """
    row = row_for(INDEX, it, it.phase, event, now)
    if row is None:
        return it, []
    actions = row.does(it, event, now)
    it.phase = Phase(row.goes_to)
    return it, actions
