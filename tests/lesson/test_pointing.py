"""The arrow that is marked is the one that the packet is."""

from __future__ import annotations

import pytest

from otakit.diagrams.labels import arrows
from otakit.lesson.pointing import pointed, section_of


def marked_labels(section: str, row: str, said: str, answer: tuple[str, str] | None = None) -> list[str]:
    return [arrow.label for arrow in arrows(pointed(section, (row, said), answer)) if "▶" in arrow.label]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ('{"current_fw_title":"pump","current_fw_version":"1.0"}', "current_fw_version"),
        ('{"ts":1,"values":{"fw_state":"DOWNLOADING"}}', "DOWNLOADING"),
        ('{"ts":1,"values":{"fw_state":"DOWNLOADED"}}', "DOWNLOADED"),
        ('{"ts":1,"values":{"fw_state":"VERIFIED"}}', "VERIFIED"),
        ('{"ts":1,"values":{"fw_state":"UPDATING"}}', "UPDATING"),
        ('{"current_fw_title":"pump","current_fw_version":"1.1","fw_state":"UPDATED"}', "UPDATED"),
    ],
)
def test_each_status_has_its_own_arrow(status: str, expected: str) -> None:
    """Of the many Telemetry arrows the one with this word."""
    (label,) = marked_labels("report-firmware-status", "Telemetry", f"v1/devices/me/telemetry {status}")
    assert expected in label


@pytest.mark.parametrize(("index", "expected"), [(0, "chunk/0"), (3, "chunk/{n}")])
def test_the_first_chunk_has_its_own_arrow_and_the_others_share_one(index: int, expected: str) -> None:
    """The answer's arrow is marked with it."""
    said = f"v2/fw/request/1/chunk/{index} 4096"
    question, answer = marked_labels(
        "request-firmware-chunks", "ChunkRequest", said, ("ChunkResponse", said.replace("request", "response"))
    )
    assert f"v2/fw/request/{{id}}/{expected}" in question
    assert f"v2/fw/response/{{id}}/{expected}" in answer


def test_software_is_shown_in_the_software_s_diagram() -> None:
    """The request on the software's topic, not the firmware's beside it."""
    assert section_of("ChunkRequest", "software") == "update-software"
    labels = marked_labels(
        "update-software",
        "ChunkRequest",
        "v2/sw/request/2/chunk/1 4096",
        ("ChunkResponse", "v2/sw/response/2/chunk/1 "),
    )
    assert ["v2/sw" in label for label in labels] == [True, True]


@pytest.mark.parametrize(("said", "expected"), [("accepted", "0, accepted"), ("refused", "refused")])
def test_the_answer_is_the_one_that_came(said: str, expected: str) -> None:
    """Not the first that might have come."""
    labels = marked_labels("whole-update", "Connect", "", ("ConnAck", said))
    assert expected in labels[1]


def test_no_package_is_told_from_a_package() -> None:
    """Two alternatives of one answer."""
    question, topic = "v1/devices/me/attributes/request/1 {}", "v1/devices/me/attributes/response/1"
    shared = '{"shared":{"fw_title":"a","fw_version":"1","fw_size":1,"fw_checksum":"0"}}'
    for body, expected in (("{}", "AttributesResponse: {}"), (shared, '"fw_title":"pump"')):
        labels = marked_labels(
            "request-firmware-attributes", "AttributesRequest", question, ("AttributesResponse", f"{topic} {body}")
        )
        assert expected in labels[1]


def test_what_no_section_shows_leaves_the_whole_update_as_it_is() -> None:
    """No arrow is better than a wrong one."""
    assert section_of("PingReq", None) == "whole-update"
    assert marked_labels("whole-update", "PingReq", "") == []
