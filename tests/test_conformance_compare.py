"""Two transcripts are the same up to what ThingsBoard leaves open; anything else is a difference."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otakit.conformance.compare import Difference, first_of
from otakit.conformance.transcript import Called, Closed, Event, Passed, Transcript
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import decode, encode
from otakit.protocol.packets import Packet, Version

SECOND = 1_000_000_000
UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
V3, V5 = Version.MQTT_3_1_1, Version.MQTT_5
ME = "v1/devices/me/"


class Story:
    """A run, told packet by packet; `luck` decides what ThingsBoard leaves open, and what is this run's own."""

    def __init__(self, version: Version = V3, luck: int = 0, connection: int = 0, begun_ns: int = 0) -> None:
        self.version, self.luck, self.connection = version, random.Random(luck), connection
        self.events: list[Event] = []
        self.now = begun_ns + luck * SECOND
        self.uplinks = self.downlinks = 0

    def says(self, packet: Packet, after_s: float = 0.01) -> None:
        self._note(UP, packet, after_s)

    def hears(self, *packets: Packet, after_s: float = 0.01) -> None:
        for packet in packets:
            self._note(DOWN, packet, after_s)

    def _note(self, direction: Direction, packet: Packet, after_s: float) -> None:
        self.now += round(after_s * SECOND)
        self.events.append(Passed(self.now, self.connection, direction, encode(packet, self.version)))

    def closed(self) -> None:
        self.now += SECOND // 100
        self.events.append(Closed(self.now, self.connection))

    def called(self, method: str, path: str, status: int, body: object) -> None:
        self.now += SECOND // 100
        self.events.append(Called(self.now, method, path, status, json.dumps(body).encode()))

    def publish(self, topic: str, payload: bytes | dict[str, Any] = b"", qos: int = 1) -> p.Publish:
        """A downlink: its id counts all of them."""
        self.downlinks += 1
        return p.Publish(topic, self.bytes_of(payload), qos, (self.downlinks & 0xFFFF) if qos else None)

    def asks(self, topic: str, payload: bytes | dict[str, Any] = b"", qos: int = 1) -> int:
        self.uplinks += 1
        self.says(p.Publish(topic, self.bytes_of(payload), qos, self.uplinks if qos else None))
        return self.uplinks

    def bytes_of(self, payload: bytes | dict[str, Any]) -> bytes:
        if isinstance(payload, bytes):
            return payload
        members = list(payload.items())
        self.luck.shuffle(members)
        return json.dumps(dict(members)).encode()

    # what happens in scenarios

    def connects(self) -> None:
        self.says(p.Connect("c", self.version, user_name=self.token))
        self.hears(p.ConnAck(0))

    @property
    def token(self) -> str:
        return f"{self.luck.randrange(10**20):020d}"

    def subscribes(self) -> None:
        self.says(p.Subscribe(900, ((f"{ME}attributes", 1), ("v2/fw/response/+", 1))))
        self.hears(p.SubAck(900, (1, 0x8F if self.version is V5 else 0x80)))

    def is_assigned(self, version: str = "1.10") -> None:
        deleted = ["fw_tag", "fw_url"]
        self.luck.shuffle(deleted)
        pair: list[dict[str, Any]] = [{"fw_title": "pump", "fw_version": version, "fw_size": 5}, {"deleted": deleted}]
        self.luck.shuffle(pair)
        self.hears(*(self.publish(f"{ME}attributes", each) for each in pair))

    def asks_attributes(self, times: int = 1) -> None:
        for _ in range(times):
            number = self.asks(f"{ME}attributes/request/{self.uplinks + 1}", {"sharedKeys": "fw_title,x"})
            answers: list[Packet] = [
                p.PubAck(number),
                self.publish(f"{ME}attributes/response/{number}", {"shared": {"a": 1, "b": 2}}),
            ]
            self.luck.shuffle(answers)
            self.hears(*answers)

    def bursts(self, request_id: str = "9", *, fresh: bool = True) -> None:
        numbers = [(index, self.asks(f"v2/fw/request/{request_id}/chunk/{index}", b"2")) for index in range(4)]
        pairs: list[list[Packet]] = [
            [p.PubAck(number), self.publish(f"v2/fw/response/{request_id}/chunk/{index}", bytes((index, index)))]
            for index, number in numbers
        ]
        if not fresh:
            self.hears(*(each for pair in pairs for each in pair))
        while fresh and any(pairs):  # interleaved, each PUBACK before its own chunk
            self.hears(self.luck.choice([pair for pair in pairs if pair]).pop(0))

    def reports(self) -> None:
        self.hears(
            p.PubAck(
                self.asks(f"{ME}telemetry", {"fw_state": "UPDATED", "ts": 1_790_000_000_000 + self.luck.randrange(999)})
            )
        )

    def ends_with_an_error(self) -> None:
        self.asks("v2/fw/request/3/chunk/0", b"70000")
        self.hears(self.publish("v2/fw/error", b"PAYLOAD_TOO_LARGE"))
        if self.version is V5:
            self.hears(p.Disconnect(0x83))
        self.closed()


