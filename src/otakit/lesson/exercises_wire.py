"""The exercises of lessons 01 to 04: connecting, attributes, updates, chunks."""

from __future__ import annotations

from typing import Any

from otakit.lesson.exercise import Exercise
from otakit.protocol import mqtt
from otakit.protocol import packets as p
from otakit.protocol.messages import ATTRIBUTES_TOPIC
from otakit.protocol.packets import Version

REFUSALS = {5, 0x86}
"""CONNACK for a token that nobody has, in MQTT 3.1.1 and 5 (`ReturnCodeResolver`)."""
UPDATE_FILTERS = {ATTRIBUTES_TOPIC, "v2/a", "v2/a/j"}
"""Filters after which attribute updates are heard as JSON (`MqttTopics`)."""
RUNNING = ("pump", "1.1.0")
VALUES = {"fw_size": 20_000, "fw_checksum": "00", "fw_checksum_algorithm": "SHA256"}
MESSAGES: tuple[tuple[dict[str, object], bool], ...] = (
    ({"fw_title": "pump", "fw_version": "1.2.0", **VALUES}, True),
    ({"fw_title": "pump", "fw_version": "1.1.0", **VALUES}, False),
    ({"fw_title": "valve", "fw_version": "1.1.0", **VALUES}, True),
    ({"fw_title": "pump", "fw_version": "1.1.0.1", **VALUES}, True),
    ({"interval": 30}, False),
    ({"deleted": ["fw_tag", "fw_url"]}, False),
    ({"deleted": ["fw_title", "fw_version", "fw_size"]}, False),
)
"""Messages on attribute updates, and whether each begins a download on a device that has `RUNNING`."""
IMAGE_BYTES, BUFFER_BYTES = 20_000, 2_048


def _refused_by_server(value: Any) -> bool:
    code, who = value
    return code in REFUSALS and str(who).strip().lower() == "server"


def _is_shortest(value: Any) -> bool:
    """A SUBSCRIBE for updates that was granted, as short as its version of MQTT lets it be."""
    question = value.heard[0].packet
    (filters,) = {name for name, _ in question.filters}
    shortest = min(
        len(mqtt.encode(p.Subscribe(1, ((name, 0),)), version))
        for name in UPDATE_FILTERS
        for version in (Version.MQTT_3_1_1, Version.MQTT_5)
    )
    granted = value.codes and all(code < 0x80 for code in value.codes)
    return bool(granted and filters in UPDATE_FILTERS and value.packets[0].length <= shortest + 1)


def _is_silent(value: Any) -> bool:
    """An attributes request that was acknowledged and not answered, on a connection that stayed."""
    return bool(value.rows == ["AttributesRequest", "PubAck"] and not value.closed and value.code == 0)


def _sorts_messages(value: Any) -> bool:
    return all(bool(value(dict(body), RUNNING)) == begins for body, begins in MESSAGES)


def _fits_just(value: Any) -> bool:
    def longest(size: int) -> int:
        last = (IMAGE_BYTES - 1) // size
        packets = (p.Publish(f"v2/fw/response/1/chunk/{index}", b"x" * size, 1, 1) for index in (0, last))
        return max(len(mqtt.encode(packet)) for packet in packets)

    size = int(value)
    return size == value and size > 0 and longest(size) <= BUFFER_BYTES < longest(size + 1)


EXERCISES = {
    "01a": Exercise(
        _refused_by_server,
        "CONNACK carries the refusal, and the server closes right after it: a device that tries again at once is "
        "refused again.",
        "A pair: the number in CONNACK, and who ended the connection. The exchange shows both.",
        (
            "Show the exchange: line.connect(…) as the last line of a cell.",
            "The number is the field return code of CONNACK, also in .code of the exchange.",
            "The last remark below the packets says who closed.",
        ),
    ),
    "01b": Exercise(
        _is_shortest,
        "ThingsBoard has short names for its topics, and this is the shortest for attributes: header, packet id, "
        "length, four letters, options.",
        "Hand over what line.subscribe returned: one filter, granted, for attribute updates, and shorter than yours.",
        (
            "Most of a SUBSCRIBE is its filter, so a shorter name for the same topic is wanted.",
            "ThingsBoard's MQTT API has a second family of names for slow links: v2, and one letter for each word.",
            "Telemetry is v2/t there. Attributes begin with another letter.",
        ),
    ),
    "02a": Exercise(
        lambda value: str(value).strip() == "fw_version",
        "the server splits at the comma and trims nothing, so it looked for a key that begins with a blank.",
        "Send it and compare the keys of the answer with those you asked for.",
        (
            'line.request_attributes("fw_title, fw_version") sends it; .body is the answer.',
            "The remark below the packets names what was asked for and did not come.",
            "It is the key behind the blank; hand over its name as a text.",
        ),
    ),
    "02b": Exercise(
        _is_silent,
        "the empty key in front makes the server's look-up fail, after the request was acknowledged. Only the device's "
        "own deadline ends such a wait.",
        "Hand over an exchange of request_attributes in which PUBACK came and nothing else, on an open connection.",
        (
            "The keys are one text, split at its commas. What are the pieces of an unusual text?",
            "A comma behind the last key does no harm. Try one elsewhere.",
            "An empty piece in front of the first comma is a key without a name.",
        ),
    ),
    "03a": Exercise(
        lambda value: str(value).strip() in ("fw_title", "fw_version"),
        "no assignment ever deletes it, as every package has one. Even so the device asks before it believes it.",
        "Compare this list with that of round 2: wanted is a key that is in this one, and that every package has.",
        (
            'server.unassign("firmware", from_=device), then line.listen(1): .body["deleted"] is the list.',
            "An assignment deletes what the new package does not use: tag and URL here, size and checksum elsewhere.",
            "There are two things without which there is no package at all. Name one of these keys.",
        ),
    ),
    "03b": Exercise(
        _sorts_messages,
        "it goes by the keys of the message and compares title and version exactly, as texts.",
        "One of these is sorted wrongly: a new version, the same once more, another title, 1.1.0.1 over 1.1.0, "
        "an interval, and both sorts of deletion.",
        (
            "A function of two arguments is wanted: def is_new_offer(body, target), which returns True or False.",
            '"fw_title" in body is true for an offer only: in a deletion the key stands one level deeper.',
            'Compare (body["fw_title"], body["fw_version"]) with target; two tuples compare exactly.',
        ),
    ),
    "04a": Exercise(
        lambda value: tuple(value) == ("PAYLOAD_TOO_LARGE", None),
        "the limit has a word of its own, while what is no number only raises an exception in the server, which closes "
        "without a word. MQTT 5 says at least 0x83 and 0x8B.",
        "A pair of what .error of the two exchanges says. The first is a word; send each on a fresh connection.",
        (
            "line.request_chunk(1, 0, 65_537) returns the exchange; its .error is the word, or None.",
            "The connection is closed then: line.connect() before the second request.",
            "In the second exchange look at which packets came at all.",
        ),
    ),
    "04b": Exercise(
        _fits_just,
        "with this size there are ten chunks, so the index has one digit; one byte more, and the first packet does not "
        "fit.",
        "Count the packet of round 3 again, field by field, with the topic that the last chunk of this image has.",
        (
            "The whole packet is 1 + 2 + 2 + topic + 2 bytes longer than the chunk.",
            "The topic is v2/fw/response/1/chunk/ and the index, which has one digit up to 9.",
            "20,000 divided by about 2,000: how many digits does the last index have?",
        ),
    ),
}
