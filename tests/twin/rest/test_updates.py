"""HTTP long polls: answered by the next update, by 408, by the device's end; on real sockets too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from otakit.protocol.messages import Kind
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

PATH = "/api/v1/T/attributes/updates"
Story = Callable[[TwinServer, httpx.AsyncClient, Device], Awaitable[None]]


@pytest.fixture
def play() -> Callable[..., None]:
    """Plays a story against a served twin with device T, and looks whether anything fell on the way."""

    def played(story: Story, **settings: Any) -> None:
        async def whole() -> None:
            server = TwinServer(TwinSettings(**{"dispatch_latency_s": 0, "dispatch_spacing_s": 0, **settings}))
            await server.start()
            device = server.model.save_device(Device("d"), server.now(), "T")
            url = "http://{}:{}".format(*server.http)
            try:
                async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client:
                    await story(server, client, device)
            finally:
                await server.close()
            assert server.faults == []

        asyncio.run(whole())

    return played


async def waiting(server: TwinServer, device: Device, count: int = 1) -> None:
    """Returns when so many polls wait."""
    async with asyncio.timeout(20):
        while server.model.sessions.polls_of(device.id) != count:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)  # the loop's next turn


def test_poll_is_woken_by_an_assignment(play: Callable[..., None]) -> None:
    """With the first of its two messages; the other one is lost, since nothing is kept for a poll."""

    async def story(server: TwinServer, client: httpx.AsyncClient, device: Device) -> None:
        package = server.model.upload(Kind.FIRMWARE, "pump", "1.10", b"image", server.now())
        poll = asyncio.create_task(client.get(PATH))
        await waiting(server, device)
        server.model.assign(device, Kind.FIRMWARE, package.id, server.now())
        server.settle()
        answer = await poll
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json().get("fw_title") == "pump" or sorted(answer.json()["deleted"]) == ["fw_tag", "fw_url"]
        assert server.model.sessions.polls_of(device.id) == 0

    play(story)


def test_all_polls_of_a_device_hear_an_operator(play: Callable[..., None]) -> None:
    async def story(server: TwinServer, client: httpx.AsyncClient, device: Device) -> None:
        polls = [asyncio.create_task(client.get(f"{PATH}?timeout=15000")) for _ in range(3)]
        await waiting(server, device, 3)
        server.model.write_shared(device.id, {"colour": "red"}, server.now())
        assert [answer.json() for answer in await asyncio.gather(*polls)] == [{"colour": "red"}] * 3

    play(story)


@pytest.mark.parametrize(("query", "settings"), [("?timeout=1", {}), ("?timeout=-5", {}), ("", {"long_poll_s": 0.001})])
def test_poll_ends_with_408_when_nothing_comes(
    play: Callable[..., None], query: str, settings: dict[str, float]
) -> None:
    """After the time asked for, else after the server's own."""

    async def story(server: TwinServer, client: httpx.AsyncClient, device: Device) -> None:
        answer = await client.get(PATH + query)
        assert (answer.status_code, answer.content) == (408, b"")
        assert server.model.sessions.polls_of(device.id) == 0

    play(story, **settings)


def test_poll_is_freed_when_its_client_goes_away(play: Callable[..., None]) -> None:
    async def story(server: TwinServer, _client: httpx.AsyncClient, device: Device) -> None:
        _reader, writer = await asyncio.open_connection(*server.http)
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await waiting(server, device)
        writer.transport.abort()
        await waiting(server, device, 0)

    play(story)


def test_twin_that_closes_ends_its_polls(play: Callable[..., None]) -> None:
    """At once: nobody waits a minute for a server that is gone."""

    async def story(server: TwinServer, client: httpx.AsyncClient, device: Device) -> None:
        poll = asyncio.create_task(client.get(PATH))
        await waiting(server, device)
        await server.close()
        assert (await poll).status_code == 408

    play(story)


def test_deleted_device_ends_its_polls(play: Callable[..., None]) -> None:
    async def story(server: TwinServer, client: httpx.AsyncClient, device: Device) -> None:
        poll = asyncio.create_task(client.get(PATH))
        await waiting(server, device)
        server.model.delete_device(device.id)
        answer = await poll
        assert (answer.status_code, answer.text) == (403, "Device was deleted!")

    play(story)


def test_changed_credentials_leave_a_poll_in_silence(play: Callable[..., None]) -> None:
    """The server forgets who listens and says nothing; the time runs on."""

    async def story(server: TwinServer, client: httpx.AsyncClient, device: Device) -> None:
        poll = asyncio.create_task(client.get(f"{PATH}?timeout=100"))
        await waiting(server, device)
        server.model.sessions.end_all(device.id)
        server.model.write_shared(device.id, {"a": 1}, server.now())
        assert (await poll).status_code == 408

    play(story)


def test_poll_takes_no_connection_from_the_device(play: Callable[..., None]) -> None:
    """One connection is allowed, and a poll is none."""

    async def story(server: TwinServer, client: httpx.AsyncClient, device: Device) -> None:
        poll = asyncio.create_task(client.get(PATH))
        await waiting(server, device)
        assert len(server.model.sessions) == 0
        assert (await client.get("/api/v1/T/attributes")).json() == {}
        server.model.write_shared(device.id, {"a": 1}, server.now())
        assert json.loads((await poll).content) == {"a": 1}

    play(story, connections_per_device=1)


def test_unknown_token_and_bad_time_are_refused_at_once(rest: Any) -> None:
    rest.add_device()
    assert rest.call("GET", "/api/v1/X/attributes/updates").status_code == 401
    assert rest.refused("GET", f"{PATH}?timeout=soon")[:2] == (400, 31)
