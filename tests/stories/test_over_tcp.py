"""The main stories once more over real sockets: paho-mqtt on one side, the served twin on the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otakit.captured import Address
from otakit.client.disk import TwoSlotDevice
from otakit.client.driver import Client
from otakit.client.settings import Settings
from otakit.client.vocabulary import Progress
from otakit.errors import TransportError
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind, message_of
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Version
from otakit.servers import Twin
from otakit.twin.settings import TwinSettings

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
IMAGE = bytes(range(256)) * 400
AT_ONCE = TwinSettings(dispatch_spacing_s=0, dispatch_latency_s=0)
BOTH = pytest.mark.parametrize("version", [Version.MQTT_3_1_1, Version.MQTT_5], ids=["v3", "v5"])


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(seed=3, settings=AT_ONCE) as twin:
        yield twin


class Seen:
    """A watcher that keeps everything."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.packets: list[tuple[int, Direction, bytes]] = []
        self.connections = 0
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def connection(self, client: Address, server: Address) -> int:
        self.connections += 1
        return self.connections - 1

    def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
        self.packets.append((connection, direction, raw))
        return len(self.packets)

    def note(self, name: str, fields: Any, **_: Any) -> None:
        self.notes.append((name, dict(fields)))

    def rows(self) -> list[str]:
        """The names of all messages, in order; signs of life and acknowledgements left out."""
        rows = []
        for _, direction, raw in self.packets:
            packet = decode(raw, self.version)
            if isinstance(packet, p.Publish):
                rows.append(message_of(packet.topic, packet.payload, direction).row)
            elif not isinstance(packet, p.PubAck | p.PingReq | p.PingResp):
                rows.append(packet.type.name)
        return rows


def client_of(twin: Twin, device: Any, folder: Path, version: Version, **more: Any) -> Client:
    known = {"watcher", "installer", "on_progress"}
    settings = Settings(version=version, **{name: value for name, value in more.items() if name not in known})
    rest = {name: value for name, value in more.items() if name in known}
    rest.setdefault("installer", device.hardware)
    return Client(*twin.mqtt, token=device.token, folder=folder, settings=settings, **rest)


@BOTH
def test_firmware_and_software_are_updated_over_tcp(twin: Twin, tmp_path: Path, version: Version) -> None:
    """Both kinds on one connection, in small chunks, each image byte for byte."""
    device = twin.add_device(f"tcp-{version.name}", software=("app", "1"))
    twin.assign(twin.upload("firmware", "pump", f"2.{version}", IMAGE), to=device)
    twin.assign(twin.upload("software", "app", f"3.{version}", IMAGE[:50_001], algorithm="CRC32"), to=device)
    outcomes = client_of(twin, device, tmp_path, version).run()
    assert {kind: outcome.outcome for kind, outcome in outcomes.items()} == {FW: "UPDATED", SW: "UPDATED"}
    paths = [device.hardware.image(kind) for kind in (FW, SW)]
    assert [path.read_bytes() for path in paths if path] == [IMAGE, IMAGE[:50_001]]
    states = [value for _, value in twin.telemetry(device)["fw_state"]]
    assert states[-5:] == ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]


@BOTH
def test_the_watcher_sees_every_packet_whole(twin: Twin, tmp_path: Path, version: Version) -> None:
    """Each decodes by our own codec: paho encodes for the client, so each checks the other."""
    device = twin.add_device(f"seen-{version.name}")
    twin.assign(twin.upload("firmware", "pump", "2.seen", IMAGE), to=device)
    seen = Seen(version)
    client_of(twin, device, tmp_path, version, watcher=seen, kinds=(FW,)).run()
    rows = seen.rows()
    assert rows[:6] == ["CONNECT", "CONNACK", "SUBSCRIBE", "SUBACK", "RpcRequest", "RpcResponse"]
    assert rows.count("ChunkRequest") == rows.count("ChunkResponse") == 25
    assert rows[-1] == "DISCONNECT"
    assert seen.connections == 2
    assert [fields["outcome"] for name, fields in seen.notes if name == "update_ended"] == ["UPDATED"]


def test_a_withheld_answer_is_asked_for_again_over_a_link(tmp_path: Path) -> None:
    """A real relay, a real deadline."""
    with Twin(link="5 ms, answer 3 withheld", settings=AT_ONCE) as twin:
        device = twin.add_device("withheld")
        twin.assign(twin.upload("firmware", "pump", "2", IMAGE), to=device)
        seen = Seen(Version.MQTT_3_1_1)
        outcomes = client_of(
            twin, device, tmp_path, seen.version, watcher=seen, kinds=(FW,), chunk_deadline_s=0.3
        ).run()
    assert outcomes[FW].outcome == "UPDATED"
    assert [fields["index"] for name, fields in seen.notes if name == "retry"] == [2]


