"""The page's server side: what it hears, how it says it, who may have it, and that nobody pays for what nobody sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Packet, Version
from otakit.twin.page import feed as feeds
from otakit.twin.page.delivered import MOST_SPANS, Delivery
from otakit.twin.page.ear import MOST_EARLY, RING, STRANGER, Ear
from otakit.twin.page.feed import Feed
from otakit.twin.page.routes import STATIC
from otakit.twin.page.sentences import rows_of
from otakit.twin.rest.login import Login
from otakit.twin.rules.entities import Device
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

IMAGE = bytes(i % 251 for i in range(20_000))
UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE


# ------------------------------------------------------------------------------------- delivered


def test_delivery_counts_each_byte_once() -> None:
    """A chunk sent twice, and chunks out of order."""
    delivery = Delivery("A")
    for start in (0, 200, 100, 100, 200):
        delivery.credit(start, start + 100, (1, b"1"))
    assert (delivery.spans, delivery.seen, delivery.before) == ([(0, 300)], 300, 0)


def test_delivery_tells_apart_what_it_did_not_see() -> None:
    """The page was opened in the middle, or the device went on where it had stopped."""
    delivery = Delivery("A")
    delivery.credit(500, 600, (1, b"1"))
    assert (delivery.seen, delivery.before) == (100, 500)


def test_delivery_begins_anew_with_the_first_bytes_under_a_new_request_id() -> None:
    """An assignment repeated: its bar starts at nothing."""
    delivery = Delivery("A")
    delivery.credit(0, 300, (1, b"1"))
    delivery.credit(0, 100, (1, b"1"))
    assert delivery.seen == 300
    delivery.credit(0, 100, (1, b"2"))
    assert delivery.seen == 100


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40)), max_size=60))
def test_delivery_agrees_with_counting_byte_by_byte(pieces: list[tuple[int, int]]) -> None:
    """Whatever is asked for in whatever order; the spans stay sorted and apart."""
    delivery, seen = Delivery("A", (1, b"1")), set[int]()
    for start, length in pieces:
        delivery.credit(start, start + length, (1, b"1"))
        seen.update(range(start, start + length))
    assert delivery.seen == len(seen)
    assert all(end < start for (_, end), (start, _) in zip(delivery.spans, delivery.spans[1:], strict=False))


def test_delivery_of_scattered_bytes_stays_small() -> None:
    """A device that asks for every second byte is no reason to grow without end."""
    delivery = Delivery("A")
    for start in range(0, 10 * MOST_SPANS, 2):
        delivery.credit(start, start + 1, (1, b"1"))
    assert len(delivery.spans) == MOST_SPANS


# ------------------------------------------------------------------------------------------- ear


class Stage:
    """An ear, one connection, and a clock that counts packets."""

    def __init__(self, owner: str | None = "d1", version: Version = Version.MQTT_3_1_1) -> None:
        self.owner, self.package, self.now, self.version = owner, "A", 0, version
        self.ear = Ear(lambda _number: self.owner, lambda _device, _kind: self.package, lambda: self.now)
        self.number = self.ear.connection(("10.0.0.1", 1), ("10.0.0.2", 1883))

    def passes(self, direction: Direction, packet: Packet) -> None:
        self.now += 1_000_000
        self.ear.packet(self.number, direction, encode(packet, self.version), self.now)

    def connects(self) -> None:
        self.passes(UP, p.Connect("c1", self.version, user_name="secret-token"))
        self.passes(DOWN, p.ConnAck(0 if self.owner else 5))

    def chunk(self, index: int, size: int = 100, request_id: int = 1, count: int | None = None, qos: int = 0) -> None:
        packet_id = index + 1 if qos else None
        self.passes(UP, p.Publish(f"v2/fw/request/{request_id}/chunk/{index}", str(size).encode(), qos, packet_id))
        if qos:
            self.passes(DOWN, p.PubAck(index + 1))
        payload = bytes(size if count is None else count)
        self.passes(DOWN, p.Publish(f"v2/fw/response/{request_id}/chunk/{index}", payload))

    def rows(self, owner: str = "d1") -> list[dict[str, Any]]:
        heard = self.ear.of(owner)
        assert heard is not None
        return rows_of(heard.entries(), {self.number})


@pytest.mark.parametrize("version", [Version.MQTT_3_1_1, Version.MQTT_5])
@pytest.mark.parametrize("qos", [0, 1])
def test_ear_counts_the_bytes_of_chunks(version: Version, qos: int) -> None:
    """In both versions of MQTT, with and without packet ids."""
    stage = Stage(version=version)
    stage.connects()
    for index in range(5):
        stage.chunk(index, qos=qos)
    stage.chunk(5, count=20, qos=qos)
    heard = stage.ear.of("d1")
    assert heard is not None
    assert heard.deliveries[Kind.FIRMWARE].seen == 520


def test_request_id_stays_with_the_package_of_its_first_use() -> None:
    """After a reassignment the old request id still brings the old package: its bytes do not count for the new one."""
    stage = Stage()
    stage.connects()
    stage.chunk(0)
    stage.package = "B"
    stage.chunk(1)
    heard = stage.ear.of("d1")
    assert heard is not None
    assert (heard.deliveries[Kind.FIRMWARE].package_id, heard.deliveries[Kind.FIRMWARE].seen) == ("A", 200)
    stage.chunk(0, request_id=2)
    assert (heard.deliveries[Kind.FIRMWARE].package_id, heard.deliveries[Kind.FIRMWARE].seen) == ("B", 100)


def test_download_does_not_push_out_the_talk_around_it() -> None:
    """Thousands of chunks leave the greeting readable, in bounded memory; acknowledgements go with their chunks."""
    stage = Stage()
    stage.connects()
    for index in range(3 * RING):
        stage.chunk(index, qos=1)
    heard = stage.ear.of("d1")
    assert heard is not None
    assert (len(heard.talk), len(heard.chunks)) == (2, RING)
    rows = stage.rows()
    assert (rows[-1]["asks"], rows[-1]["about"]) == ("ChunkRequest", f"{3 * RING - 1}, 100 bytes")


def test_refused_connection_belongs_to_the_strangers() -> None:
    stage = Stage(owner=None)
    stage.connects()
    (row,) = stage.rows(STRANGER)
    assert (row["asks"], row["hears"], row["outcome"]) == ("Connect", "ConnAck", "REFUSED")
    assert "secret-token" not in json.dumps(row)


def test_client_id_without_a_user_name_is_not_shown() -> None:
    """It is the credential then (ThingsBoard's MQTT_BASIC)."""
    stage = Stage()
    stage.passes(UP, p.Connect("secret-client"))
    stage.passes(DOWN, p.ConnAck(0))
    (row,) = stage.rows()
    assert row["about"] == "without a user name"


def test_provisioning_is_not_quoted() -> None:
    """Its answer carries a token."""
    stage = Stage(owner=None)
    stage.connects()
    stage.passes(DOWN, p.Publish("/provision/response", b'{"credentialsValue":"secret-token"}'))
    assert "secret-token" not in json.dumps(stage.rows(STRANGER))


def test_connection_from_before_the_page_is_understood_and_not_shown_as_new() -> None:
    """Its CONNECT comes again without a time, since nothing can be read without; it did not pass now."""
    stage = Stage(version=Version.MQTT_5)
    stage.ear.packet(stage.number, UP, encode(p.Connect("c1", Version.MQTT_5, user_name="t"), Version.MQTT_5))
    stage.passes(UP, p.PingReq())
    stage.passes(DOWN, p.PingResp())
    assert [row["asks"] for row in stage.rows()] == ["PingReq"]


def test_connection_that_never_says_who_it_is_costs_little() -> None:
    """Packets before CONNECT are kept, the last few."""
    stage = Stage(owner=None)
    for _ in range(10 * MOST_EARLY):
        stage.passes(UP, p.PingReq())
    assert len(stage.ear._lines[stage.number].early) == MOST_EARLY


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=2, max_size=60)), max_size=30))
def test_ear_takes_whatever_passes(packets: list[tuple[bool, bytes]]) -> None:
    """A watcher never raises: a device may send anything."""
    stage = Stage()
    for is_up, raw in packets:
        stage.ear.packet(stage.number, UP if is_up else DOWN, raw, 1)
    if stage.ear.of("d1") is not None:
        json.dumps(stage.rows())


