"""What our client never says, said by hand: the article's examples of what a device should not do.

Each function is a device of a `conformance.Stage`, so the same packets go to the twin in memory, which gives
the recordings, and over TCP, which must give the same messages. The names and sentences stand in `BY_HAND`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from otakit.article.stories import image
from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.conformance.memory import MemoryStage
from otakit.conformance.peer import Peer
from otakit.conformance.stage import Stage
from otakit.conformance.transcript import Closed, Passed, Transcript
from otakit.protocol import packets as p
from otakit.protocol.messages import ATTRIBUTES_RESPONSE_FILTER, ATTRIBUTES_TOPIC, Kind, chunk_filter, error_filter
from otakit.protocol.packets import Version
from otakit.trial.world import DEVICE, SERVER

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
FIRMWARE_IMAGE, SOFTWARE_IMAGE = image("pump 1.1.0"), image("panel 2.1.0")
URL = "https://files.example/pump-1.2.0.bin"


@dataclass(frozen=True)
class Hand:
    """One run by hand.

    Attributes:
        name: of its recording.
        sentence: what happens.
    """

    name: str
    sentence: str
    play: Callable[[Stage], None]
    version: Version = Version.MQTT_3_1_1


def _listener(stage: Stage) -> Peer:
    """A connection that hears chunks and errors at QoS 0, so that it owes no PUBACK."""
    peer = stage.device()
    assert peer.subscribes(chunk_filter(FW), error_filter(FW), qos=0) == (0, 0)
    return peer


def refusals(stage: Stage) -> None:
    """A filter, a request without a package, a chunk that is too large, a number in quotes; and the end of an image."""
    stage.needs(shuffle=False)
    fixture = stage.fixture()
    peer = stage.device()
    assert peer.subscribes("v2/fw/response/+", chunk_filter(FW), error_filter(FW), qos=0) == (0x80, 0, 0)
    peer.says(peer.a_chunk_request(1, 0, 4096))
    peer.ends_with_error("NOT_FOUND")
    fixture.assign(fixture.make_package("1.1.0", FIRMWARE_IMAGE))
    peer = _listener(stage)
    peer.says(peer.a_chunk_request(1, 0, 65_537))
    peer.ends_with_error("PAYLOAD_TOO_LARGE")
    peer = _listener(stage)
    peer.says(peer.a_chunk_request(1, 0, '"4096"'))
    assert peer.ends(0x8B) == []
    peer = _listener(stage)
    assert len(peer.chunk(1, 4, 4096)) == 3616
    assert peer.chunk(1, 5, 4096) == b""
    assert peer.subscribes(ATTRIBUTES_RESPONSE_FILTER, qos=0) == (0,)
    assert list(peer.attributes("fw_title, fw_version")["shared"]) == ["fw_title"]


def refusals_in_mqtt_5(stage: Stage) -> None:
    """The same refusal with the codes of MQTT 5."""
    stage.needs(shuffle=False)
    peer = stage.device()
    assert peer.subscribes("v2/fw/response/+", chunk_filter(FW), error_filter(FW), qos=0) == (0x8F, 0, 0)
    peer.says(peer.a_chunk_request(1, 0, 4096))
    peer.ends_with_error("NOT_FOUND")


def software_is_not_renamed_firmware(stage: Stage) -> None:
    """One request id for both brings the firmware; the error of a software request comes on the firmware's topic."""
    stage.needs(shuffle=False)
    fixture = stage.fixture()
    fixture.assign(fixture.make_package("1.1.0", FIRMWARE_IMAGE))
    panel = fixture.make_package("2.1.0", SOFTWARE_IMAGE, title=stage.unique("panel"), type="SOFTWARE")
    fixture.assign(panel, kind="software")
    peer = stage.device()
    filters = (chunk_filter(FW), chunk_filter(SW), error_filter(FW), error_filter(SW))
    assert peer.subscribes(*filters, qos=0) == (0, 0, 0, 0)
    assert peer.chunk(1, 0, 32) == FIRMWARE_IMAGE[:32]
    assert peer.chunk(1, 0, 32, "sw") == FIRMWARE_IMAGE[:32]
    assert peer.chunk(2, 0, 32, "sw") == SOFTWARE_IMAGE[:32]
    fixture.assign(None, kind="software")
    peer.says(peer.a_chunk_request(3, 0, 32, "sw"))
    peer.ends_with_error("NOT_FOUND")


def url_package(stage: Stage) -> None:
    """A package behind a URL: attributes with the URL, and no chunks."""
    stage.needs(shuffle=False)
    fixture = stage.fixture()
    package = fixture.describe_package("1.2.0", usesUrl=True, url=URL, tag="blue")
    peer = stage.device()
    assert peer.subscribes(ATTRIBUTES_TOPIC, ATTRIBUTES_RESPONSE_FILTER, error_filter(FW), qos=0) == (0, 0, 0)
    assert peer.attributes("fw_title,fw_version,fw_url") == {}
    fixture.assign(package)
    assert {tuple(body) for body in peer.updates(2)} == {("deleted",), ("fw_title", "fw_version", "fw_tag", "fw_url")}
    peer.says(peer.a_chunk_request(1, 0, 4096))
    peer.ends_with_error("FAILURE")


BY_HAND = (
    Hand("refusals", "what is refused, and how: a filter, four chunk requests, a key with a blank", refusals),
    Hand("refusals-in-mqtt-5", "a filter and a chunk request refused in MQTT 5", refusals_in_mqtt_5, Version.MQTT_5),
    Hand(
        "software-is-not-renamed-firmware",
        "request ids and the error topic that firmware and software share",
        software_is_not_renamed_firmware,
    ),
    Hand("url-package", "a package that ThingsBoard does not store", url_package),
)


def played_by_hand(hand: Hand) -> list[Entry]:
    """What passed in memory."""
    with MemoryStage(hand.version) as stage:
        hand.play(stage)
        return list(entries_of(stage.transcript()))


def entries_of(transcript: Transcript) -> Iterator[Entry]:
    """A transcript as a tap at the device would have seen it."""
    opened, number = set[int](), 0
    for event in transcript.events:
        match event:
            case Passed(at_ns=at, connection=connection, direction=direction, raw=raw):
                if connection not in opened:
                    opened.add(connection)
                    yield OpenedConnection(connection, (DEVICE[0], DEVICE[1] + connection), SERVER)
                if raw[0] >> 4 in QUIET:
                    continue
                number += 1
                yield CapturedPacket(number, at, connection, direction, raw, len(raw))
            case Closed(at_ns=at, connection=connection):
                yield Note("connection_lost", at, {"reason": "the server closed the connection"}, connection)


QUIET = (p.PacketType.PINGREQ, p.PacketType.PINGRESP)
"""Signs of life, with which a stage makes sure over TCP that nothing more comes."""
