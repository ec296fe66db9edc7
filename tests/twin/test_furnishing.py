"""A lab file put into a twin: made once, the same when it is repeated, what differs is named."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otakit.protocol.messages import Kind
from otakit.twin.authority import Authority
from otakit.twin.furnishing import Furnished, furnish
from otakit.twin.lab import parse_lab
from otakit.twin.lab_reading import LabError
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer

LAB = """\
[[profile]]
name = "pumps"
provision = "ALLOW_CREATE_NEW_DEVICES"
provision_key = "K"
provision_secret = "S"
firmware = "pump 1.9"

[[device]]
name = "pump-7"
profile = "pumps"
token = "SEVEN"

[[device]]
name = "pump-8"
profile = "pumps"
mqtt = { user_name = "eight", password = "secret" }
firmware = "pump 2.0"

[[package]]
kind = "firmware"
title = "pump"
version = "1.9"
profile = "pumps"
size = 3_000_000

[[package]]
kind = "firmware"
title = "pump"
version = "2.0"
profile = "pumps"
file = "pump.bin"
algorithm = "MD5"

[[package]]
kind = "software"
title = "map"
version = "3"
profile = "pumps"
url = "https://example.org/map"
assign_to = ["pump-7"]
"""
IMAGE = bytes(range(256)) * 100
Put = Callable[..., tuple[TwinServer, list[Furnished]]]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Starts a twin with a lab file and ends it; what is kept is kept over calls."""
    (tmp_path / "pump.bin").write_bytes(IMAGE)

    def played(text: str = LAB, *, look: Callable[[TwinServer], Any] = lambda _: None, **given: Any) -> Any:
        async def whole() -> tuple[TwinServer, list[Furnished]]:
            server, ready = TwinServer(**given), list[Furnished]()
            try:
                await server.start(prepare=lambda: ready.extend(furnish(server, parse_lab(text), tmp_path)))
                look(server)
            finally:
                await server.close()
            assert server.faults == []
            return server, ready

        return asyncio.run(whole())

    return played


def packages_of(server: TwinServer, name: str) -> dict[Kind, str]:
    """What counts for a device, by title and version."""
    store = server.model.store
    device = store.device_named(name)
    assert device is not None
    found = {kind: store.packages.get(store.effective(device, kind) or "") for kind in Kind}
    return {kind: f"{package.title} {package.version}" for kind, package in found.items() if package is not None}


def test_declared_laboratory_is_there_when_the_doors_open(put: Put) -> None:
    def look(server: TwinServer) -> None:
        assert packages_of(server, "pump-7") == {Kind.FIRMWARE: "pump 1.9", Kind.SOFTWARE: "map 3"}
        assert packages_of(server, "pump-8") == {Kind.FIRMWARE: "pump 2.0"}
        stored = {package.version: package for package in server.model.store.packages.values()}
        assert (stored["2.0"].checksum, stored["2.0"].file_name) == (hashlib.md5(IMAGE).hexdigest(), "pump.bin")
        assert stored["2.0"].image is not None
        assert stored["2.0"].image.read(0, 10) == IMAGE[:10]
        assert stored["1.9"].size == 3_000_000

    _, ready = put(look=look)
    assert [(each.name, each.kind, each.token) for each in ready] == [
        ("pump-7", "ACCESS_TOKEN", "SEVEN"),
        ("pump-8", "MQTT_BASIC", None),
    ]


def test_made_bytes_are_always_the_same(put: Put) -> None:
    """So that a checksum can be written down."""

    def checksum(server: TwinServer) -> str | None:
        return next(each.checksum for each in server.model.store.packages.values() if each.version == "1.9")

    (one, _), (other, _) = put(), put()
    assert checksum(one) == checksum(other)


def test_credentials_are_what_the_file_says(put: Put) -> None:
    server, _ = put()
    seven = server.model.store.device_named("pump-7")
    assert seven is not None
    assert server.model.device_of_token("SEVEN") == seven
    kept = {each.type: each for each in server.model.store.credentials.values()}
    assert kept["MQTT_BASIC"].credentials_id == "eight"


def test_device_without_credentials_gets_a_random_token(put: Put) -> None:
    _, ready = put('[[device]]\nname = "d"')
    assert len(ready[0].token or "") == 20