# ------------------------------------------------------------------------------------- sentences


def test_exchange_is_said_with_question_answer_and_time() -> None:
    stage = Stage()
    stage.connects()
    stage.chunk(17, size=4096)
    row = stage.rows()[-1]
    assert (row["asks"], row["about"], row["hears"], row["brings"]) == (
        "ChunkRequest",
        "17, 4,096 bytes",
        "ChunkResponse",
        "4,096 bytes",
    )
    assert row["took"] == 1.0
    assert "asks for one chunk of the image → the bytes of one chunk" in str(row["means"])


def test_error_word_is_the_answer_to_its_request_and_stands_at_the_device() -> None:
    stage = Stage()
    stage.connects()
    stage.passes(UP, p.Publish("v2/fw/request/1/chunk/0", b"99999", 1, 7))
    stage.passes(DOWN, p.Publish("v2/fw/error", b"PAYLOAD_TOO_LARGE", 1, 1))
    row = stage.rows()[-1]
    assert (row["outcome"], row["brings"]) == ("REFUSED", "PAYLOAD_TOO_LARGE")
    heard = stage.ear.of("d1")
    assert heard is not None
    assert heard.refused is not None
    assert heard.refused[0] == "PAYLOAD_TOO_LARGE"


def test_question_on_a_lost_connection_is_unanswered() -> None:
    """While the connection is open it waits."""
    stage = Stage()
    stage.connects()
    stage.passes(UP, p.Publish("v2/fw/request/1/chunk/0", b"100"))
    assert stage.rows()[-1]["outcome"] == "OPEN"
    heard = stage.ear.of("d1")
    assert heard is not None
    assert rows_of(heard.entries(), ())[-1]["outcome"] == "UNANSWERED"


