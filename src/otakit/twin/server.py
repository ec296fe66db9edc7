"""The twin on sockets: MQTT over TCP (or TLS) and the REST door, in one event loop.

Carries bytes between sockets and conversations and calls the model when its timers are due; decides
nothing. `otakit.servers` runs it in a background thread, `serving` as a process.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from otakit.captured import Address, Watcher
from otakit.twin.conversation import Conversation
from otakit.twin.listening import all_listening
from otakit.twin.model import Model
from otakit.twin.rest.door import Door
from otakit.twin.rest.http import Http
from otakit.twin.settings import SECOND, TwinSettings
from otakit.twin.talk import Talk
from otakit.twin.wire import Wire


class TwinServer:
    """One twin, served.

    Args:
        settings: ThingsBoard's knobs.
        seed: decides ids, tokens and every order that ThingsBoard leaves open.
        tls: MQTT inside TLS.

    Attributes:
        watchers: hear every packet of every connection while it passes; may change while it runs.
        around: stands between a new connection's bytes and its conversation.
        keep: called before an answer leaves: what it acknowledges is safe when this returns.
        faults: errors of ours; tests look at the list.
    """

    def __init__(
        self, settings: TwinSettings | None = None, *, seed: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        # both clocks once: from here on time never runs backwards, whatever the wall clock does
        self._epoch = time.time_ns() - time.monotonic_ns()
        self.model = Model(settings or TwinSettings(), random.Random(seed), self.now())  # noqa: S311 - repeatable
        self.mqtt: Address = ("", 0)
        self.http: Address = ("", 0)
        self.faults: list[BaseException] = []
        self.watchers: list[Watcher] = []
        self.around: Callable[[Conversation], Talk] = lambda conversation: conversation
        self.keep: Callable[[], None] = lambda: None
        self._tls = tls
        self._wires: dict[object, Wire] = {}
        self._listener: asyncio.Server | None = None
        self._http: Http | None = None
        self._folder: Path | None = None
        self._armed: int | None = None
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def wires(self) -> list[Wire]:
        """The open connections."""
        return list(self._wires.values())

    def now(self) -> int:
        """Nanoseconds since the epoch, never backwards."""
        return self._epoch + time.monotonic_ns()

    async def start(self, host: str = "127.0.0.1", mqtt_port: int = 0, http_port: int = 0) -> None:
        """Opens both doors; port 0 is a free one.

        Raises:
            TransportError: a port is taken.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._hear_fault)
        self._folder = Path(tempfile.mkdtemp(prefix="otakit-twin-"))
        doors = all_listening(host, {"MQTT": mqtt_port, "REST": http_port})
        self.mqtt, self.http = (cast("Address", door.getsockname()[:2]) for door in doors.values())
        self._listener = await loop.create_server(lambda: Wire(self), sock=doors["MQTT"], ssl=self._tls, backlog=512)
        self._http = Http(Door(self.model, self.now, self._folder, self.settle, self.faults.append))
        await self._http.start(doors["REST"])

    async def close(self) -> None:
        """Breaks all connections, closes both doors and removes the images."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._listener is not None:
            self._listener.close()
        for wire in self.wires:
            wire.abort()
        if self._http is not None:
            await self._http.close()
        await asyncio.sleep(0)  # connection_lost of the aborted ones
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def settle(self) -> None:
        """Sends what conversations have to say of their own accord, and sets the alarm for the next timer."""
        self.keep()
        for session in self.model.sessions.take_woken():
            wire = self._wires.get(session)
            if wire is not None:
                wire.flush()
        due = self.model.wake_at
        if due != self._armed:
            if self._alarm is not None:
                self._alarm.cancel()
            self._armed, self._alarm = due, None
            if due is not None:
                wait_s = max(0, due - self.now()) / SECOND
                self._alarm = asyncio.get_running_loop().call_later(wait_s, self._ring)

    def opened(self, wire: Wire) -> None:
        """A device's connection is there."""
        self._wires[wire.conversation] = wire

    def lost(self, wire: Wire) -> None:
        """A device's connection is gone."""
        self._wires.pop(wire.conversation, None)
        wire.talk.lost()
        self.settle()

    def _ring(self) -> None:
        self._armed = self._alarm = None
        self.model.advance(self.now())
        self.settle()

    def _hear_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """A fault of ours must not print a traceback into a lesson; tests look at the list."""
        error = context.get("exception")
        self.faults.append(error if isinstance(error, BaseException) else RuntimeError(str(context.get("message"))))