def test_certificate_is_made_by_the_twin_s_authority(put: Put, tmp_path: Path) -> None:
    ca = Authority(tmp_path / "tls")
    server, ready = put('[[device]]\nname = "d"\ncertificate = true', authority=ca)
    assert ready[0].files == ca.device_files("d")
    (kept,) = server.model.store.credentials.values()
    assert kept.type == "X509_CERTIFICATE"
    assert kept.value == "".join(ca.device("d")[0].decode().splitlines()[1:-1])


def test_certificate_of_a_file_is_taken(put: Put, tmp_path: Path) -> None:
    """Also where it stands among other text."""
    certificate, _ = Authority(tmp_path / "tls").device("d")
    (tmp_path / "d.pem").write_bytes(b"Bag Attributes\n" + certificate)
    server, _ = put('[[device]]\nname = "d"\ncertificate = "d.pem"')
    assert {each.type for each in server.model.store.credentials.values()} == {"X509_CERTIFICATE"}


def test_repeating_on_kept_data_changes_nothing(put: Put, tmp_path: Path) -> None:
    """The same ids, versions, images and credentials; nobody is told anew."""
    first, _ = put(data=tmp_path / "data")
    second, ready = put(data=tmp_path / "data")
    for name in ("profiles", "devices", "credentials"):
        assert dict(getattr(first.model.store, name)) == dict(getattr(second.model.store, name))
    assert list(first.model.store.packages) == list(second.model.store.packages)
    assert ready[0].token == "SEVEN"
    assert second.model.wake_at is None


def test_assignment_of_the_file_holds_again_at_the_next_start(put: Put, tmp_path: Path) -> None:
    """Whatever an operator assigned in between, as with the operator's verb."""
    put(data=tmp_path / "data")
    edited = LAB.replace('firmware = "pump 2.0"', 'firmware = "pump 1.9"')
    server, _ = put(edited, data=tmp_path / "data")
    assert packages_of(server, "pump-8") == {Kind.FIRMWARE: "pump 1.9"}


DIFFERENCES = [
    ('token = "SEVEN"', 'token = "OTHER"', ':8: device "pump-7": it is kept with other credentials'),
    ("size = 3_000_000", "size = 3_000_001", ':19: package "pump": checksum: it is kept with'),
    ('algorithm = "MD5"', 'algorithm = "CRC32"', ':26: package "pump": algorithm: it is kept with'),
    ("/map", "/card", ':34: package "map": url: it is kept with'),
    ('provision_secret = "S"', 'provision_secret = "T"', ':1: profile "pumps": provision_key: it is kept with another'),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "wanted", "said"), DIFFERENCES)
def test_difference_to_kept_data_is_named(put: Put, tmp_path: Path, kept: str, wanted: str, said: str) -> None:
    """With the line of the table, and without a secret."""
    put(data=tmp_path / "data")
    with pytest.raises(LabError) as caught:
        put(LAB.replace(kept, wanted), data=tmp_path / "data")
    (problem,) = caught.value.problems
    assert said in problem
    assert "SEVEN" not in problem
    assert "OTHER" not in problem


MISSING = [
    ('file = "pump.bin"', 'file = "nowhere.bin"', 'lab.toml:26: package "pump": '),
    ('token = "SEVEN"', 'certificate = "nowhere.crt"', 'lab.toml:8: device "pump-7": certificate: '),
    ('token = "SEVEN"', 'certificate = "pump.bin"', "holds no PEM certificate"),
    ('token = "SEVEN"', "certificate = true", "start it with --tls"),
    ("size = 3_000_000", 'file = "empty.bin"', "OtaPackage data should be specified!"),
]


@pytest.mark.parametrize(("there", "wanted", "said"), MISSING)
def test_what_the_file_names_and_is_not_there_is_named(
    put: Put, tmp_path: Path, there: str, wanted: str, said: str
) -> None:
    (tmp_path / "empty.bin").touch()
    with pytest.raises(LabError) as caught:
        put(LAB.replace(there, wanted))
    assert any(said in problem for problem in caught.value.problems)


def test_laboratory_stands_before_anybody_can_connect(tmp_path: Path) -> None:
    """A device that waits at the door is not refused in the first moment."""
    seen = []

    async def story() -> None:
        server = TwinServer()

        def prepare() -> None:
            server.model.save_device(Device("d"), server.now(), "t")
            seen.append((server.mqtt, server.http))

        await server.start(prepare=prepare)
        await server.close()

    asyncio.run(story())
    assert seen == [(("", 0), ("", 0))]
