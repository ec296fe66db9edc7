"""A stage without sockets: model and conversations in virtual time, the REST door called in memory.

The operator's path is the served one, fastapi's routes and their filters included; only the socket is
missing. Time stands still until a scenario lets it pass, or waits.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from pathlib import Path

import httpx

from otakit.captured import Address
from otakit.conformance.channel import Channel
from otakit.conformance.connection import SECOND
from otakit.conformance.own import OwnStage
from otakit.protocol.packets import Version
from otakit.thingsboard.calls import Calls
from otakit.twin.conversation import Conversation
from otakit.twin.model import Model
from otakit.twin.rest.door import Door
from otakit.twin.rest.http import application
from otakit.twin.rest.login import PASSWORD, USER

START = 1_790_000_000 * SECOND
LOOK_EVERY_S = 0.02


class MemoryStage(OwnStage):
    """The twin's rules, in virtual time.

    Args:
        version: of MQTT.
        seed: decides every order that ThingsBoard leaves open.
    """

    def __init__(self, version: Version = Version.MQTT_3_1_1, seed: int = 0) -> None:
        super().__init__(version, seed)
        self.label = f"the twin in memory, seed {seed}"
        self._now = START
        self._world: _World | None = None

    @property
    def model(self) -> Model:
        """The rules behind the doors."""
        return self._there.model

    def now(self) -> int:
        """Nanoseconds since the epoch, virtual."""
        return self._now

    def passes(self, seconds: float) -> None:
        """Moves the clock; what falls due is done when it is due."""
        end = self._now + round(seconds * SECOND)
        while self._now < end:
            self.steps(end)

    def steps(self, end: int) -> None:
        """Moves the clock to the next thing that falls due, or to the end when nothing does."""
        due = self.model.wake_at
        self._now = end if due is None else min(end, max(due, self._now))
        self.model.advance(self._now)
        self.model.sessions.take_woken()  # peers look for themselves

    def can_pass(self, seconds: float) -> bool:
        """Virtual time costs nothing."""
        del seconds
        return True

    def close(self) -> None:
        """Ends the door and removes its images."""
        if self._world is not None:
            self._world.close()
            self._world = None

    def _is_started(self) -> bool:
        return self._world is not None

    @property
    def _there(self) -> _World:
        if self._world is None:
            self._world = _World(self, Model(self.settings, random.Random(self.seed), self._now))  # noqa: S311 - repeatable
        return self._world

    @property
    def _calls(self) -> Calls:
        return self._there.calls

    def _channel(self) -> Channel:
        return MemoryChannel(self, len(self.peers))

    def _idle(self) -> None:
        self.passes(LOOK_EVERY_S)


class _World:
    """What is started with the settings of one scenario."""

    def __init__(self, stage: MemoryStage, model: Model) -> None:
        self.model = model
        self._folder = Path(tempfile.mkdtemp(prefix="otakit-stage-"))
        self.faults: list[BaseException] = []
        self._door = Door(model, stage.now, self._folder, _nothing, self.faults.append)
        self._carried = AppTransport(self._door)
        self.calls = Calls("http://twin.in.memory", USER, PASSWORD, transport=self._carried)

    def close(self) -> None:
        """Closes the operator's session and the door."""
        self.calls.close()
        self._door.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        assert self.faults == [], f"the twin stumbled: {self.faults}"


class AppTransport(httpx.BaseTransport):
    """Carries HTTP calls to the REST door in an event loop of its own, without a socket."""

    def __init__(self, door: Door) -> None:
        self._loop = asyncio.new_event_loop()
        self._app = httpx.ASGITransport(application(door), raise_app_exceptions=False, client=("127.0.0.1", 1))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """httpx: one call."""
        return self._loop.run_until_complete(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        sent = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await self._app.handle_async_request(sent)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def close(self) -> None:
        """httpx: the session ends."""
        self._loop.close()


class MemoryChannel:
    """A device's end of a conversation."""

    needs_barrier = False

    def __init__(self, stage: MemoryStage, number: int) -> None:
        self._stage, self._number = stage, number
        self._talk = Conversation(stage.model, stage.now())

    @property
    def addresses(self) -> tuple[Address, Address]:
        """Made up: a port for each connection."""
        return ("127.0.0.1", 50_000 + self._number % 10_000), ("127.0.0.1", 1883)

    def send(self, data: bytes) -> None:
        """Hands bytes to the conversation."""
        self._talk.receive(data, self._stage.now())

    def hear(self, wait_s: float) -> bytes | None:
        """What the conversation says; time moves on while it says nothing."""
        if data := b"".join(self._talk.take()):
            return data
        if self._talk.closing:
            self._talk.lost()
            return None
        if wait_s > 0:
            self._stage.steps(self._stage.now() + round(wait_s * SECOND))
        return b"".join(self._talk.take())

    def drop(self) -> None:
        """The connection breaks."""
        self._talk.lost()


def _nothing() -> None:
    """Peers look for themselves."""
