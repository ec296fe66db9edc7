"""Wireshark's own dissector judges recordings: every packet decoded, none malformed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Packet, Publish, Version
from otakit.record.keeping import Keep
from otakit.record.pcapng import Recorder, entries_to_file, read

pytestmark = pytest.mark.needs("tshark")

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
CLIENT, SERVER = ("10.1.2.3", 50123), ("10.1.2.4", 1883)
V4, V5 = Version.MQTT_3_1_1, Version.MQTT_5
LARGE = bytes(range(256)) * 6144  # 1.5 MiB
REASON = (("reason_string", "fine"), ("user_property", ("a", "b")))

Said = tuple[Direction, Packet]


def conversation(version: Version) -> list[Said]:
    """Every packet type that the version has, a PUBLISH of 1.5 MiB in the middle."""
    five = version is V5
    said: list[Said] = [
        (UP, p.Connect("dev", version, user_name="A1_TOKEN", password=b"pw", will=p.Will("w", b"bye"))),
        (DOWN, p.ConnAck(0, properties=(("receive_maximum", 20), *REASON) if five else ())),
        (UP, p.Subscribe(1, (("v2/fw/response/+/chunk/+", 0), ("v1/devices/me/attributes", 1)))),
        (DOWN, p.SubAck(1, (0, 1))),
        (UP, Publish("v1/devices/me/telemetry", b'{"fw_state":"DOWNLOADING"}', 1, 2)),
        (DOWN, p.PubAck(2, 0x10 if five else 0)),
        (UP, Publish("v2/fw/request/1/chunk/0", b"4096")),
        (DOWN, Publish("v2/fw/response/1/chunk/0", LARGE, 1, 3)),
        (UP, p.PubAck(3)),
        (DOWN, Publish("v2/sw/response/2/chunk/7", b"x" * 4096)),
        (UP, Publish("a/二", b"", 2, 4, retain=True)),
        (DOWN, p.PubRec(4)),
        (UP, p.PubRel(4)),
        (DOWN, p.PubComp(4)),
        (UP, p.Unsubscribe(5, ("v2/fw/error",))),
        (DOWN, p.UnsubAck(5, (0,) if five else ())),
        (UP, p.PingReq()),
        (DOWN, p.PingResp()),
    ]
    if five:
        said.append((DOWN, p.Auth(0x18, (("authentication_method", "scram"), ("authentication_data", b"s3")))))
    return [*said, (DOWN if five else UP, p.Disconnect(0x83 if five else 0, REASON if five else ()))]


def recorded(said: list[Said], version: Version, path: Path, keep: Keep = "all") -> Path:
    entries: list[Entry] = [OpenedConnection(0, CLIENT, SERVER)]
    for number, (direction, packet) in enumerate(said, 1):
        raw = encode(packet, version)
        entries.append(CapturedPacket(number, 1_700_000_000_000_000_123 + number, 0, direction, raw, len(raw)))
        entries.append(Note("retry", 1_700_000_000_000_000_123 + number, {"index": number}, 0, number))
    return entries_to_file(entries, path, keep=keep)


def dissected(path: Path, *options: str) -> list[dict[str, Any]]:
    """The frames as tshark shows them, every field flattened to its values."""
    asked = ["tshark", "-r", str(path), "-T", "json", "--no-duplicate-keys", *options]
    done = subprocess.run(asked, check=True, capture_output=True, timeout=60)  # stderr warns when run as root
    frames = [frame["_source"]["layers"] for frame in json.loads(done.stdout)]
    return [{"protocols": frame["frame"]["frame.protocols"], **_flat(frame)} for frame in frames]


def malformed(path: Path) -> list[bytes]:
    """Numbers of the frames that Wireshark cannot read."""
    asked = ["tshark", "-r", str(path), "-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number"]
    return subprocess.run(asked, check=True, capture_output=True, timeout=60).stdout.split()


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        for part in inner if isinstance(inner, list) else [inner]:
            if isinstance(part, dict):
                found.update(_flat(part))
            else:
                found.setdefault(name, []).append(part)
    return found


@dataclass(frozen=True)
class Seen:
    """What of a packet both sides can say."""

    type: int
    topic: str | None
    packet_id: int | None
    length: int


def ours(said: list[Said], version: Version) -> list[Seen]:
    seen = []
    for _, packet in said:
        topic = packet.topic if isinstance(packet, Publish) else None
        remaining = len(encode(packet, version))
        header = 2 if remaining < 130 else 3 if remaining < 16_387 else 4 if remaining < 2_097_156 else 5
        seen.append(Seen(int(packet.type), topic, getattr(packet, "packet_id", None), remaining - header))
    return seen


def theirs(frames: list[dict[str, Any]]) -> list[Seen]:
    return [
        Seen(
            int(frame["mqtt.msgtype"][0]),
            frame["mqtt.topic"][0] if int(frame["mqtt.msgtype"][0]) == p.PacketType.PUBLISH else None,
            int(frame["mqtt.msgid"][0]) if "mqtt.msgid" in frame else None,
            int(frame["mqtt.len"][0]),
        )
        for frame in frames
    ]


@pytest.mark.parametrize("keep", ["all", "head", "none"])
@pytest.mark.parametrize("version", [V4, V5], ids=lambda version: version.label)
def test_wireshark_reads_every_packet_as_we_do(tmp_path: Path, version: Version, keep: Keep) -> None:
    """Count, types, topics, packet ids and lengths; none malformed, also behind the long one."""
    said = conversation(version)
    path = recorded(said, version, tmp_path / "run.pcapng", keep)
    frames = dissected(path)
    assert malformed(path) == []
    mqtt = [frame for frame in frames if frame["protocols"] == "exported_pdu:mqtt"]
    assert theirs(mqtt) == ours(said, version)


def test_a_packet_that_lies_about_its_length_is_found_malformed(tmp_path: Path) -> None:
    """Else that none is malformed would say nothing."""
    raw = b"\x30\x05\x00\x09abc"
    lies = [CapturedPacket(1, 1, 0, UP, raw, len(raw))]
    assert malformed(entries_to_file(lies, tmp_path / "lies.pcapng")) == [b"1"]


def test_what_wireshark_calls_it_is_ours(tmp_path: Path) -> None:
    """Addresses, ports, direction, nanoseconds and the packet's number; version 5 known from CONNECT."""
    said = conversation(V5)
    frames = dissected(recorded(said, V5, tmp_path / "run.pcapng"), "-Y", "mqtt")
    up, down = frames[0], frames[1]
    assert up["exported_pdu.ipv4_src"] == down["exported_pdu.ipv4_dst"] == ["10.1.2.3"]
    assert up["exported_pdu.src_port"] == down["exported_pdu.dst_port"] == ["50123"]
    assert (up["frame.packet_flags_direction"], down["frame.packet_flags_direction"]) == (
        ["0x00000002"],
        ["0x00000001"],
    )
    assert up["frame.time_epoch"] == ["1700000000.000000124"]
    assert [int(frame["frame.packet_id"][0]) for frame in frames] == list(range(1, len(said) + 1))


