"""The table under both updates: each phase's question, its answer, its deadline, and giving up."""

from __future__ import annotations

from typing import Any

import pytest

from otakit.client import connection
from otakit.client.channel import Connection, Phase
from otakit.client.events import (
    Acknowledged,
    ConnectionLost,
    DeadlinePassed,
    GaveUp,
    Opened,
    PackageOffered,
    Refused,
    Resumed,
    Started,
    Subscribed,
)
from otakit.client.settings import Settings, ns
from otakit.client.vocabulary import AskAttributes, Disconnect, NewConnection, Pass, Restart, Tell
from otakit.protocol.messages import AttributesResponse, AttributesUpdate, Kind, RpcResponse

EVENTS: list[Any] = [
    Started(),
    Opened(),
    Refused("no"),
    ConnectionLost("gone"),
    Subscribed((1, 1)),
    Acknowledged(1, 0x87),
    DeadlinePassed(),
    RpcResponse(1, {}),
    AttributesResponse(1, {}),
    AttributesUpdate({"fw_title": "x"}),
    AskAttributes(),
    NewConnection("of no use"),
    Restart(Kind.FIRMWARE),
]
WAY: list[Any] = [Started(), Opened(), Subscribed((1,)), RpcResponse(1, {}), AttributesResponse(1, {})]
PHASES = [Phase.AWAY, Phase.CONNECTING, Phase.SUBSCRIBING, Phase.ASKING_LIMITS, Phase.ASKING, Phase.READY]


def at(phase: Phase, **settings: Any) -> Connection:
    """A connection that came to a phase in good health; its question is out."""
    it = Connection(Settings(**settings))
    for event in WAY[: PHASES.index(phase)]:
        connection.step(it, event, 0)
        it.asks(0)
        it.attributes_id = 1
    assert it.phase is phase
    return it


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_phase_hears_every_event_without_an_exception(phase: Phase, event: Any) -> None:
    """What no row hears changes nothing."""
    it = at(phase)
    heard = {(row.state, row.hears) for row in connection.TABLE}
    _, actions = connection.step(it, event, 1)
    if (phase, type(event)) not in heard:
        assert (it.phase, actions) == (phase, [])


@pytest.mark.parametrize("phase", [Phase.CONNECTING, Phase.SUBSCRIBING, Phase.ASKING_LIMITS, Phase.ASKING])
def test_no_phase_waits_for_ever(phase: Phase) -> None:
    """Each question has its deadline; after it the phase is another one, or the question goes out again."""
    it = at(phase)
    assert it.wake_at is not None
    connection.step(it, DeadlinePassed(), it.wake_at)
    assert it.phase is not phase or it.wanted


def test_ready_passes_the_offers_on_then_says_that_work_may_go_on() -> None:
    """In this order: what is assigned is known before a download resumes."""
    it = at(Phase.ASKING)
    body = {
        "shared": {
            "fw_title": "pump",
            "fw_version": "1",
            "fw_size": 3,
            "fw_checksum": "00",
            "fw_checksum_algorithm": "MD5",
        }
    }
    _, actions = connection.step(it, AttributesResponse(1, body), 1)
    passed = [action for action in actions if isinstance(action, Pass)]
    assert isinstance(passed[0].event, PackageOffered)
    assert isinstance(passed[-1].event, Resumed)


def test_the_pause_before_a_new_connection_doubles_up_to_eight_seconds() -> None:
    """A server that comes back is not stormed."""
    it, pauses = at(Phase.READY, reconnects=9, offline_limit_s=999), list[int]()
    for _ in range(7):
        connection.step(it, ConnectionLost("gone"), 0)
        pauses.append(it.retry_at or 0)
        connection.step(it, DeadlinePassed(), it.retry_at or 0)
    assert pauses == [ns(each) for each in (0.5, 1, 2, 4, 8, 8, 8)]


