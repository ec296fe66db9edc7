"""Examples are cut out of a recording as they were on the wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from otakit.article.cut import Choice, Recorded
from otakit.errors import SettingsError
from otakit.record.reader import Reader

RUNS = Path(__file__).resolve().parents[2] / "docs" / "runs"


def recorded(name: str) -> Recorded:
    return Recorded(f"{name}.pcapng", Reader(RUNS / f"{name}.pcapng").stream())


@pytest.fixture(scope="module")
def away() -> Recorded:
    return recorded("assigned-while-away")


@pytest.mark.parametrize(
    ("line", "choice"),
    [
        ("ChunkRequest 2", Choice("ChunkRequest", 2)),
        ("Telemetry 1 with DOWNLOADED", Choice("Telemetry", 1, "DOWNLOADED")),
        ("Telemetry 1 with a b acknowledged", Choice("Telemetry", 1, "a b", acknowledged=True)),
        ("SubAck 1 only v2/fw/error v2/sw/error", Choice("SubAck", 1, "", ("v2/fw/error", "v2/sw/error"))),
    ],
)
def test_a_choice_is_read_from_a_line(line: str, choice: Choice) -> None:
    """Row and number, then what narrows it."""
    assert Choice.of(line) == choice


@pytest.mark.parametrize("line", ["", "ChunkRequest", "ChunkRequest first", "2 ChunkRequest"])
def test_a_line_that_chooses_nothing_is_refused(line: str) -> None:
    """With the line in the text."""
    with pytest.raises(SettingsError, match="chooses no packet"):
        Choice.of(line)


def test_a_packet_that_is_not_there_is_refused(away: Recorded) -> None:
    """And the text says how many there are."""
    with pytest.raises(SettingsError, match="has 5 packets for `ChunkRequest`"):
        away.example([Choice("ChunkRequest", 6)])


def test_a_publish_has_its_flags_topic_and_payload(away: Recorded) -> None:
    """The first line says where it is from."""
    assert away.example([Choice("ChunkRequest", 2)]) == [
        "# assigned-while-away.pcapng, packet 21: ChunkRequest",
        "PUBLISH   Client to Server   QoS 1   Packet Identifier 7",
        "Topic Name  v2/fw/request/1/chunk/1",
        "Payload     4096",
    ]


def test_a_long_payload_is_broken_behind_commas_only(away: Recorded) -> None:
    """Put together again it is the payload."""
    _, _, _, *lines = away.example([Choice("AttributesResponse", 1)])
    assert len(lines) > 1
    assert all(line.endswith(",") for line in lines[:-1])
    found = "".join(line[12:] for line in lines)
    assert found == next(packet.text for packet in away.packets if packet.message == "AttributesResponse")


def test_the_acknowledgement_of_a_packet_is_its_own(away: Recorded) -> None:
    """Same packet identifier, the other way."""
    assert away.example([Choice("ChunkRequest", 2, acknowledged=True)])[1:] == [
        "PUBACK   Server to Client   Packet Identifier 7"
    ]


def test_of_a_subscribe_only_the_filters_that_are_meant_are_shown(away: Recorded) -> None:
    """How many were left out is said; the codes of the SUBACK are those of the filters."""
    lines = away.example(
        [Choice("Subscribe", 1, filters=("v2/fw/error",)), Choice("SubAck", 1, filters=("v2/fw/error",))]
    )
    assert "Topic Filter  v2/fw/error  QoS 1" in lines
    assert "(6 more filters, left out here)" in lines
    assert lines.count("Return Code 0x01  granted at QoS 1") == 1


def test_a_chunk_says_its_length_and_how_it_begins(away: Recorded) -> None:
    """Nobody reads four thousand bytes."""
    assert away.example([Choice("ChunkResponse", 5)])[-1].split(maxsplit=1)[1] == (
        "3,616 bytes, beginning with  ---------pump 1.1.0 byte 016384⏎"
    )


def test_an_empty_chunk_has_no_bytes() -> None:
    """Past the end of the image."""
    assert recorded("refusals").example([Choice("ChunkResponse", 2)])[-1] == "Payload     0 bytes"


def test_codes_have_the_name_of_their_version() -> None:
    """Return Code in MQTT 3.1.1, Reason Code in 5."""
    assert "Return Code 0x80" in "".join(recorded("refusals").example([Choice("SubAck", 1)]))
    lines = recorded("refusals-in-mqtt-5").example([Choice("SubAck", 1), Choice("Disconnect", 1)])
    assert [line[:16] for line in lines if "Code" in line][-1] == "Reason Code 0x83"


def test_the_close_by_the_server_is_no_packet() -> None:
    """It has no number."""
    assert recorded("refusals").example([Choice("close", 1)]) == ["(the server closes the connection)"]