def test_fault_on_purpose_stands_between_the_packets() -> None:
    stage = Stage()
    stage.connects()
    stage.ear.note("fault", {"name": "DropChunk", "index": 3}, connection=stage.number)
    row = stage.rows()[-1]
    assert (row["asks"], row["about"], row["outcome"]) == ("fault", "name DropChunk, index 3", "NOTE")


# ------------------------------------------------------------------------------------------ feed

Story = Callable[[TwinServer, httpx.AsyncClient], Coroutine[Any, Any, None]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Plays a story against a served twin whose pages are told quickly."""
    monkeypatch.setattr(feeds, "TICK_S", 0.01)

    def played(story: Story, **settings: Any) -> None:
        async def whole() -> None:
            server = TwinServer(TwinSettings(**settings))
            await server.start()
            try:
                async with httpx.AsyncClient(base_url="http://{}:{}".format(*server.http), timeout=20) as client:
                    await story(server, client)
            finally:
                await server.close()
            assert server.faults == []

        asyncio.run(whole())

    return played


async def log_in(client: httpx.AsyncClient) -> dict[str, str]:
    hint = (await client.get("/twin/login/hint")).json()
    body = {"username": hint["user"], "password": hint["password"]}
    return {"X-Authorization": f"Bearer {(await client.post('/api/auth/login', json=body)).json()['token']}"}


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def test_feed_needs_a_login(play: Callable[..., None]) -> None:
    async def story(_server: TwinServer, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/twin/feed")
        assert (answer.status_code, answer.json()["message"]) == (401, "Authentication failed")

    play(story)


def test_feed_tells_what_changed_and_nothing_else(play: Callable[..., None]) -> None:
    """All devices first, then single ones; packages and profiles by an edition that grows."""

    async def story(server: TwinServer, client: httpx.AsyncClient) -> None:
        first = server.model.save_device(Device("d1"), server.now())
        async with client.stream("GET", "/api/twin/feed", headers=await log_in(client)) as answer:
            heard = events(answer)
            said = [await anext(heard) for _ in range(3)]
            assert [name for name, _ in said] == ["twin", "devices", "catalogue"]
            assert (said[1][1]["all"], [each["name"] for each in said[1][1]["devices"]]) == (True, ["d1"])
            server.model.save_device(Device("d2"), server.now())
            assert [each["name"] for each in (await anext(heard))[1]["devices"]] == ["d2"]
            server.model.upload(Kind.FIRMWARE, "pump", "1.0", IMAGE, server.now())
            assert (await anext(heard))[0] == "catalogue"
            server.model.delete_device(first.id)
            assert (await anext(heard))[1] == {"all": False, "gone": [first.id], "devices": []}

    play(story)


def test_feed_ends_when_the_twin_closes(play: Callable[..., None]) -> None:
    """The stream is finished, not torn."""

    async def story(server: TwinServer, client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/api/twin/feed", headers=await log_in(client)) as answer:
            heard = events(answer)
            await anext(heard)
            closing = asyncio.create_task(server.close())
            async with asyncio.timeout(20):
                _ = [each async for each in heard]
            await closing

    play(story)


def test_packets_are_heard_only_while_a_page_is_open(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A twin that nobody looks at pays nothing."""
    monkeypatch.setattr(feeds, "LINGER_S", 0.0)

    async def story(server: TwinServer, client: httpx.AsyncClient) -> None:
        assert server.watchers == []
        headers = await log_in(client)
        async with client.stream("GET", "/api/twin/feed", headers=headers) as one:
            await anext(events(one))
            async with client.stream("GET", "/api/twin/feed", headers=headers) as two:
                await anext(events(two))
                assert len(server.watchers) == 1
        async with asyncio.timeout(20):
            while server.watchers:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0)

    play(story)


