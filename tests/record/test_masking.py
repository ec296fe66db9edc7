"""Nothing that proves who a device is reaches a recording, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.protocol.mqtt import decode, encode
from otakit.protocol.packets import Auth, ConnAck, Connect, Publish, Version, Will
from otakit.record.masking import device_key, masked
from otakit.record.masking_json import masked_json, masked_provisioning

V4, V5 = Version.MQTT_3_1_1, Version.MQTT_5
SECRET = "tok-5ecret-π"


def test_the_token_is_overwritten_with_stars_of_equal_length(version: Version) -> None:
    """User name (the token), password and will go; every length and every other field stays."""
    connect = Connect("dev", version, True, 60, SECRET, b"pass\0word", Will("w", b"bye"))
    raw = encode(connect)
    clean = masked(raw, V4)
    found = decode(clean)
    assert isinstance(found, Connect)
    assert len(clean) == len(raw)
    assert (found.user_name, found.password) == ("*" * len(SECRET.encode()), b"*********")
    assert found.will == Will("w", b"***")
    assert (found.client_id, found.version, found.keep_alive_s) == ("dev", version, 60)


def test_a_client_id_that_is_the_only_credential_is_overwritten() -> None:
    """ThingsBoard's MQTT_BASIC may know a device by its client id alone."""
    found = decode(masked(encode(Connect("my-secret-id")), V4))
    assert isinstance(found, Connect)
    assert found.client_id == "************"


@pytest.mark.parametrize("connect", [Connect("provision"), Connect("any", user_name="provision")])
def test_the_word_that_asks_for_provisioning_is_no_secret(connect: Connect) -> None:
    """Else nobody could see from a recording why the connection behaves as it does."""
    assert masked(encode(connect), V4) == encode(connect)


@pytest.mark.parametrize("packet", [
    Connect("dev", V5, user_name="x", properties=(("authentication_method", "scram"), ("authentication_data", b"s3"))),
    ConnAck(0, properties=(("authentication_data", b"s3"), ("reason_string", "fine"))),
    Auth(0x18, (("authentication_method", "scram"), ("authentication_data", b"s3"))),
])  # fmt: skip
def test_authentication_data_of_mqtt_5_are_overwritten(packet: Connect | ConnAck | Auth) -> None:
    """The method stays, the data go."""
    found = decode(masked(encode(packet, V5), V5), V5)
    assert isinstance(found, Connect | ConnAck | Auth)
    assert [name for name, _ in found.properties] == [name for name, _ in packet.properties]
    assert dict(found.properties)["authentication_data"] == b"**"


def test_a_connect_that_cannot_be_read_is_overwritten_whole() -> None:
    """Its secrets may stand anywhere."""
    raw = encode(Connect("dev", user_name=SECRET))
    torn = raw[:4] + b"\xff\xff" + raw[6:]
    assert masked(torn, V4) == torn[:2] + b"*" * (len(torn) - 2)


@given(raw=st.binary(max_size=200), version=st.sampled_from(Version))
def test_masking_never_fails_and_never_changes_a_length(raw: bytes, version: Version) -> None:
    """Whatever came over the wire, and whatever CONNECT had said."""
    for start in (b"", b"\x10", b"\x20", b"\x30", b"\xf0"):
        assert len(masked(start + raw, version)) == len(start + raw)


@given(name=st.text(min_size=1, max_size=30), password=st.binary(max_size=30), version=st.sampled_from(Version))
def test_masking_twice_is_masking_once(name: str, password: bytes, version: Version) -> None:
    """A recording made from a recording stays the same."""
    raw = encode(Connect("c", version, user_name=name.replace("\0", "x"), password=password))
    once = masked(raw, version)
    assert masked(once, version) == once