PARTS: dict[str, Callable[[Story], None]] = {
    "subscribes": Story.subscribes,
    "is assigned": Story.is_assigned,
    "asks for attributes": Story.asks_attributes,
    "reports": Story.reports,
    "first burst": Story.bursts,
    "second burst": lambda story: story.bursts(fresh=False),
}
stories = st.lists(st.sampled_from(sorted(set(PARTS) - {"second burst"})), max_size=5, unique=True)
versions = st.sampled_from([V3, V5])


def told(parts: list[str], version: Version, luck: int) -> Transcript:
    """One run of the same story."""
    story = Story(version, luck)
    story.connects()
    for part in parts:
        PARTS[part](story)
    if "first burst" in parts:
        PARTS["second burst"](story)
    story.called("POST", "/api/device", 200, {"id": {"id": str(random.Random(luck).randrange(9))}, "title": "pump"})
    story.ends_with_an_error()
    return Transcript(tuple(story.events))


@given(stories, versions, st.integers(0, 10**6), st.integers(0, 10**6))
def test_runs_that_differ_in_open_orders_alone_are_the_same(
    parts: list[str], version: Version, one: int, other: int
) -> None:
    """Orders, ids, tokens, times and the order of JSON's members are no difference."""
    assert first_of(told(parts, version, one), told(parts, version, other)) is None


def changed(packet: Packet, how: str) -> Packet | None:
    """The packet with one thing changed; None where it has no such thing."""
    from dataclasses import replace  # noqa: PLC0415

    if isinstance(packet, p.Publish):
        fields: dict[str, dict[str, Any]] = {
            "qos": {"qos": 0, "packet_id": None} if packet.qos else {"qos": 1, "packet_id": 1},
            "topic": {"topic": f"{packet.topic}/x"},
            "payload": {"payload": b'{"other":1}'},
            "flag": {"retain": True},
        }
        return replace(packet, **fields[how]) if how in fields else None
    if how != "code":
        return None
    if isinstance(packet, p.SubAck):
        return replace(packet, reason_codes=(0, *packet.reason_codes[1:]))
    if isinstance(packet, p.ConnAck | p.Disconnect):
        return replace(packet, reason_code=packet.reason_code + 2)
    return None


