"""A twin that is killed at any moment: whatever it acknowledged is there when it comes back."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from otakit.protocol import packets as p
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.twin.keeping import open_kept
from otakit.twin.model import Model
from otakit.twin.rest.login import PASSWORD, USER
from otakit.twin.settings import TwinSettings

KILLS = 32 if sys.platform != "win32" else 6  # without fork each start takes a second
WAIT_S = 30
TELEMETRY = "/api/plugins/telemetry/DEVICE"


class Count:
    """How much was acknowledged, to all writers together."""

    def __init__(self) -> None:
        self.value, self.changed = 0, threading.Condition()

    def one_more(self) -> None:
        with self.changed:
            self.value += 1
            self.changed.notify_all()


@dataclass
class Said:
    """What the twin acknowledged to one writer; a change that is under way is neither here nor there."""

    count: Count
    devices: dict[str, str] = field(default_factory=dict)  # id: token
    gone: list[str] = field(default_factory=list)
    attributes: dict[tuple[str, str], Any] = field(default_factory=dict)
    telemetry: dict[tuple[str, str, int], Any] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)  # package: SHA-256
    under_way: set[tuple[str, str]] = field(default_factory=set)


class Operator:
    """Writes by REST until the twin is gone."""

    def __init__(self, url: str, said: Said, rng: random.Random, headers: dict[str, str]) -> None:
        self.http = httpx.Client(base_url=url, timeout=WAIT_S, trust_env=False, verify=False, headers=headers)
        self.said, self.rng = said, rng

    def work(self) -> None:
        with self.http:
            while True:
                self.rng.choice(
                    [self.add_device, self.write_attribute, self.write_telemetry, self.upload, self.delete]
                )()
                self.said.count.one_more()

    def call(self, method: str, path: str, **options: Any) -> Any:
        answer = self.http.request(method, path, **options)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def add_device(self) -> None:
        made = self.call("POST", "/api/device", json={"name": f"d{self.rng.random()}"})["id"]["id"]
        self.said.devices[made] = self.call("GET", f"/api/device/{made}/credentials")["credentialsId"]

    def some_device(self) -> str:
        if not self.said.devices:
            self.add_device()
        return self.rng.choice(list(self.said.devices))

    def write_attribute(self) -> None:
        device, key, value = self.some_device(), f"k{self.rng.randrange(3)}", self.rng.randrange(2**50)
        self.said.under_way.add((device, key))
        self.call("POST", f"{TELEMETRY}/{device}/SHARED_SCOPE", json={key: value})
        self.said.attributes[device, key] = value
        self.said.under_way.discard((device, key))

    def write_telemetry(self) -> None:
        device, ts, value = self.some_device(), self.rng.randrange(2**50), self.rng.randrange(2**50)
        self.call("POST", f"{TELEMETRY}/{device}/timeseries/ANY", json={"ts": ts, "values": {"t": value}})
        self.said.telemetry[device, "t", ts] = value

    def upload(self) -> None:
        content, profile = (
            self.rng.randbytes(self.rng.randrange(1, 50_000)),
            self.call("GET", "/api/deviceProfileInfo/default"),
        )
        body = {
            "title": "pump",
            "version": f"{self.rng.random()}",
            "type": "FIRMWARE",
            "deviceProfileId": profile["id"],
        }
        package = self.call("POST", "/api/otaPackage", json=body)["id"]["id"]
        form = {"file": ("a.bin", content, "application/octet-stream")}
        self.call("POST", f"/api/otaPackage/{package}?checksumAlgorithm=MD5", files=form)
        self.said.images[package] = hashlib.sha256(content).hexdigest()

    def delete(self) -> None:
        table, there = self.rng.choice([("device", self.said.devices), ("otaPackage", self.said.images)])
        if len(there) > 8:
            identifier = self.rng.choice(list(there))
            del there[identifier]
            self.call("DELETE", f"/api/{table}/{identifier}")
            self.said.gone.append(identifier)


def device_works(address: tuple[str, int], device_id: str, token: str, said: Said, rng: random.Random) -> None:
    """Reports telemetry by MQTT, several at a time, until the twin is gone."""
    framer, number = Framer(), 0
    with socket.create_connection(address, WAIT_S) as sock:
        sock.sendall(encode(p.Connect("c", user_name=token)))
        waiting: dict[int, tuple[int, int]] = {}
        while data := sock.recv(65_536):
            for packet in map(decode, framer.feed(data)):
                if isinstance(packet, p.PubAck):
                    ts, value = waiting.pop(packet.packet_id)
                    said.telemetry[device_id, "m", ts] = value
                    said.count.one_more()
            while len(waiting) < 4:
                number = number % 65_535 + 1
                ts, value = rng.randrange(2**50), rng.randrange(2**50)
                body = json.dumps({"ts": ts, "values": {"m": value}}).encode()
                waiting[number] = (ts, value)
                sock.sendall(encode(p.Publish("v1/devices/me/telemetry", body, 1, number)))


@contextmanager
def starter(folder: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Starts the twin anew at each call; the one before must be dead."""
    command = [sys.executable, str(Path(__file__).with_name("killed_twin.py")), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout

        def start() -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            found: dict[str, Any] = json.loads(process.stdout.readline())
            return found

        yield start
        process.stdin.close()


def lost(model: Model, said: Said) -> list[object]:
    """All that was acknowledged and is not there."""
    store = model.store
    missing: list[object] = [
        device
        for device, token in said.devices.items()
        if (owner := store.device_of_token(token)) is None or owner.id != device
    ]
    missing += [identifier for identifier in said.gone if identifier in {**store.devices, **store.packages}]
    for (device, key), value in said.attributes.items():
        if device in said.devices and (device, key) not in said.under_way:
            found = store.memories[device].shared.get(key)
            missing += [] if found and found.value == value else [(device, key, value)]
    for (device, key, ts), value in said.telemetry.items():
        if device in said.devices and store.memories[device].telemetry.at(key, ts) != value:
            missing.append((device, key, ts, value))
    for package, digest in said.images.items():
        image = store.packages[package].image if package in store.packages else None
        if image is None or hashlib.sha256(image.read(0, image.size)).hexdigest() != digest:
            missing.append((package, digest))
    return missing


def test_whatever_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    """SIGKILL at seeded moments while two operators and a device write; each start finds what the last one said."""
    rng, count, headers = random.Random(7), Count(), dict[str, str]()
    said = [Said(count) for _ in range(3)]
    with starter(tmp_path) as start:
        for _ in range(KILLS):
            there = start()
            url = "http://{}:{}".format(*there["http"])
            if not headers:  # a login outlives the twin too
                login = httpx.post(
                    f"{url}/api/auth/login", json={"username": USER, "password": PASSWORD}, timeout=WAIT_S
                )
                headers["X-Authorization"] = f"Bearer {login.json()['token']}"
            wrong = one_life(there, url, said, random.Random(rng.random()), headers)
            assert not wrong
            model, keeper = open_kept(tmp_path, TwinSettings(), 0, 0)
            try:
                assert ([lost(model, each) for each in said], keeper.lost) == ([[], [], []], [])
            finally:
                keeper.close()
    assert count.value > KILLS * 5


def one_life(
    there: dict[str, Any], url: str, said: list[Said], rng: random.Random, headers: dict[str, str]
) -> list[BaseException]:
    """Writers write until the twin is killed; what went wrong other than that."""
    wrong: list[BaseException] = []
    count, device = said[0].count, said[2]
    operators = [Operator(url, each, random.Random(rng.random()), headers) for each in said[:2]]
    if not device.devices:
        with Operator(url, device, rng, headers).http as http:
            made = http.post("/api/device", json={"name": "m"}).json()["id"]["id"]
            device.devices[made] = http.get(f"/api/device/{made}/credentials").json()["credentialsId"]
    ((device_id, token),) = device.devices.items()

    def until_killed(work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, httpx.TransportError):
            pass  # it was killed
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            wrong.append(error)

    works: list[Callable[[], None]] = [operator.work for operator in operators]
    works.append(lambda: device_works(tuple(there["mqtt"]), device_id, token, device, random.Random(rng.random())))
    threads = [threading.Thread(target=until_killed, args=(work,)) for work in works]
    enough = count.value + rng.randrange(1, 30)
    for thread in threads:
        thread.start()
    with count.changed:
        assert count.changed.wait_for(lambda: count.value >= enough or wrong, WAIT_S)
    threading.Event().wait(rng.random() * 0.01)  # and then at any moment, not only behind an acknowledgement
    os.kill(there["pid"], signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    for thread in threads:
        thread.join()
    return wrong