def test_provisioning_keeps_names_and_outcomes_only() -> None:
    """Key, secret and the credentials that come back go, nested ones too."""
    asked = {"deviceName": "d1", "provisionDeviceKey": "KKKK", "provisionDeviceSecret": "SSSS", "token": "TT"}
    answered = {"credentialsValue": {"clientId": "c", "userName": "uu", "password": 12345}, "status": "SUCCESS"}
    for topic, body in (("/provision/request", asked), ("/provision/response", answered)):
        clean = masked(encode(Publish(topic, json.dumps(body).encode())), V4)
        found = decode(clean)
        assert isinstance(found, Publish)
        seen: dict[str, Any] = json.loads(found.payload)
        assert seen.keys() == body.keys()
        assert seen.get("deviceName", "d1") == "d1"
        assert seen.get("status", "SUCCESS") == "SUCCESS"
        assert not any(secret in found.payload for secret in (b"KKKK", b"SSSS", b"TT", b"uu", b"12345", b'"c"'))


def test_provisioning_that_is_no_json_is_overwritten_whole() -> None:
    """ThingsBoard also takes Protobuf there."""
    assert masked_provisioning(b"\x0a\x04SSSS") == b"******"
    assert masked_provisioning(b'"SSSS"') == b"******"


@pytest.mark.parametrize(("payload", "expected"), [
    (b'{"wifi_password": "hunter2", "n": 1}', b'{"wifi_password": "*******", "n": 1}'),
    (b'{"shared":{"apiKey":"k\\"x","fw_title":"pump"}}', b'{"shared":{"apiKey":"****","fw_title":"pump"}}'),
    (b'{"pass\\u0077ord":"hunter2"}', b'{"pass\\u0077ord":"*******"}'),
    (b'{"tokens":["a","bb"],"x":"a"}', b'{"tokens":["*","**"],"x":"a"}'),
    (b'{"token":{"a":{"b":"cc"}},"x":"a"}', b'{"token":{"a":{"b":"**"}},"x":"a"}'),
    (b'{"secret":123456,"on":true}', b'{"secret":"****","on":true}'),
    (b'{"secret":7,"token":null}', b'{"secret":0,"token":null}'),
    (b'{"fw_url":"https://me:pw@host/a?x=1&sig=abc&y=2"}', b'{"fw_url":"https://*****@host/a?x=1&sig=***&y=2"}'),
    (b'{"fw_url":"https:\\/\\/me:pw@host"}', b'{"fw_url":"https:\\/\\/*****@host"}'),
    (b'{"password":"cut of', b'{"password":"******'),
    (b'{"deleted":["wifi_password"]}', b'{"deleted":["wifi_password"]}'),
])  # fmt: skip
def test_a_value_under_a_secret_name_is_overwritten_and_json_stays_json(payload: bytes, expected: bytes) -> None:
    """At any depth, escaped names and URLs included."""
    assert masked_json(payload) == expected


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "token", "b"]) | st.text(), inner),
    max_leaves=12,
), st.booleans())  # fmt: skip
def test_json_is_json_of_equal_length_after_masking(value: Any, plain: bool) -> None:
    """Frames read the same shape from it."""
    payload = json.dumps({"password": value, "x": [value]}, ensure_ascii=plain).encode(errors="replace")
    for clean in (masked_json(payload), masked_provisioning(payload)):
        json.loads(clean)
        assert len(clean) == len(payload)


def test_hostile_json_costs_no_more_than_its_length() -> None:
    """The writer's thread must not stand still over one payload of 64 KiB; quadratic would take minutes."""
    for piece in (b"?key", b'"token', b"://", b"[", b"&key=", b"\\u"):
        masked_json(piece * (65536 // len(piece)))
    masked_json(b"://?" + b"key" * 300_000)


def test_a_device_has_the_same_key_whatever_its_client_id() -> None:
    """Client libraries make a new client id for each connection; a password makes another device."""
    one, two = Connect("a", user_name="tok"), Connect("b", V5, user_name="tok")
    keys = [device_key(encode(packet), b"k") for packet in (one, two, Connect("a", user_name="tok", password=b"p"))]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0] is not None
    assert len(keys[0]) == 12


def test_device_keys_depend_on_the_users_key() -> None:
    """Without it nobody can try tokens against a recording."""
    raw = encode(Connect("a", user_name="tok"))
    assert device_key(raw, b"one") != device_key(raw, b"two")


def test_what_is_no_connect_has_no_device_key() -> None:
    """Nor has one that cannot be read."""
    assert device_key(b"\xc0\x00", b"k") is None
    assert device_key(b"\x10\x03abc", b"k") is None
