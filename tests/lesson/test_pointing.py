"""The arrow that is marked is the one that the packet is."""

from __future__ import annotations

import pytest

from otakit.diagrams.labels import arrows
from otakit.lesson.pointing import Said, lit, pointed, section_of
from otakit.protocol.messages import Direction


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


@pytest.mark.parametrize(("index", "topic", "answered"), [(0, "chunk/0", "chunk/0"), (3, "chunk/{n}", "whole")])
def test_the_first_chunk_has_its_own_arrow_and_the_others_share_one(index: int, topic: str, answered: str) -> None:
    """The answer's arrow is marked with it: the one for a whole chunk, though trouble is drawn before it."""
    request, response = f"v2/fw/request/1/chunk/{index} 4096", f"v2/fw/response/1/chunk/{index} whole"
    question, answer = marked_labels("request-firmware-chunks", "ChunkRequest", request, ("ChunkResponse", response))
    assert topic in question
    assert "again" not in question
    assert answered in answer


def test_software_is_shown_in_the_software_s_diagram() -> None:
    """The request on the software's topic, not the firmware's beside it."""
    assert section_of("ChunkRequest", "software") == "update-software"
    labels = marked_labels(
        "update-software",
        "ChunkRequest",
        "v2/sw/request/2/chunk/1 4096",
        ("ChunkResponse", "v2/sw/response/2/chunk/1 whole"),
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


UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
UPDATES = "v1/devices/me/attributes"


def lit_labels(section: str, *exchanges: list[Said]) -> list[str]:
    return [arrow.label for arrow in arrows(lit(section, exchanges)) if "▶" in arrow.label]


def test_every_exchange_lights_its_arrows_and_a_repeated_one_no_more() -> None:
    """In the order of the diagram, whatever the order of the packets."""
    request: Said = ("AttributesRequest", f"{UPDATES}/request/1 {{}}", UP)
    answer: Said = ("AttributesResponse", f"{UPDATES}/response/1 {{}}", DOWN)
    taken: Said = ("PubAck", "", DOWN)
    labels = lit_labels("request-firmware-attributes", [request, answer, taken], [request, taken, answer])
    assert [label.split("▶ ")[1].split(":")[0] for label in labels] == [
        "AttributesRequest", "PubAck", "AttributesResponse",
    ]  # fmt: skip


def test_both_messages_of_an_assignment_are_lit_with_their_acknowledgements() -> None:
    """What the server says by itself has no question."""
    gone: Said = ("AttributesUpdate", f'{UPDATES} {{"deleted":["fw_url","fw_tag"]}}', DOWN)
    offer: Said = ("AttributesUpdate", f'{UPDATES} {{"fw_title":"a","fw_version":"1","fw_size":1}}', DOWN)
    heard: Said = ("PubAck", "", UP)
    labels = lit_labels("subscribe-firmware-attributes-updates", [offer, heard, gone, heard])
    assert len(labels) == 4
    assert ["deleted" in labels[0], "heard" in labels[1], "fw_size" in labels[2], "heard" in labels[3]] == [True] * 4


def test_an_empty_chunk_lights_the_arrow_of_an_empty_one() -> None:
    """Not that of a whole one."""
    request: Said = ("ChunkRequest", "v2/fw/request/1/chunk/5 4096", UP)
    empty: Said = ("ChunkResponse", "v2/fw/response/1/chunk/5 0 bytes", DOWN)
    _, answer = lit_labels("request-firmware-chunks", [request, empty])
    assert "0 bytes" in answer


def test_what_a_section_does_not_draw_lights_nothing() -> None:
    """Neither the question nor what came of it."""
    report: list[Said] = [("Telemetry", "v1/devices/me/telemetry {}", UP), ("PubAck", "", DOWN)]
    assert lit_labels("request-firmware-attributes", report) == []
