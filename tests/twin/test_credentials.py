"""Who a device is: access tokens, MQTT basic credentials, certificates; what may be saved of them (section 15)."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from otakit.errors import ServerRefused
from otakit.protocol import packets as p
from otakit.protocol.packets import Version
from otakit.twin.conversation import Conversation
from otakit.twin.rules.certificates import CertificateFacts
from otakit.twin.rules.credentials import Refusal
from otakit.twin.rules.entities import Credentials, Device, Profile

CID_1 = "96f635ff38fe83608b491dc24ee858e56d02d99851c0c9224aaa2364a0f9fb8c"
CID_1_USER_1 = "8534418ef3bbac3e6fe4a0ed3314716bb1e46774b8b78eb91045d3d4fe17e12c"
LEAF = b"a certificate in DER"


def basic(client_id: str | None = None, user_name: str | None = None, password: str | None = None) -> Credentials:
    value = json.dumps({"clientId": client_id, "userName": user_name, "password": password})
    return Credentials("", "", type="MQTT_BASIC", value=value)


def certificate(der: bytes = LEAF) -> Credentials:
    return Credentials("", "", type="X509_CERTIFICATE", value=b64encode(der).decode())


def add(world: Any, name: str, credentials: Credentials) -> Device:
    made: Device = world.model.save_device(Device(name), world.now, credentials=credentials)
    return made


def codes(talk: Any, answers: list[Any]) -> tuple[int, ...]:
    assert talk.closed
    return tuple(each.reason_code for each in answers)


@pytest.fixture
def one(make: Callable[..., Any]) -> Any:
    """One world: the rules do not depend on MQTT's version."""
    return make()


@pytest.mark.parametrize(
    ("stored", "identifier"),
    [
        (basic("cid-1"), CID_1),
        (basic("cid-1", "user-1"), CID_1_USER_1),
        (basic("cid-1", "user-1", "secret"), CID_1_USER_1),
        (basic(None, "user-1", "secret"), "user-1"),
        (certificate(), hashlib.sha3_256(b64encode(LEAF)).hexdigest()),
    ],
)
def test_id_of_credentials_follows_from_their_value(one: Any, stored: Credentials, identifier: str) -> None:
    device = add(one, "d2", stored)
    assert one.model.store.credentials[device.id].credentials_id == identifier


def test_certificate_is_stored_without_frame_and_line_breaks(one: Any) -> None:
    pem = "-----BEGIN CERTIFICATE-----\r\nQUJD\nREVG\n-----END CERTIFICATE-----\n"
    device = add(one, "d2", Credentials("", "", type="X509_CERTIFICATE", value=pem))
    assert one.model.store.credentials[device.id].value == "QUJDREVG"


BOTH, SECRET = basic("c", "u"), basic("c", "u", "s")


@pytest.mark.parametrize(
    ("stored", "client_id", "user_name", "password", "fits"),
    [
        (basic("c"), "c", None, None, True),
        (basic("c"), "c", "", None, True),
        (basic("c"), "c", "u", None, False),
        (basic("c"), "x", None, None, False),
        (basic(None, "u"), "any", "u", None, True),
        (basic(None, "u"), "any", "u", "any", True),
        (basic(None, "u", "s"), "any", "u", "s", True),
        (basic(None, "u", "s"), "any", "u", "x", False),
        (basic(None, "u", "s"), "any", "u", None, False),
        (BOTH, "c", "u", None, True),
        (BOTH, "x", "u", None, False),
        (BOTH, "c", "x", None, False),
        (SECRET, "c", "u", "s", True),
        (SECRET, "c", "u", "x", False),
        (SECRET, "c", None, None, False),
        (Credentials("", "u"), "any", "u", "any", True),
        (Credentials("", "u"), "u", None, None, False),
        (certificate(), "any", hashlib.sha3_256(b64encode(LEAF)).hexdigest(), None, False),
    ],
)
def test_each_stored_part_must_match_and_no_other_is_looked_at(
    one: Any, stored: Credentials, client_id: str, user_name: str | None, password: str | None, fits: bool
) -> None:
    device = add(one, "d2", stored)
    found = one.model.device_for(user_name, password, client_id, now=one.now)
    assert found == (device if fits else Refusal.NOT_KNOWN)


def test_hash_of_both_comes_before_the_user_name(one: Any) -> None:
    of_both, of_name = add(one, "both", basic("c", "u")), add(one, "name", basic(None, "u"))
    assert one.model.device_for("u", None, "c", now=one.now) == of_both
    assert one.model.device_for("u", None, "other", now=one.now) == of_name


def test_wrong_password_of_the_hash_of_both_is_final(one: Any) -> None:
    """The user name alone would have fitted."""
    add(one, "both", basic("c", "u", "s"))
    add(one, "name", basic(None, "u"))
    assert one.model.device_for("u", "wrong", "c", now=one.now) is Refusal.NOT_KNOWN


