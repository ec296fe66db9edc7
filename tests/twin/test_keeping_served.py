"""A kept twin on its sockets: nothing is acknowledged before it is on the disk, and a turn is one commit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from otakit.captured import Watcher
from otakit.errors import ServerRefused, SettingsError
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import decode, encode
from otakit.servers import Twin
from otakit.twin.keeping import Keeper
from otakit.twin.rest.login import PASSWORD, USER
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

Scene = Callable[[TwinServer, httpx.AsyncClient], Coroutine[Any, Any, None]]


def play(folder: Path, scene: Scene) -> None:
    """A kept twin with an operator who is logged in."""

    async def whole() -> None:
        server = TwinServer(TwinSettings(dispatch_spacing_s=0), data=folder)
        await server.start()
        try:
            async with httpx.AsyncClient(
                base_url="http://{}:{}".format(*server.http), trust_env=False, verify=False, timeout=20
            ) as http:
                login = await http.post("/api/auth/login", json={"username": USER, "password": PASSWORD})
                http.headers["X-Authorization"] = f"Bearer {login.json()['token']}"
                await asyncio.wait_for(scene(server, http), 60)
        finally:
            await server.close()

    asyncio.run(whole())


def keeper_of(server: TwinServer) -> Keeper:
    assert server._keeper is not None
    return server._keeper


def commits_of(server: TwinServer) -> list[str]:
    """Each commit from here on."""
    commits: list[str] = []
    keeper_of(server)._database.sql.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    return commits


def add_device(server: TwinServer, name: str) -> tuple[Device, str]:
    device = server.model.save_device(Device(name), server.now())
    server.keep()
    return device, server.model.store.credentials[device.id].credentials_id


async def connected(server: TwinServer, token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*server.mqtt)
    writer.write(encode(p.Connect("c", user_name=token)))
    assert decode(await reader.readexactly(4)) == p.ConnAck(0)
    return reader, writer


def telemetry(number: int) -> bytes:
    return encode(p.Publish("v1/devices/me/telemetry", b'{"n":%d}' % number, 1, number))


def full(server: TwinServer, pages: int | None = None) -> None:
    """The disk takes no more pages, or as many as it likes again."""
    keeper = keeper_of(server)
    now = keeper._database._one("PRAGMA page_count")
    keeper._database.sql.execute(f"PRAGMA max_page_count = {pages or now}")


BIG = {f"k{number}": "x" * 1000 for number in range(100)}


class Looks:
    """A watcher that looks, whenever a packet leaves, whether all is kept."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper, self.left = keeper, list[tuple[str, bool]]()

    def connection(self, _client: object, _server: object) -> int:
        return 0

    def packet(self, _connection: int, direction: Direction, raw: bytes, _at_ns: int | None = None) -> int:
        if direction is Direction.TO_DEVICE:
            self.left.append((decode(raw).type.name, self.keeper.pending))
        return 0

    def note(self, *_: object) -> None: ...


def test_puback_leaves_when_the_telemetry_is_kept(tmp_path: Path) -> None:
    """What the device can know of is on the disk."""

    async def scene(server: TwinServer, _http: httpx.AsyncClient) -> None:
        _, token = add_device(server, "d")
        looks = Looks(keeper_of(server))
        server.watchers.append(cast("Watcher", looks))
        reader, writer = await connected(server, token)
        writer.write(telemetry(1))
        await reader.readexactly(4)
        assert looks.left == [("CONNACK", False), ("PUBACK", False)]
        writer.close()

    play(tmp_path, scene)


def test_all_that_comes_in_one_turn_is_one_commit(tmp_path: Path) -> None:
    """Ten devices that speak at the same moment cost one."""

    async def scene(server: TwinServer, _http: httpx.AsyncClient) -> None:
        doors = [await connected(server, add_device(server, f"d{number}")[1]) for number in range(10)]
        commits = commits_of(server)
        for number, (_, writer) in enumerate(doors, 1):  # no await between them: all are there at the next turn
            writer.write(telemetry(number))
        for reader, _ in doors:
            await reader.readexactly(4)
        assert len(commits) <= 2  # the sockets may be seen in two turns
        for _, writer in doors:
            writer.close()

    play(tmp_path, scene)


def test_operators_who_call_at_once_share_a_commit(tmp_path: Path) -> None:
    """As their calls wait for it behind the change and before the answer."""

    async def scene(server: TwinServer, _http: httpx.AsyncClient) -> None:
        async def call(number: int) -> None:
            server.model.save_device(Device(f"d{number}"), server.now())
            await server.door.kept(0)
            assert not keeper_of(server).pending

        commits = commits_of(server)
        await asyncio.gather(*(call(number) for number in range(10)))
        assert len(commits) == 1

    play(tmp_path, scene)


