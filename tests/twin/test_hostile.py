"""Whatever bytes come, a conversation answers or closes; it never raises."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otakit.errors import ServerRefused
from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Version
from otakit.twin.conversation import Conversation
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device, OtaPackage
from otakit.twin.settings import TwinSettings

NOW = 10**18
TOPICS = st.sampled_from(
    [
        "v1/devices/me/telemetry", "v1/devices/me/attributes", "v1/devices/me/attributes/request/1", "v2/t", "v2/a",
        "v2/fw/request/1/chunk/0", "v2/sw/request/2/chunk/1", "v1/devices/me/rpc/request/1", "v1/gateway/telemetry",
        "v2/fw/request/1/chunk/99999999999", "v1/devices/me/claim", "v2/r/req/x",
    ]
)  # fmt: skip


def conversation(version: Version | None) -> Conversation:
    """One of a device with a package; connected when a version is given."""
    model = Model(TwinSettings(dispatch_spacing_s=0), random.Random(0), NOW)
    device = model.save_device(Device("d"), NOW, "token")
    package = model.upload(Kind.FIRMWARE, "t", "1", bytes(1000), NOW)
    model.assign(device, Kind.FIRMWARE, package.id, NOW)
    talk = Conversation(model, NOW)
    if version is not None:
        talk.receive(encode(p.Connect("c", version, user_name="token")), NOW)
    return talk


VERSIONS = st.sampled_from([None, *Version])


@given(VERSIONS, st.lists(st.binary(max_size=80), max_size=6))
def test_any_bytes_end_in_an_answer_or_a_close(version: Version | None, slices: list[bytes]) -> None:
    talk = conversation(version)
    for piece in slices:
        talk.receive(piece, NOW)
        talk.take()


@settings(max_examples=300)
@given(VERSIONS, TOPICS, st.binary(max_size=60), st.integers(0, 2), st.binary(max_size=6))
def test_any_payload_under_any_topic(
    version: Version | None, topic: str, payload: bytes, qos: int, tail: bytes
) -> None:
    talk = conversation(version)
    talk.receive(encode(p.Publish(topic, payload, qos, 5 if qos else None), version or Version.MQTT_3_1_1) + tail, NOW)
    talk.take()


JSONISH = st.text(alphabet="{}[]\":,;=ab01.-e\\u/ #'", max_size=40)


@settings(max_examples=300)
@given(TOPICS, JSONISH)
def test_any_json_under_any_topic(topic: str, payload: str) -> None:
    talk = conversation(Version.MQTT_5)
    talk.receive(encode(p.Publish(topic, payload.encode(), 1, 5), Version.MQTT_5), NOW)
    talk.receive(encode(p.Publish("v1/devices/me/attributes/request/1", b"{}", 1, 6), Version.MQTT_5), NOW)
    talk.take()


@given(st.integers(1, 200), st.lists(st.binary(min_size=1, max_size=30), max_size=5))
def test_slices_of_any_size_say_the_same(cut: int, payloads: list[bytes]) -> None:
    """How TCP cuts the stream changes nothing but the order of a first burst."""
    stream = encode(p.Connect("c", user_name="token")) + b"".join(
        encode(p.Publish("some/where", payload, 1, number + 1)) for number, payload in enumerate(payloads)
    )
    whole, cut_up = conversation(None), conversation(None)
    whole.receive(stream, NOW)
    for at in range(0, len(stream), cut):
        cut_up.receive(stream[at : at + cut], NOW)
    assert b"".join(whole.take()) == b"".join(cut_up.take())


@pytest.mark.parametrize("title", ["../x", "x" * 10_000, "a\nb"])
def test_hostile_names_are_only_text_to_the_server(title: str) -> None:
    """ThingsBoard takes blanks and slashes; only length and markup are refused."""
    model: Any = Model(TwinSettings(), random.Random(0), NOW)
    draft = OtaPackage(title, "1", Kind.FIRMWARE, model.store.default_profile_id)
    if len(title) > 255:
        with pytest.raises(ServerRefused, match="title length must be equal or less than 255"):
            model.save_package(draft, NOW)
    else:
        assert model.save_package(draft, NOW).title == title