def test_basic_credentials_open_a_connection(world: Any) -> None:
    device = add(world, "d2", basic("c", "u", "s"))
    talk = world.stranger()
    assert talk.says(p.Connect("c", world.version, user_name="u", password=b"s")) == [p.ConnAck(0)]
    assert talk.conversation.device_id == device.id


def with_certificates(world: Any, *chain: bytes) -> Any:
    talk = world.stranger()
    talk.conversation = Conversation(world.model, world.now, chain)
    return talk


def test_certificate_wins_over_the_user_name(world: Any) -> None:
    device = add(world, "d2", certificate())
    talk = with_certificates(world, LEAF)
    assert talk.connect(world.token()) == [p.ConnAck(0)]
    assert talk.conversation.device_id == device.id


def test_unknown_certificate_is_refused_whatever_token_comes_with_it(world: Any) -> None:
    talk = with_certificates(world, b"unknown")
    assert codes(talk, talk.connect(world.token())) == ((0x87, 0x87) if world.version is Version.MQTT_5 else (5,))


def read_as(world: Any, start_s: float, end_s: float, name: str | None = None) -> Any:
    return lambda _der: CertificateFacts(name, world.now + round(start_s * 1e9), world.now + round(end_s * 1e9))


@pytest.mark.parametrize(("start", "end"), [(-2, -1), (1, 2)])
def test_certificate_out_of_its_time_is_refused_unless_that_is_not_checked(
    make: Callable[..., Any], version: Version, start: float, end: float
) -> None:
    for skip in (False, True):
        world = make(version, skip_certificate_validity=skip)
        world.model.read_certificate = read_as(world, start, end)
        add(world, "d2", certificate())
        answers = with_certificates(world, LEAF).connect("x")
        assert answers[0].reason_code == (0 if skip else 0x87 if version is Version.MQTT_5 else 5)


def test_provisioning_name_wins_over_a_certificate(world: Any) -> None:
    talk = with_certificates(world, LEAF)
    assert talk.connect("provision") == [p.ConnAck(0)]
    assert talk.conversation.device_id is None


@pytest.mark.parametrize("transport", ["COAP", "LWM2M", "SNMP"])
def test_profile_of_another_transport_is_unavailable(world: Any, transport: str) -> None:
    profile = world.model.save_profile(Profile("other", transport=transport), world.now)
    device = world.add_device("d2", profile_id=profile.id)
    talk = world.stranger()
    found = codes(talk, talk.connect(world.token(device)))
    assert found == ((0x88, 0x89) if world.version is Version.MQTT_5 else (3,))
    talk = with_certificates(world, LEAF)
    world.model.save_device(Device("d3", profile.id), world.now, credentials=certificate())
    found = codes(talk, talk.connect("x"))
    assert found == ((0x88, 0x83) if world.version is Version.MQTT_5 else (3,))


def test_core_that_is_down_is_unavailable(make: Callable[..., Any], version: Version) -> None:
    world = make(version, core_reachable=False)
    talk = world.stranger()
    found = codes(talk, talk.connect(world.token()))
    assert found == ((0x88, 0x89) if version is Version.MQTT_5 else (3,))


def chain_profile(world: Any, pattern: str = "(.*)\\.example", *, creates: bool = True) -> Profile:
    configuration = {
        "type": "X509_CERTIFICATE_CHAIN",
        "provisionDeviceSecret": "-----BEGIN CERTIFICATE-----\n" + b64encode(b"root").decode() + "\n-----END "
        "CERTIFICATE-----",
        "certificateRegExPattern": pattern,
        "allowCreateNewDevicesByX509Certificate": creates,
    }
    extra = {"provisionType": "X509_CERTIFICATE_CHAIN", "profileData": {"provisionConfiguration": configuration}}
    saved: Profile = world.model.save_profile(Profile("chained", extra=extra), world.now)
    return saved


def test_profile_for_chains_has_the_hash_of_its_certificate_as_its_key(one: Any) -> None:
    key = chain_profile(one).extra["provisionDeviceKey"]
    assert key == hashlib.sha3_256(b64encode(b"root")).hexdigest()


def test_chain_under_a_profiles_certificate_makes_the_device_that_the_leaf_names(world: Any) -> None:
    """During the handshake; CONNECT then finds it by its leaf."""
    world.model.read_certificate = read_as(world, -1, 1, "pump-7.example")
    profile = chain_profile(world)
    talk = with_certificates(world, LEAF, b"root")
    device = world.model.store.device_named("pump-7")
    assert device.profile_id == profile.id
    assert talk.connect("x") == [p.ConnAck(0)]
    assert talk.conversation.device_id == device.id


def test_new_leaf_replaces_the_one_of_its_device(one: Any) -> None:
    one.model.read_certificate = read_as(one, -1, 1, "pump-7.example")
    chain_profile(one)
    old = with_certificates(one, LEAF, b"root")
    old.connect("x")
    with_certificates(one, b"renewed", b"root")
    device = one.model.store.device_named("pump-7")
    assert one.model.store.credentials[device.id].value == b64encode(b"renewed").decode()
    assert old.closed


