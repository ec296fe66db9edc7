"""The device asks which package is assigned: the answer whole, empty, in part, or nonsense."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
HOSTILE: list[tuple[dict[str, object], str]] = [
    ({"fw_title": "a\nb"}, "fw_title is 'a\\nb'"),
    ({"fw_title": "x" * 10_000}, "fw_title is 'xxx"),
    ({"fw_title": 7}, "fw_title is 7"),
    ({"fw_version": ""}, "fw_version is ''"),
    ({"fw_size": 0}, "fw_size is 0"),
    ({"fw_size": -1}, "fw_size is -1"),
    ({"fw_size": "20000"}, "fw_size is '20000'"),
    ({"fw_size": 2**63 - 1}, "fw_size is 9223372036854775807"),
    ({"fw_size": 1.5}, "fw_size is 1.5"),
    ({"fw_size": True}, "fw_size is True"),
    ({"fw_checksum_algorithm": "ROT13"}, "checksum algorithm 'ROT13', which is unknown"),
    ({"fw_checksum": 5}, "fw_checksum is 5"),
]


def test_subscribe_names_the_exact_filters_and_all_are_granted(story: Any) -> None:
    """`v2/fw/response/+` would be refused; the exact ones are granted."""
    story.assign()
    told = story.run()
    names = [name for name, _ in told.of_type(p.Subscribe)[0].filters]
    assert names == [
        "v1/devices/me/attributes",
        "v1/devices/me/attributes/response/+",
        "v2/fw/response/+/chunk/+",
        "v2/sw/response/+/chunk/+",
        "v2/fw/error",
        "v2/sw/error",
        "v1/devices/me/rpc/response/+",
    ]
    assert all(code < 0x80 for code in told.of_type(p.SubAck)[0].reason_codes)


def test_attribute_keys_are_joined_without_blanks(story: Any) -> None:
    """ThingsBoard does not trim: a key behind a blank is another key."""
    story.assign()
    body = story.run().messages("AttributesRequest")[0].payload
    assert body == (
        b'{"sharedKeys":"fw_title,fw_version,fw_size,fw_checksum,fw_checksum_algorithm,fw_url,fw_tag,'
        b'sw_title,sw_version,sw_size,sw_checksum,sw_checksum_algorithm,sw_url,sw_tag"}'
    )


def test_without_a_package_the_answer_is_empty_and_the_device_ends(story: Any) -> None:
    """`{}` is an answer: nothing is assigned."""
    told = story.run()
    assert [said.body for said in told.messages("AttributesResponse")] == [{}]
    assert told.outcomes == {FW: "NO_PACKAGE", SW: "NO_PACKAGE"}
    assert told.asked() == []


def test_a_package_announced_in_part_is_asked_for_again(story: Any) -> None:
    """Keys are stored one by one, so an answer can hold half of them; the next has all."""
    package = story.assign()
    story.model.delete_shared(story.entity.id, ["fw_checksum"])
    told = story.run(
        operator=[(0.5, lambda model, now: model.write_shared(story.entity.id, {"fw_checksum": package.checksum}, now))]
    )
    assert told.history() == ["UPDATED"]


def test_a_package_announced_in_part_for_ever_fails(story: Any) -> None:
    """Asked a bounded number of times."""
    story.assign()
    story.model.delete_shared(story.entity.id, ["fw_size"])
    told = story.run()
    assert told.outcomes[FW] == "FAILED"
    assert told.reasons[FW].startswith("fw_size is missing")
    assert told.statuses() == ["FAILED"]
    assert len(told.messages("AttributesRequest")) == 3


@pytest.mark.parametrize(("values", "reason"), HOSTILE, ids=[repr(values)[:40] for values, _ in HOSTILE])
def test_hostile_attributes_end_in_failed_with_the_reason(
    new_story: Any, replaced: Any, values: dict[str, object], reason: str
) -> None:
    """Before the first chunk; the reason names the key and what was expected."""
    story = new_story()
    story.assign()

    def change(said: Any) -> list[Any]:
        return [replace(said, body={"shared": {**said.body["shared"], **values}})]

    told = story.run(meddler=replaced("AttributesResponse", change, story.version))
    assert told.outcomes[FW] == "FAILED"
    assert reason in told.reasons[FW]
    assert told.asked() == []
    assert told.messages("Telemetry")[-1].values["fw_error"] == told.reasons[FW]


@pytest.mark.parametrize("title", ["../x", "..\\x", "/etc/passwd", "C:\\x", "a" * 255, "固件"])
def test_a_hostile_title_is_a_title_and_nothing_else(new_story: Any, title: str) -> None:
    """It goes to no file name; the update succeeds."""
    story = new_story()
    package = story.model.upload(FW, title, "2", bytes(9000), 0)
    story.model.assign(story.entity, FW, package.id, 0)
    story.model.advance(10**9)
    told = story.run()
    assert told.outcomes[FW] == "UPDATED"
    assert told.run.device.running[FW] == (title, "2")


@pytest.mark.parametrize("payload", [b"[]", b"7", b"not json", b'{"shared":7}', b'"{}"', b"", b"\xff\xfe"])
def test_attributes_that_are_no_object_end_in_failed(new_story: Any, payload: bytes) -> None:
    """No traceback: a reason."""
    from otakit.protocol.mqtt import encode  # noqa: PLC0415 - only here

    story = new_story()
    story.assign()

    def meddle(_direction: object, packet: object) -> list[bytes] | None:
        if isinstance(packet, p.Publish) and "attributes/response" in packet.topic:
            return [encode(replace(packet, payload=payload), story.version)]
        return None

    told = story.run(meddler=meddle)
    assert told.outcomes[FW] == "FAILED"
    assert "a JSON object was expected" in told.reasons[FW]


def test_a_package_behind_a_url_fails_before_the_first_chunk(story: Any) -> None:
    """It says what to do instead."""
    story.write(fw_title="pump", fw_version="2", fw_url="http://images.example/pump.bin")
    told = story.run()
    assert told.outcomes[FW] == "FAILED"
    assert "behind a URL ('http://images.example/pump.bin')" in told.reasons[FW]
    assert told.asked() == []


def test_an_older_answer_that_comes_late_does_not_count(new_story: Any, replaced: Any) -> None:
    """The newest request decides; an answer to an older one may hold an older package."""
    story = new_story()
    story.assign()
    old = {"shared": {"fw_title": "pump", "fw_version": "0.1", "fw_size": 5, "fw_checksum": "aa"}}

    def change(said: Any) -> list[Any]:
        return [replace(said, request_id=said.request_id + 7, body=old), said]

    told = story.run(meddler=replaced("AttributesResponse", change, story.version))
    assert told.history() == ["UPDATED"]


def test_what_runs_already_is_reported_as_updated(story: Any) -> None:
    """A device that says nothing would stay at INITIATED for ever on the dashboard."""
    story.assign(version="1.0.0")
    told = story.run()
    assert told.outcomes[FW] == "ALREADY_CURRENT"
    assert told.statuses() == ["UPDATED"]
    assert told.asked() == []


def test_versions_are_compared_whole(story: Any) -> None:
    """1.0.0 is no prefix match for 1.0.0.1, and 1.10 is not the number 1.1."""
    story.device.running[FW] = ("pump", "1.1")
    story.assign(version="1.10")
    assert story.run().outcomes[FW] == "UPDATED"


def test_a_lost_subscribe_is_repaired_by_a_new_connection(new_story: Any, replaced: Any) -> None:
    """No SUBACK, no request."""
    story, dropped = new_story(), list[Any]()
    story.assign()

    def meddle(direction: Direction, packet: Any) -> list[bytes] | None:
        if isinstance(packet, p.SubAck) and not dropped:
            dropped.append(direction)
            return []
        return None

    told = story.run(meddler=meddle)
    assert told.outcomes[FW] == "UPDATED"
    assert len(told.of_type(p.Connect)) == 3
