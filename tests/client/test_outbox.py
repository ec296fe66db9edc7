"""Telemetry on its way: times that increase, what was not acknowledged, and the gap without times."""

from __future__ import annotations

from otakit.client.events import Status
from otakit.client.outbox import GAP_NS, Outbox
from otakit.client.settings import Settings, ns
from otakit.client.vocabulary import Report
from otakit.protocol.messages import Kind, Telemetry

DOWNLOADING = Report(Kind.FIRMWARE, Status.DOWNLOADING)
FAILED = Report(Kind.FIRMWARE, Status.FAILED, "no room", ("pump", "1.0"))


def test_times_increase_although_the_clock_stands_or_goes_back() -> None:
    """Strictly, in milliseconds."""
    outbox = Outbox(Settings())
    for wall in (5_000_000, 5_400_000, 4_000_000, 9_000_000):
        outbox.put_report(DOWNLOADING, wall)
    assert [line.message.ts_ms for line in outbox.waiting] == [5, 6, 7, 9]


def test_a_failure_carries_its_reason_and_what_runs() -> None:
    """`fw_error` beside `fw_state`."""
    outbox = Outbox(Settings())
    outbox.put_report(FAILED, ns(1))
    message = outbox.next(0, 1)
    assert message == Telemetry(
        {
            "current_fw_title": "pump",
            "current_fw_version": "1.0",
            "fw_state": "FAILED",
            "fw_error": "no room",
        },
        1000,
    )


def test_what_was_not_acknowledged_is_said_again_with_its_time() -> None:
    """Current versions are not: each connection says them anew."""
    outbox = Outbox(Settings())
    outbox.put({"current_fw_version": "1.0"}, ns(1))
    outbox.put_report(DOWNLOADING, ns(2))
    first, second = outbox.next(0, 1), outbox.next(0, 2)
    assert first is not None
    outbox.connection_lost()
    assert outbox.next(0, 3) == second
    assert outbox.next(0, 4) is None


def test_an_acknowledged_status_is_named_once() -> None:
    """A second PUBACK of the same packet says nothing."""
    outbox = Outbox(Settings())
    outbox.put_report(DOWNLOADING, 0)
    outbox.next(0, 1)
    assert outbox.acknowledged(1, 0) == DOWNLOADING
    assert outbox.acknowledged(1, 0) is None
    assert outbox.empty


def test_what_is_never_acknowledged_is_given_up_at_its_deadline() -> None:
    """An update does not hang on a PUBACK."""
    outbox = Outbox(Settings(request_deadline_s=10))
    outbox.put_report(DOWNLOADING, 0)
    outbox.next(0, 1)
    assert outbox.overdue(ns(9)) == []
    assert outbox.overdue(ns(10)) == [DOWNLOADING]


def test_without_times_each_waits_for_the_one_before_and_two_milliseconds_more() -> None:
    """The server's arrival time counts then."""
    outbox = Outbox(Settings(timestamps=False))
    outbox.put_report(DOWNLOADING, 0)
    outbox.put_report(FAILED, 0)
    assert outbox.next(0, 1) is not None
    assert outbox.next(0, 2) is None
    outbox.acknowledged(1, ns(1))
    assert outbox.next(ns(1), 2) is None
    assert outbox.speaks_at == ns(1) + GAP_NS
    assert outbox.next(ns(1) + GAP_NS, 2) is not None