@pytest.mark.parametrize(
    ("name", "pattern", "creates"),
    [("pump-7.other", "(.*)\\.example", True), (None, "(.*)", True), ("pump-7", "(", True), ("pump-7", "pump", True),
     ("pump-7.example", "(.*)\\.example", False)],
)  # fmt: skip
def test_chain_that_names_no_device_makes_none(one: Any, name: str | None, pattern: str, creates: bool) -> None:
    one.model.read_certificate = read_as(one, -1, 1, name)
    chain_profile(one, pattern, creates=creates)
    talk = with_certificates(one, LEAF, b"root")
    assert codes(talk, talk.connect("x")) == (5,)
    assert len(one.model.store.devices) == 1


def test_chain_leaves_a_device_of_another_profile_alone(one: Any) -> None:
    one.model.read_certificate = read_as(one, -1, 1, "d1.example")
    chain_profile(one)
    with_certificates(one, LEAF, b"root")
    assert one.model.store.credentials[one.device.id].type == "ACCESS_TOKEN"


def refusal(action: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ServerRefused) as caught:
        action()
    return caught.value.status, str(caught.value)


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        (Credentials("", "", type="MQTT_BASIC"), "Invalid credentials body for simple mqtt credentials!"),
        (Credentials("", "", type="MQTT_BASIC", value="[]"), "Invalid credentials body for simple mqtt credentials!"),
        (Credentials("", "", type="MQTT_BASIC", value='{"other":1}'), "Invalid credentials body for simple mqtt cred"),
        (basic(), "Both mqtt client id and user name are empty!"),
        (basic(None, None, "s"), "Both mqtt client id and user name are empty!"),
        (basic("c", None, "s"), "Password cannot be specified along with client id"),
        (basic("c\n", "u"), "clientId must not contain control characters!"),
        (Credentials("", ""), "Device credentials id should be specified!"),
        (Credentials("", "a\x00b"), "credentialsId must not contain control characters!"),
        (Credentials("", "", type=""), "Device credentials type should be specified"),
    ],
)
def test_credentials_that_cannot_be_are_refused(one: Any, draft: Credentials, text: str) -> None:
    mine = one.model.store.credentials[one.device.id]
    draft = replace(draft, device_id=mine.device_id, id=mine.id)
    status, said = refusal(lambda: one.model.save_credentials(draft))
    assert (status, said[: len(text)]) == (400, text)
    assert one.model.store.credentials[one.device.id] == mine


@pytest.mark.parametrize("other", [Credentials("", "taken"), basic(None, "taken"), basic("cid-1"), certificate()])
def test_credentials_of_another_device_are_taken(one: Any, other: Credentials) -> None:
    """Of whatever type: their ids share one table."""
    add(one, "d2", other)
    text = "Device credentials are already assigned to another device!"
    assert refusal(lambda: add(one, "d3", other)) == (400, text)
    assert one.model.store.device_named("d3") is None
    mine = one.model.store.credentials[one.device.id]
    draft = replace(other, device_id=mine.device_id, id=mine.id)
    assert refusal(lambda: one.model.save_credentials(draft)) == (400, text)


def test_credentials_replace_the_ones_that_they_name(one: Any) -> None:
    mine = one.model.store.credentials[one.device.id]
    saved = one.model.save_credentials(replace(basic(None, "u"), device_id=mine.device_id, id=mine.id))
    assert (saved.version, saved.type, saved.credentials_id) == (2, "MQTT_BASIC", "u")
    assert one.model.device_of_token(mine.credentials_id) is None
    assert one.model.device_of_token("u") is None  # no access token, though it looks like one
    unknown = replace(mine, id="00000000-0000-4000-8000-000000000000")
    assert (
        refusal(lambda: one.model.save_credentials(unknown))[1] == "Unable to update non-existent device credentials!"
    )


def test_connections_are_closed_by_changed_credentials_only(world: Any) -> None:
    talk, mine = world.talk(), world.model.store.credentials[world.device.id]
    world.model.save_credentials(mine)
    assert not talk.closed
    world.model.save_credentials(replace(mine, credentials_id="new"))
    assert talk.hear() == ([p.Disconnect(0x98)] if world.version is Version.MQTT_5 else [])
    assert talk.closed


def test_device_saved_again_may_get_new_credentials_or_none_at_all_if_they_are_wrong(one: Any) -> None:
    device = one.model.store.device(one.device.id)
    with pytest.raises(ServerRefused):
        one.model.save_device(replace(device, label="x"), one.now, credentials=basic())
    assert one.model.store.device(device.id).label is None
    one.model.save_device(device, one.now, credentials=basic(None, "u"))
    assert one.model.device_for("u", None, "", now=one.now).id == device.id


def test_no_secret_shows_in_a_repr(one: Any) -> None:
    device = add(one, "d2", basic("c", "u", "very-secret"))
    assert "very-secret" not in repr(one.model.store.credentials[device.id])
