"""The table of what lies under both updates: connect, subscribe, limits, attributes, ready, and again.

Knows the order in which ThingsBoard must be spoken to (SUBSCRIBE, SUBACK, then request: an answered
attributes request proves that the subscription is in force), and when a connection is given up. Refuses
to know updates: it passes on what is offered. Pure; a state *wants* a question, `core` lets it go out
and says when. Called by `core` only.
"""

from __future__ import annotations

from otakit.client import talk
from otakit.client.channel import (
    FACED,
    Connection,
    Phase,
    asks_limits,
    is_about_us,
    is_late,
    is_late_and_may_repeat,
    is_late_and_may_retry,
    is_newest,
    is_offline_too_long,
    is_time,
    may_retry,
    was_refused,
)
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
from otakit.client.settings import ns
from otakit.client.table import Actions, Row, always, each, index_of, row_for
from otakit.client.vocabulary import AskAttributes, Disconnect, Event, NewConnection, Pass, Restart, Tell
from otakit.protocol.messages import AttributesResponse, AttributesUpdate, RpcResponse

P = Phase


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
