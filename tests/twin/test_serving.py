"""The twin as a process: what it prints, who may use it, a whole laboratory inside TLS, and its ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from otakit import cli
from otakit.captured import CapturedPacket
from otakit.client.credentials import Credentials
from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import decode, encode
from otakit.record.reader import read
from otakit.run import peer_at, update
from otakit.session import load
from otakit.twin.announcing import About, as_json, in_words
from otakit.twin.furnishing import Furnished
from otakit.twin.server import PARTING_S
from otakit.twin.serving import login_for

FREE = ("--mqtt-port", "0", "--http-port", "0")
WAIT_S = 30
LAB = """\
[settings]
dispatch_spacing_s = 0

[[device]]
name = "pump-7"
token = "TOKEN-OF-PUMP-7"
firmware = "pump 1.10"

[[device]]
name = "meter-1"
certificate = true
firmware = "pump 1.10"

[[package]]
kind = "firmware"
title = "pump"
version = "1.10"
size = 30_000
"""


@dataclass
class Running:
    """A twin in a process of its own, and what it said of itself."""

    process: subprocess.Popen[str]
    doors: dict[str, Any]

    def connected(self, token: str) -> socket.socket:
        device = socket.create_connection(tuple(self.doors["mqtt"]), timeout=WAIT_S)
        device.sendall(encode(p.Connect("c", user_name=token)))
        assert decode(device.recv(100)) == p.ConnAck(0)
        return device

    def ends(self) -> int:
        """Waits for its end; its status. Nothing was printed on its way."""
        status = self.process.wait(WAIT_S)
        assert self.process.stderr is not None
        assert self.process.stderr.read() == ""
        return status


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts twins; what is left of them at the end is killed."""
    running: list[subprocess.Popen[str]] = []
    environment = {**os.environ, "OTAKIT_CONFIG_DIR": str(tmp_path / "settings")}
    group = {"creationflags": 0x200} if sys.platform == "win32" else {}  # CREATE_NEW_PROCESS_GROUP

    def started(*options: str | Path, verb: tuple[str, ...] = ("otakit", "twin", "--json", *FREE)) -> Running:
        command = [sys.executable, "-m", *verb, *map(str, options)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
        process: subprocess.Popen[str] = subprocess.Popen(command, **pipes, **group)  # type: ignore[call-overload]  # one table of options
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        return Running(process, json.loads(line))

    yield started
    for process in running:
        process.kill()
        process.communicate()


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C; Ctrl-Break on Windows, where a process of another group hears no Ctrl-C."""
    process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))


def packets_of(path: Path) -> list[CapturedPacket]:
    return [entry for entry in read(path).entries if isinstance(entry, CapturedPacket)]


def brought(running: Running, shown: str | Credentials, name: str, folder: Path) -> str:
    """How a firmware update by our own client inside TLS ended."""
    host, port = running.doors["mqtts"]
    runs = {Kind.FIRMWARE: ("pump", "1.9")}
    peer = peer_at(
        f"mqtts://{host}:{port}", shown, folder=folder / name, name=name, running=runs, ca_file=running.doors["ca_file"]
    )
    session = update(peer, record=folder / f"{name}.pcapng", show_progress=False)
    return str((session.outcome or {}).get("firmware"))


def test_laboratory_updates_its_devices_inside_tls_and_records_them(start: Start, tmp_path: Path) -> None:
    """One with a token, one by its certificate; each in a recording of its own; at Ctrl-C all is closed in order."""
    (tmp_path / "lab.toml").write_text(LAB)
    records, data = tmp_path / "records", tmp_path / "data"
    running = start("--tls", "--mqtts-port", "0", "--lab", tmp_path / "lab.toml", "--data", data, "--record", records)
    meter = Credentials.certificate(data / "tls" / "devices" / "meter-1.crt", data / "tls" / "devices" / "meter-1.key")
    assert brought(running, "TOKEN-OF-PUMP-7", "pump-7", tmp_path) == "UPDATED"
    assert brought(running, meter, "meter-1", tmp_path) == "UPDATED"
    with running.connected("TOKEN-OF-PUMP-7") as device:
        interrupt(running.process)
        assert device.recv(1) == b""
    assert running.ends() == 0
    assert sorted(file.name for file in records.iterdir()) == ["meter-1.pcapng", "pump-7.pcapng"]
    for file in records.iterdir():
        session = load(file)
        assert session.outcome == {"firmware": "UPDATED"}
        assert read(file).cut is None
        assert b"TOKEN-OF" not in file.read_bytes()
    assert b"TOKEN-OF" not in b"".join(file.read_bytes() for file in (data / "tls").rglob("*.crt"))


def test_kept_twin_goes_on_where_it_was_killed(start: Start, tmp_path: Path) -> None:
    """SIGKILL: recordings are whole up to the last packet, and what was acknowledged is there again."""
    (tmp_path / "lab.toml").write_text(LAB.replace("certificate = true\n", ""))
    options = ("--lab", tmp_path / "lab.toml", "--data", tmp_path / "data", "--record", tmp_path / "records")
    first = start(*options)
    with first.connected("TOKEN-OF-PUMP-7") as device:
        device.sendall(encode(p.Publish("v1/devices/me/telemetry", b'{"current_fw_version":"v7"}', 1, 1)))
        assert decode(device.recv(100)) == p.PubAck(1)
        first.process.kill()
        first.process.wait()
    assert [packet.raw[0] >> 4 for packet in packets_of(tmp_path / "records" / "pump-7.pcapng")] == [1, 2, 3, 4]
    second = start(*options)
    with httpx.Client(base_url=second.doors["url"]) as operator:
        login = {"username": second.doors["user"], "password": second.doors["password"]}
        token = operator.post("/api/auth/login", json=login).json()["token"]
        operator.headers["X-Authorization"] = f"Bearer {token}"
        found = operator.get("/api/tenant/devices", params={"deviceName": "pump-7"}).json()["id"]["id"]
        latest = operator.get(f"/api/plugins/telemetry/DEVICE/{found}/values/timeseries").json()
    assert latest["current_fw_version"][0]["value"] == "v7"
    with second.connected("TOKEN-OF-PUMP-7"):
        pass


def test_second_interrupt_ends_at_once(start: Start) -> None:
    """Although a device does not close its end."""
    running = start(verb=("otakit.twin",))
    with running.connected("provision") as device:
        interrupt(running.process)
        assert device.recv(1) == b""  # it has begun to close, and waits a second for the device
        began = time.monotonic()
        interrupt(running.process)
        is_in_time = time.monotonic() - began < PARTING_S / 2
        assert running.ends() == 130 or not is_in_time


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process could hear")
def test_sigterm_is_an_orderly_end_too(start: Start) -> None:
    """A device that is refused, then what a supervisor sends."""
    running = start("--seed", "3", verb=("otakit.twin",))
    with socket.create_connection(tuple(running.doors["mqtt"]), timeout=WAIT_S) as device:
        device.sendall(encode(p.Connect("c", user_name="wrong")))
        assert decode(device.recv(100)) == p.ConnAck(5)
    running.process.terminate()
    assert running.ends() == 0


def test_twin_on_the_network_asks_for_the_password_that_it_printed(start: Start) -> None:
    """ThingsBoard's default one opens nothing there."""
    running = start("--host", "0.0.0.0")
    doors = running.doors
    assert doors["password"] not in ("tenant", "")
    with httpx.Client(base_url="http://127.0.0.1:{}".format(doors["http"][1])) as anyone:

        def status(password: str) -> int:
            body = {"username": doors["user"], "password": password}
            return anyone.post("/api/auth/login", json=body).status_code

        assert (status("tenant"), status(doors["password"])) == (401, 200)
        assert anyone.get("/api/deviceProfiles?pageSize=1&page=0").status_code == 401


def test_mistakes_of_a_lab_file_are_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is served."""
    lab = tmp_path / "lab.toml"
    lab.write_text('[[device]]\nname = "d"\nprofile = "x"\ntoken = 1\n')
    assert cli.main(["twin", *FREE, "--lab", str(lab)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith('otakit: lab.toml:3: device "d": profile: there is no profile "x"')
    assert second == 'otakit: lab.toml:4: device "d": token: a text is expected, in quotes, not 1'


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_lab_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    lab = tmp_path / "lab.toml"
    if content is not None:
        lab.write_bytes(content)
    assert cli.main(["twin", *FREE, "--lab", str(lab)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "lab.toml" in line


def test_process_with_a_taken_port_says_so_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "otakit.twin", "--mqtt-port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("otakit: twin: cannot listen on")
    assert len(done.stderr.splitlines()) == 1


def test_certificate_of_a_device_is_made_by_its_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its files are named; nothing of the key is printed."""
    monkeypatch.setenv("OTAKIT_CONFIG_DIR", str(tmp_path))
    assert cli.main(["certificate", "pump-7"]) == 0
    said = capsys.readouterr().out
    paths = [Path(line.split(maxsplit=1)[1]) for line in said.splitlines()]
    assert [path.exists() for path in paths] == [True] * 3
    assert "PRIVATE" not in said


# ------------------------------------------------------------------------------------------- login


def test_login_is_thingsboard_s_own_on_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTAKIT_TWIN_PASSWORD", raising=False)
    assert all(login_for(host).password == "tenant" for host in ("127.0.0.1", "localhost", "::1", "127.1.2.3"))
    found = {login_for(host).password for host in ("0.0.0.0", "::", "192.0.2.7", "")}
    assert len(found) == 4
    assert all(len(password) >= 12 for password in found)


def test_password_of_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTAKIT_TWIN_PASSWORD", "open sesame")
    assert [login_for(host).password for host in ("127.0.0.1", "0.0.0.0")] == ["open sesame"] * 2
    assert "open sesame" not in repr(login_for("0.0.0.0"))


# ----------------------------------------------------------------------------------- announcement

LOOPBACK = About(["127.0.0.1"], 1883, 8080, "tenant@thingsboard.org", "tenant", version="4.3.1.3")
NETWORK = About(
    ["192.0.2.7", "2001:db8::7"], 1883, 8080, "tenant@thingsboard.org", "pass-12-chars", mqtts=8883, is_open=True,
    is_default_login=False, ca_file="/home/u/otakit-ca.crt", data="build/twin", records="rec",
    devices=[Furnished("pump-7", "ACCESS_TOKEN", "TOKEN-7"), Furnished("meter", "X509_CERTIFICATE")],
)  # fmt: skip


def test_start_names_every_door_and_what_is_kept() -> None:
    said = in_words(LOOPBACK)
    assert said.startswith("otakit's twin of ThingsBoard 4.3.1.3: its behaviour, not a ThingsBoard. Ctrl-C ends it.")
    for part in ("mqtt://127.0.0.1:1883", "http://127.0.0.1:8080/", "password tenant", "it forgets", "--host 0.0.0.0"):
        assert part in said
    assert "mqtts" not in said
    assert "OPEN TO THE NETWORK" not in said


def test_start_on_the_network_says_so_plainly() -> None:
    """With the address that a device on it can type, and the others."""
    said = in_words(NETWORK)
    assert "OPEN TO THE NETWORK: everyone" in said
    for part in ("mqtts://192.0.2.7:8883", "/home/u/otakit-ca.crt", "build/twin", "in rec", "[2001:db8::7]"):
        assert part in said
    assert "--host 0.0.0.0" not in said


def test_settings_are_given_as_each_device_wants_them() -> None:
    said = in_words(LOOPBACK)
    assert 'CONFIG_MQTT_BROKER_URL="mqtt://127.0.0.1"  CONFIG_MQTT_BROKER_PORT=1883' in said
    assert 'constexpr char THINGSBOARD_SERVER[] = "127.0.0.1";' in said
    assert "constexpr uint16_t THINGSBOARD_PORT = 1883U;" in said
    assert 'TBDeviceMqttClient("127.0.0.1", 1883, "<token>").connect()' in said
    assert "otakit update mqtt://127.0.0.1:1883" in said
    assert "mosquitto_pub -h 127.0.0.1 -p 1883 -u <token> -q 1 -t v1/devices/me/telemetry" in said


def test_settings_inside_tls_name_the_certificate_to_trust() -> None:
    said = in_words(NETWORK)
    assert 'connect(tls=True, ca_certs="/home/u/otakit-ca.crt")' in said
    assert '--ca-file "/home/u/otakit-ca.crt"' in said
    assert '--cafile "/home/u/otakit-ca.crt"' in said
    assert "ROOT_CERT" in said


def test_tokens_are_printed_only_when_they_are_asked_for() -> None:
    """What a start prints ends in logs."""
    asked = About(**{**{name: getattr(NETWORK, name) for name in NETWORK.__slots__}, "show_tokens": True})
    assert "TOKEN-7" not in in_words(NETWORK) + as_json(NETWORK)
    assert "pump-7  TOKEN-7" in in_words(asked)
    assert json.loads(as_json(asked))["tokens"] == {"pump-7": "TOKEN-7"}


def test_password_that_nobody_knows_is_printed_once() -> None:
    assert in_words(NETWORK).count("pass-12-chars") == 1
    assert "pass-12-chars" not in repr(NETWORK)


@pytest.mark.parametrize("is_windows", [False, True])
def test_variables_are_set_as_the_shell_there_does(*, is_windows: bool) -> None:
    said = in_words(About(["127.0.0.1"], 1883, 8080, "u", "p", is_windows=is_windows))
    assert ('$env:OTAKIT_USER="u"; ' in said) is is_windows
    assert (" OTAKIT_USER=u " in said) is not is_windows


def test_program_is_told_in_one_line_of_json() -> None:
    doors = json.loads(as_json(NETWORK))
    assert (doors["mqtt"], doors["mqtts"], doors["url"]) == (
        ["192.0.2.7", 1883],
        ["192.0.2.7", 8883],
        "http://192.0.2.7:8080",
    )
    assert "\n" not in as_json(NETWORK)