@given(stories, versions, st.integers(0, 10**6), st.data())
@settings(max_examples=200)
def test_any_single_mutation_of_a_packet_is_a_difference(
    parts: list[str], version: Version, luck: int, data: st.DataObject
) -> None:
    """Dropped, repeated, or with another code, payload, topic, flag or QoS."""
    honest, events = told(parts, version, luck), list(told(parts, version, luck + 1).events)
    places = [at for at, event in enumerate(events) if isinstance(event, Passed) and event.direction is DOWN]
    at = data.draw(st.sampled_from(places))
    event = events[at]
    assert isinstance(event, Passed)
    how = data.draw(st.sampled_from(["dropped", "repeated", "qos", "topic", "payload", "flag", "code"]))
    if how == "dropped":
        del events[at]
    elif how == "repeated":
        events.insert(at, event)
    else:
        other = changed(decode(event.raw, version), how)
        if other is None:
            return
        events[at] = Passed(event.at_ns, event.connection, event.direction, encode(other, version))
    mutated = Transcript(tuple(events))
    assert first_of(honest, mutated) is not None
    assert first_of(mutated, honest) is not None


def difference(one: Story, other: Story) -> Difference | None:
    return first_of(Transcript(tuple(one.events)), Transcript(tuple(other.events)))


def test_difference_is_said_in_mqtt_words_with_both_sides_and_the_request() -> None:
    """What a person reads in the table."""
    one, other = Story(V5), Story(V5)
    for story, code in ((one, 0), (other, 0x90)):
        story.connects()
        story.asks("v2/fw/request/abc/chunk/0", b"10")
        story.hears(p.PubAck(1, code))
    assert difference(one, other) == Difference(
        "connection 1, after PUBLISH v2/fw/request/abc/chunk/0 at QoS 1: 10",
        "PUBACK for PUBLISH v2/fw/request/abc/chunk/0 at QoS 1: 10",
        "PUBACK 0x90 (topic name invalid) for PUBLISH v2/fw/request/abc/chunk/0 at QoS 1: 10",
    )


def test_silence_on_one_side_is_said_as_nothing() -> None:
    """A packet that only one of them sends."""
    one, other = Story(), Story()
    one.connects()
    other.connects()
    one.closed()
    found = difference(one, other)
    assert found is not None
    assert (found.server, found.twin) == ("the server closes the connection", "nothing")


@pytest.mark.parametrize("swapped", [False, True])
def test_chunk_before_its_puback_is_a_difference(swapped: bool) -> None:
    """The two packets of one chunk have an order, on a fresh request id too."""
    one, other = Story(), Story()
    for story in (one, other):
        story.connects()
        number = story.asks("v2/fw/request/1/chunk/0", b"2")
        pair = [p.PubAck(number), story.publish("v2/fw/response/1/chunk/0", b"ab")]
        story.hears(*(reversed(pair) if swapped and story is other else pair))
    assert (difference(one, other) is not None) == swapped


def test_pinned_chunks_out_of_the_order_of_their_requests_are_a_difference() -> None:
    """Only the first burst on a fresh request id has no order."""
    one, other = Story(), Story()
    for story in (one, other):
        story.connects()
        story.hears(
            p.PubAck(story.asks("v2/fw/request/1/chunk/0", b"2")), story.publish("v2/fw/response/1/chunk/0", b"a")
        )
        numbers = [story.asks(f"v2/fw/request/1/chunk/{index}", b"2") for index in (1, 2)]
        pairs = [
            (p.PubAck(number), story.publish(f"v2/fw/response/1/chunk/{index}", bytes((index,))))
            for index, number in enumerate(numbers, 1)
        ]
        story.hears(*(each for pair in (reversed(pairs) if story is other else pairs) for each in pair))
    assert difference(one, other) is not None


def test_inactivity_may_be_said_with_either_code_but_an_error_may_not() -> None:
    """0x83 and 0xA0 are one after a silence; after an error word they are two."""
    silent, also_silent = Story(V5), Story(V5)
    for story, code in ((silent, 0x83), (also_silent, 0xA0)):
        story.connects()
        story.hears(p.Disconnect(code), after_s=12)
    assert difference(silent, also_silent) is None
    wrong, right = Story(V5), Story(V5)
    for story, code in ((wrong, 0xA0), (right, 0x83)):
        story.connects()
        story.asks("v2/fw/request/1/chunk/0", b"70000")
        story.hears(story.publish("v2/fw/error", b"NOT_FOUND"), p.Disconnect(code))
    assert difference(wrong, right) is not None


