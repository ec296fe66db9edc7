"""Whatever bytes come, a conversation answers or closes; it never raises."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otakit.errors import ServerRefused
from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Packet, Version
from otakit.twin.conversation import Conversation
from otakit.twin.model import Model
from otakit.twin.rules.entities import Credentials, Device, OtaPackage
from otakit.twin.rules.provisioning import ProvisionRequestError
from otakit.twin.rules.values import FormatError
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


KNOBS = st.sampled_from(
    [
        {},
        {"device_messages": "5:1", "device_telemetry_messages": "2:1", "tenant_telemetry_data_points": "9:1"},
        {"api_disabled": True},
        {"core_delay_s": 1, "remembered_request_ids": 2},
        {"core_reachable": False},
        {"connections_per_device": 2, "remembered_keys": 2, "remembered_values": 2, "version": "3.4.1"},
    ]
)
OWN_TOPICS = st.sampled_from(
    [
        {},
        {"deviceTelemetryTopic": "#", "sendAckOnValidationException": True},
        {"deviceAttributesTopic": "v2/+/+", "deviceAttributesSubscribeTopic": "#"},
        {"transportPayloadTypeConfiguration": {"transportPayloadType": "PROTOBUF"}},
    ]
)
FILTERS_SAID = st.sampled_from(
    ["v1/devices/me/attributes", "v2/a/p", "v2/fw/response/+/chunk/+", "#", "+", "v1/gateway/attributes", "v2/r/req/+",
     "/provision/response", "v1/devices/me/attributes/response/+", ""]
)  # fmt: skip
NAMES = st.sampled_from([None, "token", "provision", "user", "", "nobody"])
BODIES = st.one_of(
    st.sampled_from(
        [
            b"", b"{}", b"[]", b"10", b"x", b'{"a":1}', b'{"device":"c1"}', b'{"c1":[{"a":1}]}', b'{"c1":{"a":1}}',
            b'{"device":"d"}', b'{"id":1,"device":"c1","client":true,"keys":["a","b"]}',
            b'{"method":"getSessionLimits"}',
            b'{"provisionDeviceKey":"K","provisionDeviceSecret":"S"}', b'{"sharedKeys":"a,b"}',
            b'{"provisionDeviceKey":"K","provisionDeviceSecret":"S","credentialsType":"MQTT_BASIC","clientId":"c"}',
        ]
    ),
    st.binary(max_size=20),
)  # fmt: skip
GATEWAY_TOPICS = ["connect", "disconnect", "telemetry", "attributes", "attributes/request", "rpc", "claim", "x"]
ALL_TOPICS = st.one_of(
    TOPICS,
    st.sampled_from(["/provision/request", "v1/devices/me/rpc/response/1", "v2/a/req/j/1", "v2/t/p", "x"]),
    st.sampled_from([f"v1/gateway/{name}" for name in GATEWAY_TOPICS]),
)


def _publish(topic: str, body: bytes, qos: int) -> Packet:
    return p.Publish(topic, body, qos, 7 if qos else None)


def _packets() -> st.SearchStrategy[Packet]:
    qos, names = st.integers(0, 2), st.lists(FILTERS_SAID, min_size=1, max_size=3).map(tuple)
    client_ids = st.sampled_from(["c", "", "provision", "x" * 30])
    passwords = st.sampled_from([None, b"", b"secret", b"\xff"])
    return st.one_of(
        st.builds(p.Connect, client_ids, st.sampled_from(list(Version)), user_name=NAMES, password=passwords),
        st.builds(_publish, ALL_TOPICS, BODIES, qos),
        st.builds(p.Subscribe, st.just(3), st.lists(st.tuples(FILTERS_SAID, qos), min_size=1, max_size=3).map(tuple)),
        st.builds(p.Unsubscribe, st.just(4), names),
        st.sampled_from([p.PingReq(), p.PubAck(1), p.PubRel(1), p.PubRec(2), p.PubComp(2), p.Disconnect(), p.Auth()]),
        st.sampled_from([p.ConnAck(0), p.SubAck(1, (0,)), p.UnsubAck(1), p.PingResp()]),
    )


class Rig:
    """Two connections of a gateway with a package, under any knobs; and what must hold of them at all times."""

    def __init__(self, knobs: dict[str, Any], topics: dict[str, Any], certificates: tuple[bytes, ...]) -> None:
        self.now = NOW
        self.model = Model(TwinSettings(dispatch_spacing_s=0, **knobs), random.Random(1), NOW)
        device = self.model.save_device(Device("d", extra={"additionalInfo": {"gateway": True}}), NOW, "token")
        basic = Credentials("", "", type="MQTT_BASIC", value='{"userName":"user","password":"secret"}')
        self.model.save_device(Device("e"), NOW, credentials=basic)
        self.model.save_device(Device("f"), NOW, credentials=Credentials("", "", type="X509_CERTIFICATE", value="QQ=="))
        data = {
            "transportConfiguration": {"type": "MQTT", **topics},
            "provisionConfiguration": {"provisionDeviceSecret": "S"},
        }
        extra = {"provisionType": "ALLOW_CREATE_NEW_DEVICES", "provisionDeviceKey": "K", "profileData": data}
        profile = self.model.store.profile(self.model.store.default_profile_id)
        self.model.save_profile(replace(profile, extra=extra), NOW)
        package = self.model.upload(Kind.FIRMWARE, "t", "1", bytes(1000), NOW)
        self.model.assign(device, Kind.FIRMWARE, package.id, NOW)
        self.talks = [Conversation(self.model, NOW, certificates), Conversation(self.model, NOW)]

    def say(self, which: int, raw: bytes, wait_ns: int) -> None:
        """One connection says something; time passes."""
        talk = self.talks[which]
        talk.receive(raw, self.now)
        self.now += wait_ns
        self.model.advance(self.now)
        self.model.sessions.take_woken()
        for each in self.talks:
            for packet in each.take():
                assert packet
        self.check()

    def check(self) -> None:
        """Whoever is closed is no session, and each session is one of these or behind one of these."""
        sessions = self.model.sessions
        there = [each for found in sessions._open.values() for each in found]
        assert len(there) == len(sessions)
        for session in there:
            assert session.outlet in self.talks
            assert not session.outlet.closing


@settings(max_examples=400, deadline=None)
@given(
    KNOBS, OWN_TOPICS, st.sampled_from([(), (b"A",), (b"x", b"A")]),
    st.lists(st.tuples(st.integers(0, 1), _packets(), st.integers(0, 10**9)), max_size=14),
)  # fmt: skip
def test_any_packets_in_any_order_leave_nothing_stuck(
    knobs: dict[str, Any], topics: dict[str, Any], certificates: tuple[bytes, ...], said: list[tuple[int, Packet, int]]
) -> None:
    """Under any knobs and any version: nothing is raised, nothing closed stays open, the end frees everything."""
    rig = Rig(knobs, topics, certificates)
    versions = [Version.MQTT_3_1_1, Version.MQTT_3_1_1]
    for which, packet, wait_ns in said:
        if isinstance(packet, p.Connect):
            versions[which] = packet.version
        if isinstance(packet, p.Connect) and packet.user_name is None and packet.version is not Version.MQTT_5:
            packet = replace(packet, password=None)  # noqa: PLW2901 - what this version cannot say
        rig.say(which, encode(packet, versions[which]), wait_ns)
    for talk in rig.talks:
        talk.lost()
    rig.check()
    assert len(rig.model.sessions) == 0
    rig.model.advance(rig.now + 10**15)
    assert rig.model.wake_at is None


@given(st.binary(max_size=80), st.sampled_from([(), (b"A",), (b"any",)]), st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_on_any_kind_of_connection(head: bytes, certificates: tuple[bytes, ...], slices: list[bytes]) -> None:
    for opening in ("provision", "token", "user"):
        rig = Rig({}, {}, certificates)
        rig.say(0, encode(p.Connect("c", Version.MQTT_5, user_name=opening, password=b"secret"), Version.MQTT_5), 0)
        for piece in (head, *slices):
            rig.say(0, piece, 1)


MEMBERS = st.sampled_from(
    ["deviceName", "provisionDeviceKey", "provisionDeviceSecret", "credentialsType", "token", "hash", "clientId",
     "username", "password", "gateway"]
)  # fmt: skip
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSONS = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=6), max_leaves=12
)


@given(JSONS, st.dictionaries(MEMBERS, PLAIN, max_size=5))
def test_any_json_is_a_request_to_be_provisioned_or_is_refused(request: object, members: dict[str, object]) -> None:
    rig = Rig({}, {}, ())
    for body in (request, {"provisionDeviceKey": "K", "provisionDeviceSecret": "S", **members}):
        with suppress(FormatError, ProvisionRequestError):
            assert rig.model.provision(body, NOW)["status"] in ("SUCCESS", "FAILURE", "NOT_FOUND")
