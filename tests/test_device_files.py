"""One recording for each device, whoever connects how often; strangers together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from otakit import device_files
from otakit.captured import CapturedPacket, OpenedConnection
from otakit.device_files import DeviceFiles, recorded
from otakit.errors import RecordingError
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import ConnAck, Connect, Packet, PingReq, PingResp, PubAck, Publish
from otakit.record.reader import read

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
SERVER = ("127.0.0.1", 1883)
KEY = b"k" * 32


class Devices:
    """Connections of devices, heard as a server's watcher hears them."""

    def __init__(self, folder: Path) -> None:
        self.names: dict[int, str] = {}
        self.files = DeviceFiles(folder, self.names.get, key=KEY)
        self.port = 50_000

    def opens(self) -> int:
        self.port += 1
        return self.files.connection(("127.0.0.1", self.port), SERVER)

    def says(self, connection: int, packet: Packet) -> None:
        self.files.packet(connection, UP, encode(packet))

    def hears(self, connection: int, packet: Packet) -> None:
        self.files.packet(connection, DOWN, encode(packet))

    def connects(self, name: str | None, connection: int | None = None) -> int:
        """CONNECT and its answer; a refusal without a name."""
        number = self.opens() if connection is None else connection
        self.says(number, Connect("c", user_name=f"TOKEN-{name}"))
        if name is not None:
            self.names[number] = name
        self.hears(number, ConnAck(0 if name else 5))
        return number


@pytest.fixture
def devices(tmp_path: Path) -> Devices:
    return Devices(tmp_path)


@pytest.fixture
def packets(tmp_path: Path) -> Callable[[str], list[CapturedPacket]]:
    """The packets of a file."""

    def found(name: str) -> list[CapturedPacket]:
        return [entry for entry in read(tmp_path / name).entries if isinstance(entry, CapturedPacket)]

    return found


def kinds(found: list[CapturedPacket]) -> list[int]:
    return [packet.raw[0] >> 4 for packet in found]


def test_each_device_has_a_file_of_its_own(devices: Devices, packets: Callable[[str], list[CapturedPacket]]) -> None:
    """With its CONNECT, which came before anybody knew whose it was."""
    a, b = devices.connects("pump-7"), devices.connects("pump-8")
    devices.says(b, PingReq())
    devices.says(a, Publish("v1/devices/me/telemetry", b"{}"))
    devices.files.close()
    assert kinds(packets("pump-7.pcapng")) == [1, 2, 3]
    assert kinds(packets("pump-8.pcapng")) == [1, 2, 12]
    assert [packet.number for packet in packets("pump-8.pcapng")] == [1, 2, 3]


def test_device_that_comes_again_goes_on_in_its_file(devices: Devices, tmp_path: Path) -> None:
    """As another connection of it."""
    devices.connects("pump-7")
    devices.connects("pump-8")
    devices.connects("pump-7")
    devices.files.close()
    opened = [entry for entry in read(tmp_path / "pump-7.pcapng").entries if isinstance(entry, OpenedConnection)]
    assert {entry.number for entry in opened} == {0, 1}
    assert len({entry.device_key for entry in opened if entry.device_key is not None}) == 1


def test_strangers_share_one_file(devices: Devices, packets: Callable[[str], list[CapturedPacket]]) -> None:
    """Refused ones, and those that were never answered."""
    devices.connects(None)
    devices.says(devices.opens(), Connect("c"))
    devices.files.close()
    assert kinds(packets("strangers.pcapng")) == [1, 2, 1]


def test_second_connect_may_be_another_device_s(
    devices: Devices, packets: Callable[[str], list[CapturedPacket]]
) -> None:
    """ThingsBoard takes it: from there on the connection is that device's."""
    connection = devices.connects("pump-7")
    devices.connects("pump-8", connection)
    devices.says(connection, PingReq())
    devices.files.close()
    assert kinds(packets("pump-7.pcapng")) == [1, 2]
    assert kinds(packets("pump-8.pcapng")) == [1, 2, 12]


def test_token_is_in_no_file(devices: Devices, tmp_path: Path) -> None:
    devices.connects("pump-7")
    devices.connects(None)
    devices.files.close()
    assert not [file for file in tmp_path.iterdir() if b"TOKEN-" in file.read_bytes()]