@pytest.mark.parametrize("times", [3, 8])
def test_asking_again_until_something_happens_may_take_more_or_fewer_times(times: int) -> None:
    """Rounds that repeat the one before are one."""
    one, other = Story(luck=1), Story(luck=1)
    for story, count in ((one, 5), (other, times)):
        story.connects()
        for _ in range(count):
            number = story.asks("v2/fw/request/1/chunk/0", b"2")
            story.hears(p.PubAck(number), story.publish("v2/fw/response/1/chunk/0", b"ab"))
        story.closed()
    assert difference(one, other) is None


def test_reads_that_were_repeated_count_once_and_changes_do_not() -> None:
    """How often a stage looks depends on the clock; how often it saves does not."""
    one, other = Story(), Story()
    for story, looks in ((one, 1), (other, 4)):
        for look in range(looks):
            value = {"fw_state": [{"ts": 1_790_000_000_000, "value": "INITIATED" if look == looks - 1 else "QUEUED"}]}
            story.called("GET", "/api/plugins/telemetry/DEVICE/x/values/timeseries?keys=fw_state", 200, value)
    assert difference(one, other) is None
    other.called("POST", "/api/device", 409, {"status": 409, "errorCode": 35, "message": "changed", "timestamp": 1})
    one.called("POST", "/api/device", 409, {"status": 409, "errorCode": 31, "message": "changed", "timestamp": 2})
    found = difference(one, other)
    assert found is not None
    assert '"errorCode":31' in found.server
    assert '"errorCode":35' in found.twin


def test_packet_id_zero_and_ids_that_do_not_count_are_differences() -> None:
    """ThingsBoard's counter is cut to 16 bits; tasks that overtake each other may exchange two ids."""
    ids = {"same": (1, 2), "exchanged": (2, 1), "zero": (0, 2), "far": (1, 77)}
    stories = {}
    for name, pair in ids.items():
        stories[name] = story = Story()
        story.connects()
        for place, number in enumerate(pair):
            story.hears(p.Publish(f"{ME}attributes", json.dumps({"n": place}).encode(), 1, 1))
            event = story.events[-1]
            assert isinstance(event, Passed)
            raw = event.raw.replace(b"attributes\x00\x01", b"attributes" + number.to_bytes(2, "big"))
            story.events[-1] = Passed(event.at_ns, 0, DOWN, raw)
    found = {name: difference(stories["same"], story) is None for name, story in stories.items()}
    assert found == {"same": True, "exchanged": True, "zero": False, "far": False}


def test_first_difference_in_time_is_told_over_all_connections() -> None:
    """A later connection may differ earlier."""
    runs = []
    for wrong in (False, True):
        first, second = Story(connection=0), Story(connection=1, begun_ns=SECOND)
        first.connects()
        second.connects()
        second.hears(second.publish("v2/fw/error", b"UNKNOWN" if wrong else b"NOT_FOUND"))
        first.hears(p.PingResp(), after_s=9)
        if wrong:
            first.hears(p.PingResp(), after_s=9)
        runs.append(Transcript((*first.events, *second.events)))
    found = first_of(*runs)
    assert found is not None
    assert found.where == "connection 2, after CONNECT 3.1.1"


@given(st.lists(st.binary(max_size=30), max_size=8), st.lists(st.text(max_size=20), max_size=4))
def test_no_bytes_of_a_server_break_the_comparison(packets: list[bytes], bodies: list[str]) -> None:
    """Whatever a server sends, it is compared with itself and is the same."""
    events: list[Event] = [Passed(at, 0, DOWN, raw) for at, raw in enumerate(packets)]
    events += [Called(99, "GET", f"/{body}", 200, body.encode(errors="replace")) for body in bodies]
    found = Transcript(tuple(events), {"": "x", "otakit": "y"})
    assert first_of(found, found) is None