def test_progress_tells_of_bytes_and_every_long_state(twin: Twin, tmp_path: Path) -> None:
    """From the client's own thread."""
    device = twin.add_device("progress")
    twin.assign(twin.upload("firmware", "pump", "2.progress", IMAGE), to=device)
    told: list[Progress] = []
    client_of(twin, device, tmp_path, Version.MQTT_3_1_1, on_progress=told.append, kinds=(FW,)).run()
    assert told[-1].bytes_done == told[-1].bytes_total == len(IMAGE)
    assert {"DOWNLOADING", "ENDED"} <= {each.state for each in told}


def test_an_error_in_a_users_callback_is_seen(twin: Twin, tmp_path: Path) -> None:
    """It ends the run and comes out of it; it never kills the loop unseen."""
    device = twin.add_device("callback")
    twin.assign(twin.upload("firmware", "pump", "2.callback", IMAGE), to=device)

    def broken(_: Progress) -> None:
        raise ZeroDivisionError("in a callback")

    with pytest.raises(ZeroDivisionError, match="in a callback"):
        client_of(twin, device, tmp_path, Version.MQTT_3_1_1, on_progress=broken).run()


def test_stop_from_another_thread_ends_the_run(tmp_path: Path) -> None:
    """FAILED with the reason, told to the server."""
    with Twin(link="50 ms, 100 kbit/s", settings=AT_ONCE) as twin:
        device = twin.add_device("stopped")
        twin.assign(twin.upload("firmware", "pump", "2", IMAGE), to=device)
        started = threading.Event()
        client = client_of(
            twin,
            device,
            tmp_path,
            Version.MQTT_3_1_1,
            on_progress=lambda told: started.set() if told.bytes_done else None,
            chunk_bytes=1024,
        )

        def stop_once_started() -> None:
            started.wait(20)
            client.stop()

        threading.Thread(target=stop_once_started, daemon=True).start()
        outcomes = client.run()
        assert outcomes[FW].outcome == "FAILED"
        assert "stopped on the device" in outcomes[FW].reason
        assert twin.telemetry(device)["fw_state"][-1][1] == "FAILED"


class Refusing:
    """An installer of the user's that fails in one of its steps."""

    def __init__(self, step: str) -> None:
        self.step, self.called = step, list[str]()

    def _do(self, step: str) -> None:
        self.called.append(step)
        if step == self.step:
            raise RuntimeError(f"no {step} today")

    def install(self, image: Path, package: Any) -> None:
        assert image.stat().st_size == package.size
        self._do("install")

    def confirm(self, package: Any) -> None:
        self._do("confirm")

    def roll_back(self, package: Any) -> None:
        self._do("roll_back")


@pytest.mark.parametrize(
    ("step", "called"), [("install", ["install"]), ("confirm", ["install", "confirm", "roll_back"])]
)
def test_a_users_failing_installer_ends_in_failed(twin: Twin, tmp_path: Path, step: str, called: list[str]) -> None:
    """What it raised is the reason; what ran before runs again."""
    device = twin.add_device(f"refusing-{step}")
    twin.assign(twin.upload("firmware", "pump", f"2.{step}", IMAGE), to=device)
    hardware = TwoSlotDevice(tmp_path, {FW: ("pump", "1.0.0")})
    installer = Refusing(step)
    outcomes = client_of(twin, device, tmp_path, Version.MQTT_3_1_1, installer=installer).run()
    assert outcomes[FW].reason.startswith(f"{step} failed: no {step} today")
    assert installer.called == called
    assert hardware.running(FW) == ("pump", "1.0.0")
    assert twin.telemetry(device)["fw_error"][-1][1] == outcomes[FW].reason


def test_nothing_is_written_outside_the_folder(twin: Twin, tmp_path: Path) -> None:
    """Whatever the title says."""
    folder = tmp_path / "inside" / "device"
    device = twin.add_device("title", folder=folder)
    twin.assign(twin.upload("firmware", "../../x", "../1", IMAGE), to=device)
    assert client_of(twin, device, folder, Version.MQTT_3_1_1).run()[FW].outcome == "UPDATED"
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents]
    assert outside == []


def rows_by_hand(twin: Twin, name: str, folder: Path, pause_s: float) -> list[str]:
    """An update step by step, with a pause after each of the first steps."""
    device = twin.add_device(name)
    twin.assign(twin.upload("firmware", "pump", "2.steps", IMAGE[:20_000]), to=device)
    seen = Seen(Version.MQTT_3_1_1)
    with client_of(
        twin, device, folder, seen.version, watcher=seen, window=1, kinds=(FW,), keep_alive_s=1, chunk_deadline_s=0.5
    ) as client:
        steps = 0
        while client.advance():
            steps += 1
            if steps in (4, 8):
                time.sleep(pause_s)  # a reader reads: what is tested is that nothing happens meanwhile
        assert client.outcomes()[FW].outcome == "UPDATED"
    if pause_s > 1:
        assert any(raw[0] >> 4 == 12 for _, _, raw in seen.packets), "no PINGREQ went out underneath"
    return seen.rows()


