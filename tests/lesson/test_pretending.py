"""A client that only talks: it keeps every arrow of the article but the one that it was told to leave out."""

from __future__ import annotations

import pytest

from otakit.diagrams.labels import arrows
from otakit.errors import SettingsError
from otakit.lesson.beside import beside
from otakit.lesson.pretending import pretend
from otakit.lesson.settled import settled
from otakit.servers import Device, Twin

STATUSES = ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]


@pytest.fixture
def assigned(device: Device) -> Device:
    """The device, when its attributes describe the package."""
    server = device.server
    package = server.upload("firmware", "pump", "1.1.0", bytes(range(250)) * 80)
    settled(server, device, package)
    return device


def test_who_leaves_nothing_out_follows_the_article_and_runs_what_it_ran(assigned: Device) -> None:
    """A picture proves the conversation, not the device."""
    session = pretend(assigned)
    assert session.follows("whole-update")
    assert session.outcome == {"firmware": "UPDATED"}
    assert assigned.running() == ("pump", "1.0.0")


@pytest.mark.parametrize("status", STATUSES[:-1])
def test_who_leaves_a_status_out_is_caught_at_that_arrow(assigned: Device, status: str) -> None:
    """The server says nothing against it."""
    session = pretend(assigned, leave_out=status)
    verdict = session.follows("whole-update")
    assert not verdict
    assert f'"fw_state":"{status}"' in str(verdict.promised)
    said = list(session.statuses.query("writer == 'device'")["status"])
    assert said == [word for word in STATUSES if word != status]


def test_without_a_package_it_says_what_is_missing(twin: Twin) -> None:
    """In place of an update that asks for nothing."""
    with pytest.raises(SettingsError, match="no stored firmware is assigned"):
        pretend(twin.add_device("bare-1"))


@pytest.mark.needs("engine")
def test_the_first_difference_stands_side_by_side(assigned: Device) -> None:
    """On each side what was kept, then marked the arrow and what came in its place; in words too."""
    both = beside(pretend(assigned, leave_out="VERIFIED").follows("whole-update"))
    for drawn, word in ((both.promised, "VERIFIED"), (both.happened, "UPDATING")):
        (marked,) = [arrow.label for arrow in arrows(drawn.source) if "▶" in arrow.label]
        assert word in marked
        assert sum("DOWNLOADED" in arrow.label for arrow in arrows(drawn.source)) == 1
    assert both._repr_mimebundle_()["text/html"].count("<img alt=") == 2
    assert repr(both).index("VERIFIED") < repr(both).index("UPDATING")


def test_where_there_is_no_difference_there_is_nothing_to_stand_beside(assigned: Device) -> None:
    """The text says what to show in its place."""
    with pytest.raises(SettingsError, match=r"no difference; show verdict\.diagram"):
        beside(pretend(assigned).follows("whole-update"))
