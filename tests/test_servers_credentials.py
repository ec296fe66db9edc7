"""How devices prove who they are: three types of credentials, plain and inside TLS, and no secret anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otakit.captured import Address
from otakit.client.credentials import Credentials
from otakit.client.driver import Client
from otakit.errors import SettingsError, TransportError
from otakit.protocol.messages import Kind
from otakit.run import update
from otakit.run.peer import peer_at, peer_of
from otakit.servers import Device, Provisioning, Server, ThingsBoard, Twin
from otakit.servers.trust import device_tls, pem_of, trusting
from otakit.twin import TwinSettings
from otakit.twin.rest.login import PASSWORD, USER

BASIC = Credentials.basic(client_id="client-7", user_name="user-7", password="secret-7")
QUICK = TwinSettings(dispatch_spacing_s=0)


@pytest.fixture(scope="module")
def inside_tls() -> Iterator[Twin]:
    """A twin with TLS and an authority of its own."""
    with Twin(tls=True, settings=QUICK) as twin:
        yield twin


@pytest.fixture
def twin(inside_tls: Twin) -> Iterator[Twin]:
    """Cleaned behind each test."""
    yield inside_tls
    inside_tls.clean_up()


def updated(server: Server, device: Device, tmp_path: Path) -> bytes:
    """Brings a device to a package, and returns the recording."""
    server.assign(server.upload("firmware", "pump", "v2", b"image" * 1000), to=device)
    session = update(device, record=tmp_path / "x.pcapng", kinds=(Kind.FIRMWARE,), show_progress=False)
    assert dict(session.outcome or {})["firmware"] == "UPDATED"
    return (tmp_path / "x.pcapng").read_bytes()


def test_device_with_a_token_is_updated_inside_tls(twin: Twin, tmp_path: Path) -> None:
    """It trusts the twin's authority and no other."""
    device = twin.add_device("a")
    assert device.token.encode() not in updated(twin, device, tmp_path)
    with pytest.raises(TransportError, match="certificate"):
        Client(*twin.mqtt, token=device.token, folder=tmp_path, tls=trusting()).run()


def test_device_with_basic_credentials_is_updated_inside_tls(twin: Twin, tmp_path: Path) -> None:
    """User name and password are in no recording."""
    recorded = updated(twin, twin.add_device("b", credentials=BASIC), tmp_path)
    assert b"user-7" not in recorded
    assert b"secret-7" not in recorded


def test_client_id_alone_is_a_secret_too(twin: Twin, tmp_path: Path) -> None:
    """Without user name and password it is what a device proves itself with."""
    device = twin.add_device("b", credentials=Credentials.basic(client_id="only-client"))
    assert b"only-client" not in updated(twin, device, tmp_path)


def test_device_with_a_certificate_is_updated(twin: Twin, tmp_path: Path) -> None:
    """Mutual TLS: the certificate is shown, nothing else."""
    device = twin.add_device("c", credentials=twin.certificate("c"))
    assert device.credentials.user_name is None
    updated(twin, device, tmp_path)
    assert twin.add_device("c") is device
    assert twin.add_device("c", credentials=twin.certificate("c")).credentials == device.credentials


def test_another_certificate_is_named_as_the_difference(twin: Twin) -> None:
    twin.add_device("c", credentials=twin.certificate("c"))
    with pytest.raises(SettingsError, match="other credentials: certificate;"):
        twin.add_device("c", credentials=twin.certificate("d"))


def test_certificate_without_its_files_says_what_to_give(twin: Twin) -> None:
    """The server has the certificate, and nobody has the key."""
    twin.add_device("c", credentials=twin.certificate("c"))
    with (
        ThingsBoard(twin.url, "mqtts://{}:{}".format(*twin.mqtt), USER, PASSWORD, ca_file=twin.ca_file) as board,
        pytest.raises(SettingsError, match=r"give.*away; add the device with credentials=Credentials\.certificate"),
    ):
        peer_of(board.add_device("c"))


def test_thingsboard_elsewhere_is_trusted_by_its_file(twin: Twin, tmp_path: Path) -> None:
    where = "mqtts://{}:{}".format(*twin.mqtt)
    with ThingsBoard(twin.url, where, USER, PASSWORD, ca_file=twin.ca_file) as board:
        updated(board, board.add_device("e", credentials=twin.certificate("e")), tmp_path)
        board.clean_up()
    with pytest.raises(SettingsError, match=r"nothing\.pem: cannot be read"):
        ThingsBoard(twin.url, where, USER, PASSWORD, ca_file=tmp_path / "nothing.pem")


def test_device_comes_by_itself_with_a_certificate(twin: Twin) -> None:
    twin.add_profile("P", provisioning=Provisioning("key", "secret"))
    device = twin.provision("f", "key", "secret", credentials=twin.certificate("f"))
    assert device.credentials.words == "client certificate"
    assert device.tls is not None


def test_certificate_needs_tls() -> None:
    """Both sides say so before anything is sent."""
    with Twin() as plain:
        with pytest.raises(SettingsError, match=r"start it as Twin\(tls=True\)"):
            plain.certificate("a")
        with pytest.raises(SettingsError, match="has no TLS; give mqtt='mqtts://"):
            device_tls("a", Credentials.certificate("a.crt"), wants_tls=False, ca_file=None)


def test_own_device_anywhere_takes_all_three_types(twin: Twin, tmp_path: Path) -> None:
    """`peer_at` needs no REST door."""
    twin.assign(twin.upload("firmware", "pump", "v2", b"image" * 1000), to=twin.add_device("b", credentials=BASIC))
    peer = peer_at(_mqtts(twin.mqtt), BASIC, folder=tmp_path / "device", name="pump", ca_file=twin.ca_file)
    session = update(peer, record=tmp_path / "x.pcapng", kinds=(Kind.FIRMWARE,), show_progress=False)
    assert dict(session.outcome or {})["firmware"] == "UPDATED"


def _mqtts(address: Address) -> str:
    return "mqtts://{}:{}".format(*address)


def test_credentials_are_in_no_repr() -> None:
    shown = f"{BASIC!r} {Credentials.token('token-7')!r} {Credentials.certificate('a.crt', 'a.key')!r}"
    assert shown == "<MQTT basic credentials> <access token> <client certificate>"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, "client_id and user_name are both empty; give one"),
        ({"client_id": "c", "password": "p"}, "a password needs a user_name"),
        ({"user_name": ""}, "both empty"),
    ],
)
def test_combination_that_thingsboard_refuses_is_refused_at_once(parts: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Credentials.basic(**parts)
    with pytest.raises(SettingsError, match="the access token is empty"):
        Credentials.token("")


def test_differences_name_parts_and_show_nothing() -> None:
    other = Credentials.basic(client_id="client-7", user_name="user-8", password="secret-8")
    assert BASIC.differences(other) == ["user_name", "password"]
    assert BASIC.differences(Credentials.token("t")) == ["type (MQTT basic credentials, not access token)"]
    assert BASIC.differences(BASIC) == []


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.crt").touch()
    with pytest.raises(SettingsError, match=r"none\.crt: cannot be read"):
        pem_of(Credentials.certificate(tmp_path / "none.crt"))
    with pytest.raises(SettingsError, match="holds no PEM certificate"):
        pem_of(Credentials.certificate(tmp_path / "empty.crt"))
    with pytest.raises(SettingsError, match=r"empty\.crt, key in the same file: cannot be used"):
        device_tls("a", Credentials.certificate(tmp_path / "empty.crt"), wants_tls=True, ca_file=None)