def test_no_secret_is_shown_and_lengths_stay(tmp_path: Path) -> None:
    """What was overwritten reads as stars."""
    connect = dissected(recorded(conversation(V4), V4, tmp_path / "run.pcapng"))[0]
    assert connect["mqtt.username"] == ["********"]
    assert connect["mqtt.passwd"] == ["**"]


def test_notes_are_json_and_the_rest_of_a_long_packet_is_data(tmp_path: Path) -> None:
    """Each block has the dissector that fits it; the comment names the packet."""
    path = recorded(conversation(V4), V4, tmp_path / "run.pcapng")
    protocols = [frame["protocols"].removeprefix("exported_pdu:") for frame in dissected(path)]
    said = len(conversation(V4))
    assert (protocols.count("mqtt"), protocols.count("json"), protocols.count("data")) == (said, said + 1, 6)
    comments = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.comment", "-Y", "data"],
        check=True, capture_output=True, timeout=60,
    ).stdout  # fmt: skip
    assert comments.splitlines() == [b'{"continues packet":8}'] * 6


def test_connections_of_different_versions_do_not_confuse_each_other(tmp_path: Path) -> None:
    """Wireshark knows the version of a connection from its CONNECT, by addresses and ports."""
    path = tmp_path / "two.pcapng"
    with Recorder(path, key=b"k") as heard:
        lines = {version: heard.connection((CLIENT[0], 5000 + version), SERVER) for version in (V4, V5)}
        said = {version: conversation(version) for version in (V4, V5)}
        for at in range(len(said[V4])):
            for version, line in lines.items():
                heard.packet(line, said[version][at][0], encode(said[version][at][1], version))
    frames = dissected(path, "-Y", "mqtt")
    assert malformed(path) == []
    both = [pair for version in (V4, V5) for pair in ours(said[version][: len(said[V4])], version)]
    assert sorted(map(repr, theirs(frames))) == sorted(map(repr, both))


def test_a_recording_that_wireshark_saved_again_reads_the_same(tmp_path: Path) -> None:
    """Somebody adds a comment and saves; otakit still reads it."""
    path = recorded(conversation(V5), V5, tmp_path / "run.pcapng")
    saved = tmp_path / "saved.pcapng"
    subprocess.run(["tshark", "-r", str(path), "-w", str(saved)], check=True, capture_output=True, timeout=60)
    before, after = read(path), read(saved)
    assert after.entries == before.entries
    assert after.metadata == before.metadata
    assert after.outcome == before.outcome