def test_every_packet_is_in_its_file_when_the_next_one_passes(devices: Devices, tmp_path: Path) -> None:
    """A process that is killed leaves a file that is whole up to its last packet."""
    connection = devices.connects("pump-7")
    for number in range(1, 5):
        devices.hears(connection, PubAck(number))
        found = read(tmp_path / "pump-7.pcapng")
        assert sum(isinstance(entry, CapturedPacket) for entry in found.entries) == 2 + number
        assert found.outcome is None
    devices.files.close()
    assert not read(tmp_path / "pump-7.pcapng").cut


def test_recordings_of_an_earlier_run_stay(tmp_path: Path) -> None:
    for _ in range(2):
        devices = Devices(tmp_path)
        devices.connects("pump-7")
        devices.files.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["pump-7-2.pcapng", "pump-7.pcapng"]


@pytest.mark.parametrize("name", ["../x", "CON", "a/b", "é", "x" * 300, "strangers"])
def test_name_of_a_device_is_never_a_path(devices: Devices, tmp_path: Path, name: str) -> None:
    """And takes no name that another file has."""
    devices.connects(None)
    devices.connects(name)
    devices.files.close()
    assert len(list(tmp_path.iterdir())) == 2
    assert {path.parent for path in devices.files.folder.rglob("*.pcapng")} == {tmp_path}


def test_no_more_files_are_open_than_the_bound(
    devices: Devices, monkeypatch: pytest.MonkeyPatch, packets: Callable[[str], list[CapturedPacket]]
) -> None:
    """A device that talks again goes on in its own file."""
    monkeypatch.setattr(device_files, "MOST_OPEN", 3)
    numbers = [devices.connects(f"d{number}") for number in range(9)]
    for number in numbers:
        devices.says(number, PingReq())
        still = [each for each in devices.files._recordings.values() if not each.file.closed]
        assert len(still) <= 3
    devices.files.close()
    assert all(kinds(packets(f"d{number}.pcapng")) == [1, 2, 12] for number in range(9))


def test_connections_that_never_say_who_they_are_are_bounded(
    devices: Devices, monkeypatch: pytest.MonkeyPatch, packets: Callable[[str], list[CapturedPacket]]
) -> None:
    """So are the packets held for one of them."""
    monkeypatch.setattr(device_files, "MOST_WAITING", 4)
    monkeypatch.setattr(device_files, "MOST_HELD", 5)
    monkeypatch.setattr(device_files, "MOST_KNOWN", 20)
    for _ in range(50):
        devices.opens()
    talker = devices.opens()
    for _ in range(7):
        devices.says(talker, PingReq())
    assert (len(devices.files._waiting), len(devices.files._known)) == (3, 20)
    devices.files.close()
    assert kinds(packets("strangers.pcapng")) == [12] * 7


def test_connection_that_was_silent_for_long_is_still_its_device_s(
    devices: Devices, monkeypatch: pytest.MonkeyPatch, packets: Callable[[str], list[CapturedPacket]]
) -> None:
    monkeypatch.setattr(device_files, "MOST_KNOWN", 2)
    first = devices.connects("pump-7")
    for number in range(5):
        devices.connects(f"d{number}")
    devices.hears(first, PingResp())
    devices.files.close()
    assert kinds(packets("pump-7.pcapng")) == [1, 2, 13]


def test_note_goes_into_the_file_of_its_connection(devices: Devices, tmp_path: Path) -> None:
    """A fault that the server carried out."""
    connection = devices.connects("pump-7")
    devices.files.note("fault", {"name": "withhold"}, connection=connection)
    devices.files.close()
    assert b'"withhold"' in (tmp_path / "pump-7.pcapng").read_bytes()


def test_full_disk_ends_that_recording_with_one_warning(
    devices: Devices, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """And nothing else: the devices go on."""
    connection = devices.connects("pump-7")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr("otakit.record.growing.append", full)
        for _ in range(3):
            devices.says(connection, PingReq())
    devices.files.close()
    assert len(caplog.records) == 1
    assert sum(isinstance(entry, CapturedPacket) for entry in read(tmp_path / "pump-7.pcapng").entries) == 2


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match="cannot hold recordings"), recorded(tmp_path / "file" / "x"):
        pass