def test_full_disk_is_an_error_answer_and_nothing_happened(tmp_path: Path) -> None:
    """500 with errorCode 2; with room again the same call passes."""

    async def scene(server: TwinServer, http: httpx.AsyncClient) -> None:
        device, _ = add_device(server, "d")
        path = f"/api/plugins/telemetry/DEVICE/{device.id}/SHARED_SCOPE"
        full(server)
        refused = await http.post(path, json=BIG)
        assert (refused.status_code, refused.json()["errorCode"]) == (500, 2)
        assert "Nothing was saved: database or disk is full" in refused.json()["message"]
        assert server.model.store.memories[device.id].shared == {}
        full(server, 100_000)
        assert (await http.post(path, json=BIG)).status_code == 200
        assert len(server.model.store.memories[device.id].shared) == 100

    play(tmp_path, scene)


def test_device_gets_no_puback_from_a_full_disk(tmp_path: Path) -> None:
    """Its connection ends, and it will say it again."""

    async def scene(server: TwinServer, _http: httpx.AsyncClient) -> None:
        device, token = add_device(server, "d")
        reader, writer = await connected(server, token)
        full(server)
        values = b",".join(b'"k%d":"%s"' % (number, b"x" * 400) for number in range(100))
        writer.write(encode(p.Publish("v1/devices/me/telemetry", b"{" + values + b"}", 1, 1)))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(4)
        assert server.model.store.memories[device.id].telemetry.keys == []
        assert [type(fault) for fault in server.faults] == [ServerRefused]
        writer.close()

    play(tmp_path, scene)


def test_who_waits_for_the_same_commit_gets_no_acknowledgement_either(tmp_path: Path) -> None:
    """An operator's call that fills the disk takes back what a device said in that turn, so it is told nothing."""

    async def scene(server: TwinServer, http: httpx.AsyncClient) -> None:
        device, token = add_device(server, "d")
        reader, writer = await connected(server, token)
        full(server)
        wire = server.wires[0]
        wire.data_received(telemetry(1))  # heard in this turn, not yet answered
        server.model.write_shared(device.id, dict(BIG), server.now())
        with pytest.raises(ServerRefused):
            server.keep()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(4)
        assert server.model.store.memories[device.id].telemetry.keys == []
        writer.close()

    play(tmp_path, scene)


def test_login_outlives_the_twin(tmp_path: Path) -> None:
    headers: list[httpx.Headers] = []

    async def first(_server: TwinServer, http: httpx.AsyncClient) -> None:
        headers.append(http.headers)

    async def second(_server: TwinServer, http: httpx.AsyncClient) -> None:
        answer = await http.get("/api/deviceProfileInfo/default", headers=headers[0])
        assert answer.status_code == 200

    play(tmp_path, first)
    play(tmp_path, second)


def test_lost_image_is_said_to_the_operator(tmp_path: Path) -> None:
    """500 with errorCode 2 and the package's name; the same upload again heals it."""
    with Twin(data=tmp_path) as twin:
        lost = twin.upload("firmware", "pump", "1", b"lost")
        fine = twin.upload("firmware", "pump", "2", b"fine")
    (tmp_path / "images" / lost.id).unlink()
    with Twin(data=tmp_path) as twin:
        with pytest.raises(ServerRefused, match=r"500: package 'pump' '1': its image .* is missing; put the file back"):
            twin.operator.download(lost.id, tmp_path / "back")
        twin.operator.download(fine.id, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"fine"
        assert twin.upload("firmware", "pump", "1", b"lost") == lost
        twin.operator.download(lost.id, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"lost"


def test_twin_comes_back_with_its_devices_and_packages(tmp_path: Path) -> None:
    """The same verbs find the same things; a second twin on the folder is refused."""
    with Twin(data=tmp_path) as twin:
        device, package = twin.add_device("pump-7"), twin.upload("firmware", "pump", "v2", b"image" * 1000)
        twin.assign(package, to=device)
        twin.wait_for(device, "INITIATED")
        token = device.token
        with pytest.raises(SettingsError, match="is in use by another twin"):
            Twin(data=tmp_path)
    with Twin(data=tmp_path) as twin:
        again = twin.add_device("pump-7")
        assert (again.token, twin.upload("firmware", "pump", "v2", b"image" * 1000)) == (token, package)
        assert twin.attributes(again)["fw_version"] == "v2"
        assert twin.wait_for(again, "INITIATED") == ["QUEUED", "INITIATED"]


def test_twin_says_at_its_start_which_images_are_lost(tmp_path: Path) -> None:
    """And serves the rest."""
    with Twin(data=tmp_path) as twin:
        lost = twin.upload("firmware", "pump", "1", b"lost")
    (tmp_path / "images" / lost.id).unlink()
    command = [sys.executable, "-m", "otakit.twin", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        assert '"mqtt"' in process.stdout.readline()
        process.terminate()
        assert "otakit: package 'pump' '1': its image" in process.stderr.read()