def test_too_many_pages_are_refused(play: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_PAGES", 1)

    async def story(_server: TwinServer, client: httpx.AsyncClient) -> None:
        headers = await log_in(client)
        async with client.stream("GET", "/api/twin/feed", headers=headers) as one:
            await anext(events(one))
            assert (await client.get("/api/twin/feed", headers=headers)).status_code == 429

    play(story)


def test_page_has_to_ask_again_once_its_token_is_old(play: Callable[..., None]) -> None:
    """A stream outlives no login."""

    async def story(_server: TwinServer, client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/api/twin/feed", headers=await log_in(client)) as answer, asyncio.timeout(20):
            names = [name async for name, _ in events(answer)]
            assert names[0] == "twin"

    play(story, token_s=1)


def test_slow_page_holds_no_more_than_one_look() -> None:
    """What a page has not taken is not piled up: it is told the newest when it comes back."""

    async def story() -> None:
        served = TwinServer()
        feed = Feed(served)
        stream = feed.events(None, 60, {})
        for _ in range(3):
            await anext(stream)
        for number in range(50):
            served.model.save_device(Device(f"d{number}"), served.now())
        news = json.loads((await anext(stream)).decode().split("data: ")[1])
        assert len(news["devices"]) == 50
        feed.close()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(story())


# ---------------------------------------------------------------------------------------- routes


def test_hint_is_not_given_under_a_foreign_name(play: Callable[..., None]) -> None:
    """DNS rebinding: a foreign page whose name leads to loopback; or a foreign page's own request."""

    async def story(_server: TwinServer, client: httpx.AsyncClient) -> None:
        assert (await client.get("/twin/login/hint")).json()["user"]
        for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert "password" not in (await client.get("/twin/login/hint", headers=headers)).text

    play(story)


def test_hint_never_tells_a_password_of_ones_own() -> None:
    """On loopback too: there may be other users on the machine."""

    async def story() -> None:
        server = TwinServer(login=Login(password="chosen"))
        await server.start()
        async with httpx.AsyncClient(base_url="http://{}:{}".format(*server.http)) as client:
            assert (await client.get("/twin/login/hint")).json() == {}
        await server.close()

    asyncio.run(story())


def test_page_forbids_everything_foreign(play: Callable[..., None]) -> None:
    """Nothing inline, nothing from elsewhere, in no frame; no file but the page's own."""

    async def story(_server: TwinServer, client: httpx.AsyncClient) -> None:
        page = await client.get("/")
        assert page.headers["content-security-policy"].startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "<script>" not in page.text
        assert "style=" not in page.text
        for name in ("routes.py", "..%2Froutes.py", "%2e%2e/routes.py", "nothing.js"):
            assert (await client.get(f"/twin/{name}")).status_code == 404

    play(story)


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_files_of_the_page_name_no_other_place(path: Path) -> None:
    """Offline always: no address but the page's own and the namespace of SVG."""
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "").replace('"https://"', "")
    assert "://" not in text.replace("mqtt://", "").replace("${scheme}://", "")
    assert ".innerHTML" not in text
    assert len(text.splitlines()) < 320