def test_who_reads_between_steps_gets_the_same_packets_as_who_does_not(twin: Twin, tmp_path: Path) -> None:
    """Keep-alive goes on underneath, deadlines do not pass."""
    assert rows_by_hand(twin, "reader", tmp_path / "a", 2.2) == rows_by_hand(twin, "runner", tmp_path / "b", 0)


def test_each_step_lets_exactly_one_question_out(twin: Twin, tmp_path: Path) -> None:
    """And returns when its answers are there."""
    device = twin.add_device("one-by-one")
    twin.assign(twin.upload("firmware", "pump", "2.one", IMAGE[:20_000]), to=device)
    seen, sent = Seen(Version.MQTT_5), list[list[str]]()
    with client_of(twin, device, tmp_path, seen.version, watcher=seen, window=1, kinds=(FW,)) as client:
        before = 0
        while client.advance():
            new = seen.packets[before:]
            before += len(new)
            out = [decode(raw, seen.version) for _, direction, raw in new if direction is Direction.TO_SERVER]
            sent.append([packet.type.name for packet in out if not isinstance(packet, p.PubAck | p.PingReq)])
        assert not client.advance()
    assert all(len(names) == 1 for names in sent), sent
    assert [names[0] for names in sent][:3] == ["CONNECT", "SUBSCRIBE", "PUBLISH"]


@BOTH
def test_an_error_word_and_the_close_behind_it_are_survived_over_tcp(tmp_path: Path, version: Version) -> None:
    """PAYLOAD_TOO_LARGE, in MQTT 5 a DISCONNECT, the end: a new connection asks for less."""
    with Twin(settings=TwinSettings(dispatch_latency_s=0, max_payload_bytes=5000)) as twin:
        device = twin.add_device("too-large")
        twin.assign(twin.upload("firmware", "pump", "2", IMAGE), to=device)
        seen = Seen(version)
        client = client_of(twin, device, tmp_path, version, watcher=seen, chunk_bytes=8192, check_limits=False)
        outcome = client.run()[FW]
    assert outcome.outcome == "UPDATED"
    assert seen.rows().count("OtaError") == 1
    assert seen.connections == 3


@BOTH
def test_a_wrong_token_raises_with_the_servers_code(twin: Twin, tmp_path: Path, version: Version) -> None:
    """The token itself is in no text."""
    client = Client(*twin.mqtt, token="not-a-token", folder=tmp_path, settings=Settings(version=version))
    with pytest.raises(TransportError, match="check the access token") as caught:
        client.run()
    assert "not-a-token" not in str(caught.value)


def test_a_new_assignment_in_mid_download_takes_over_over_tcp(tmp_path: Path) -> None:
    """Pushed, asked for, and begun under a new request id."""
    with Twin(link="20 ms, 1 Mbit/s", settings=AT_ONCE) as twin:
        device = twin.add_device("taken-over")
        twin.assign(twin.upload("firmware", "pump", "2", IMAGE * 4), to=device)
        newer = twin.upload("firmware", "pump", "3", IMAGE)
        assigned = threading.Event()

        def assign_newer(told: Progress) -> None:
            if told.bytes_done and not assigned.is_set():
                assigned.set()
                threading.Thread(target=twin.assign, args=(newer,), kwargs={"to": device}, daemon=True).start()

        seen = Seen(Version.MQTT_3_1_1)
        client = client_of(twin, device, tmp_path, seen.version, watcher=seen, on_progress=assign_newer, kinds=(FW,))
        assert client.run()[FW].outcome == "UPDATED"
        assert device.hardware.running(FW) == ("pump", "3")
    assert [fields["outcome"] for name, fields in seen.notes if name == "update_ended"] == ["SUPERSEDED", "UPDATED"]


@BOTH
def test_the_server_going_away_for_good_ends_in_failed(tmp_path: Path, version: Version) -> None:
    """Bounded attempts, then the reason; nothing hangs."""
    twin = Twin(link="20 ms, 400 kbit/s", settings=AT_ONCE)
    device = twin.add_device("alone")
    twin.assign(twin.upload("firmware", "pump", "2", IMAGE), to=device)
    gone = threading.Event()

    def end_server(told: Progress) -> None:
        if told.bytes_done and not gone.is_set():
            gone.set()
            threading.Thread(target=twin.link.close, daemon=True).start()

    client = client_of(
        twin, device, tmp_path, version, on_progress=end_server, reconnects=2, reconnect_delay_s=0.05, kinds=(FW,)
    )
    outcome = client.run()[FW]
    twin.close()
    assert outcome.outcome == "FAILED"
    assert "in a row without progress" in outcome.reason