def test_a_connection_that_never_worked_is_not_tried_again() -> None:
    """A wrong port stays wrong: the person is told at once."""
    it = at(Phase.CONNECTING)
    _, actions = connection.step(it, ConnectionLost("refused"), 1)
    assert it.phase is Phase.CLOSED
    assert Pass(GaveUp("refused")) in actions


def test_too_many_losses_in_a_row_are_given_up() -> None:
    """The reason says how often."""
    it = at(Phase.READY, reconnects=2)
    for _ in range(2):
        connection.step(it, ConnectionLost("gone"), 0)
        connection.step(it, DeadlinePassed(), it.retry_at or 0)
    connection.step(it, ConnectionLost("gone"), 0)
    assert it.phase is Phase.CLOSED
    assert it.fault == "gone (connection 3 in a row without progress)"


def test_too_long_without_a_connection_is_given_up() -> None:
    """Whatever the number of attempts."""
    it = at(Phase.READY, reconnects=99, offline_limit_s=30)
    connection.step(it, ConnectionLost("gone"), 0)
    connection.step(it, DeadlinePassed(), ns(30))
    assert it.phase is Phase.CLOSED
    assert it.fault == "no usable connection for 30 s; last: gone"


def test_a_restart_begins_anew_even_after_giving_up() -> None:
    """An old image that was rolled back must reach the server to say so."""
    it = at(Phase.CONNECTING)
    connection.step(it, ConnectionLost("refused"), 1)
    connection.step(it, Restart(Kind.FIRMWARE), 2)
    assert it.phase is Phase.CONNECTING
    assert (it.losses, it.offline_since) == (0, 2)


def test_attributes_without_an_answer_are_asked_for_again_then_the_connection_is_renewed() -> None:
    """On one connection a bounded number of times."""
    it = at(Phase.ASKING, request_retries=1)
    connection.step(it, DeadlinePassed(), it.due_at or 0)
    assert (it.phase, it.wanted) == (Phase.ASKING, True)
    it.asks(ns(10))
    _, actions = connection.step(it, DeadlinePassed(), it.due_at or 0)
    assert it.phase is Phase.AWAY
    assert isinstance(actions[0], Disconnect)


def test_limits_are_asked_for_once_in_a_run() -> None:
    """A reconnect asks no more."""
    it = at(Phase.READY)
    for event in (ConnectionLost("gone"), DeadlinePassed(), Opened(), Subscribed((1,))):
        connection.step(it, event, it.retry_at or 0)
    assert it.phase is Phase.ASKING


@pytest.mark.parametrize("body", [None, [], "65536", {"maxPayloadSize": "65536"}, {"maxPayloadSize": 0}, {}])
def test_limits_that_make_no_sense_are_as_if_they_had_not_come(body: object) -> None:
    """Any answer goes on to the attributes."""
    it = at(Phase.ASKING_LIMITS)
    connection.step(it, RpcResponse(1, body), 1)
    assert (it.phase, it.chunk_limit) == (Phase.ASKING, None)


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        ({"fw_title": "pump"}, True),
        ({"sw_version": "2"}, True),
        ({"deleted": ["fw_title", "fw_version"]}, True),
        ({"deleted": ["fw_tag", "fw_url"]}, False),
        ({"deleted": "fw_title"}, False),
        ({"colour": "red"}, False),
        ({"fw": "pump"}, False),
        ([], False),
        (7, False),
    ],
)
def test_only_what_is_about_a_package_is_asked_about(body: object, *, asks: bool) -> None:
    """All other pushes change nothing."""
    it = at(Phase.READY)
    it.wanted = False
    connection.step(it, AttributesUpdate(body), 1)
    assert it.wanted is asks


def test_refused_filters_are_noted_with_their_codes() -> None:
    """Each code of the SUBACK is read; a short SUBACK is no reason to fall over."""
    it = at(Phase.SUBSCRIBING)
    _, actions = connection.step(it, Subscribed((1, 0x80)), 1)
    assert actions == [
        Tell("filter_refused", {"filter": "v1/devices/me/attributes/response/+", "code": 0x80}),
    ]
