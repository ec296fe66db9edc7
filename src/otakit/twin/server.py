"""The twin on sockets: MQTT over TCP and TLS, and the REST door, in one event loop.

Carries bytes between sockets and conversations and calls the model when its timers are due; decides
nothing. `otakit.servers` runs it in a background thread, `serving` as a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from otakit.captured import Address, Watcher
from otakit.errors import ServerRefused
from otakit.twin.conversation import Conversation
from otakit.twin.listening import all_listening, is_loopback, names_of
from otakit.twin.model import Model
from otakit.twin.page.feed import Feed
from otakit.twin.page.routes import page_routes
from otakit.twin.rest.door import Door
from otakit.twin.rest.http import Http
from otakit.twin.rest.login import Login
from otakit.twin.settings import SECOND, TwinSettings
from otakit.twin.talk import Talk
from otakit.twin.wire import Wire

if TYPE_CHECKING:
    from otakit.twin.authority import Authority
    from otakit.twin.keeping import Keeper
    from otakit.twin.tls import TlsDoor

PARTING_S = 1.0
"""Seconds that devices have to close their end when the twin ends."""
BACKLOG = 512


class TwinServer:
    """One twin, served.

    Args:
        settings: ThingsBoard's knobs.
        seed: decides ids, tokens and every order that ThingsBoard leaves open.
        data: a folder that keeps everything over restarts; without one the twin forgets.
        authority: makes the certificate of the TLS door; no such door without.
        login: who may use the REST door; the user of every fresh ThingsBoard without.

    Attributes:
        mqtt: where devices connect.
        mqtts: where they do inside TLS; None without that door.
        http: where operators do.
        watchers: hear every packet of every connection while it passes; may change while it runs.
        around: stands between a new connection's bytes and its conversation.
        keep: called before an answer leaves: what it acknowledges is safe when this returns.
        faults: errors of ours; tests look at the list.
        handshakes: connections that are not yet done with TLS.
    """

    def __init__(
        self,
        settings: TwinSettings | None = None,
        *,
        seed: int = 0,
        data: Path | None = None,
        authority: Authority | None = None,
        login: Login | None = None,
    ) -> None:
        # both clocks once: from here on time never runs backwards, whatever the wall clock does
        self._epoch = time.time_ns() - time.monotonic_ns()
        self.mqtt: Address = ("", 0)
        self.mqtts: Address | None = None
        self.http: Address = ("", 0)
        self.authority, self.login, self.data = authority, login or Login(), data
        self.faults: list[BaseException] = []
        self.watchers: list[Watcher] = []
        self.around: Callable[[Conversation], Talk] = lambda conversation: conversation
        self.keep: Callable[[], None] = lambda: None
        self.handshakes: set[TlsDoor] = set()
        self._keeper: Keeper | None = None
        self.model = self._model(settings or TwinSettings(), seed)
        self.door: Door
        self._wires: dict[object, Wire] = {}
        self._heard: dict[Wire, None] = {}
        self._answering = False
        self._listeners: list[asyncio.Server] = []
        self._http: Http | None = None
        self._feed: Feed | None = None
        self._folder: Path | None = None
        self._last_gone: asyncio.Event | None = None
        self._armed: int | None = None
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def wires(self) -> list[Wire]:
        """The open connections."""
        return list(self._wires.values())

    @property
    def lost_images(self) -> list[str]:
        """A sentence for each package whose kept image is not as it was."""
        return self._keeper.lost if self._keeper is not None else []

    def now(self) -> int:
        """Nanoseconds since the epoch, never backwards."""
        return self._epoch + time.monotonic_ns()

    async def start(
        self,
        host: str = "127.0.0.1",
        mqtt_port: int = 0,
        http_port: int = 0,
        mqtts_port: int = 0,
        *,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        """Opens the doors; port 0 is a free one. That of TLS opens where there is an authority.

        Args:
            host: where to listen.
            mqtt_port: for devices.
            http_port: for operators.
            mqtts_port: for devices that speak TLS.
            prepare: called when `door` is there and before anybody can connect.

        Raises:
            TransportError: a port is taken.
            SettingsError: the certificate files cannot be used.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._hear_fault)
        ports = {"MQTT": mqtt_port, "REST": http_port}
        if self.authority is not None:
            ports["MQTT over TLS"] = mqtts_port
        sockets = all_listening(host, ports)
        folder = self._image_folder()
        self.door = Door(self.model, self.now, folder, self.settle, self.faults.append, keeper=self._keeper)
        self.door.login = self.login
        try:
            prepare()
            await self._open(host, sockets)
        except BaseException:
            self.door.close()
            for each in sockets.values():
                each.close()
            raise
        self.settle()

    async def close(self, parting_s: float = PARTING_S) -> None:
        """Closes the doors and all connections, and lets go of what is kept.

        ThingsBoard says nothing to its devices when it ends: it closes their connections
        (`MqttTransportService.shutdown`), so MQTT 5 hears no DISCONNECT either.

        Args:
            parting_s: seconds that devices have to close their end; then it is broken.
        """
        if self._alarm is not None:
            self._alarm.cancel()
        for listener in self._listeners:
            listener.close()
        if self._feed is not None:
            self._feed.close()
        for shaking in list(self.handshakes):
            shaking.transport.abort()
        await asyncio.gather(self._part(parting_s), self._http.close() if self._http is not None else asyncio.sleep(0))
        if self._keeper is not None:
            with contextlib.suppress(ServerRefused):  # said already, when it happened
                self.keep()
            self._keeper.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def settle(self) -> None:
        """Sends what conversations have to say of their own accord, and sets the alarm for the next timer."""
        woken = [self._wires[session] for session in self.model.sessions.take_woken() if session in self._wires]
        if self._is_kept(woken):
            for wire in woken:
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

    def heard(self, wire: Wire) -> None:
        """A device said something that is to be answered.

        What is kept on a disk is written once for all that came in one turn of the event loop.
        """
        if self._keeper is None:
            self.keep()
            wire.flush()
            self.settle()
            return
        if not self._answering:
            self._answering = True
            asyncio.get_running_loop().call_soon(self._answer)
        self._heard[wire] = None

    def lost(self, wire: Wire) -> None:
        """A device's connection is gone."""
        self._wires.pop(wire.conversation, None)
        wire.talk.lost()
        self.settle()
        if self._last_gone is not None and not self._wires:
            self._last_gone.set()

    def device_name(self, watcher: Watcher, connection: int) -> str | None:
        """Whose connection a watcher hears; None before CONNECT was accepted, and of one that is gone."""
        for wire in self._wires.values():
            if wire.number(watcher) == connection and wire.conversation.device_id is not None:
                device = self.model.store.devices.get(wire.conversation.device_id)
                return device.name if device is not None else None
        return None

    def _model(self, settings: TwinSettings, seed: int) -> Model:
        if self.data is None:
            return Model(settings, random.Random(seed), self.now())  # noqa: S311 - repeatable
        from otakit.twin.keeping import open_kept  # noqa: PLC0415 - a twin that forgets needs no database

        model, self._keeper = open_kept(self.data, settings, seed, self.now())
        self.keep, self._keeper.on_failure = self._keeper.keep, self._spoil
        self.login = replace(self.login, key=self._keeper.key)
        return model

    def _image_folder(self) -> Path:
        if self._keeper is not None:
            return self._keeper.images.folder
        self._folder = Path(tempfile.mkdtemp(prefix="otakit-twin-"))
        return self._folder

    async def _open(self, host: str, sockets: dict[str, socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        self.mqtt, self.http = (cast("Address", sockets[name].getsockname()[:2]) for name in ("MQTT", "REST"))
        self._listeners.append(await loop.create_server(lambda: Wire(self), sock=sockets["MQTT"], backlog=BACKLOG))
        if self.authority is not None:
            self.mqtts = cast("Address", sockets["MQTT over TLS"].getsockname()[:2])
            self._listeners.append(await self._listen_inside_tls(host, sockets["MQTT over TLS"], self.authority))
        self._feed = Feed(self)
        page = page_routes(self._feed, self)
        self._http = Http(self.door, page, login=self.login, only_local=is_loopback(host))
        await self._http.start(sockets["REST"])

    async def _listen_inside_tls(self, host: str, listening: socket.socket, authority: Authority) -> asyncio.Server:
        from otakit.twin.certificates import read_certificate  # noqa: PLC0415 - their library is an extra
        from otakit.twin.tls import Endpoint, TlsDoor  # noqa: PLC0415

        self.model.read_certificate = read_certificate
        names = names_of(host)
        # v4.2 and older read their certificate once
        endpoint = Endpoint(lambda: authority.server(names), reloads=not self.model.settings.is_before(4, 3))
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: TlsDoor(self, endpoint), sock=listening, backlog=BACKLOG)

    async def _part(self, parting_s: float) -> None:
        self._last_gone = asyncio.Event()
        for wire in self.wires:
            wire.part()
        if self._wires:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._last_gone.wait(), parting_s)
        for wire in self.wires:
            wire.abort()
        await asyncio.sleep(0)  # connection_lost of the aborted ones

    def _answer(self) -> None:
        """The end of a turn in which devices said something: what they said is kept, then answered."""
        heard, self._heard, self._answering = list(self._heard), {}, False
        if self._is_kept(heard):
            for wire in heard:
                wire.flush()
        self.settle()

    def _is_kept(self, answering: list[Wire]) -> bool:
        """Whether what changed is safe; where it is not, nobody is told that it were."""
        try:
            self.keep()
        except ServerRefused as error:
            self.faults.append(error)
            for wire in answering:
                wire.abort()
            return False
        return True

    def _spoil(self) -> None:
        """What changed could not be kept: who waits to hear of it hears the connection end."""
        woken = (self._wires.get(session) for session in self.model.sessions.take_woken())
        for wire in (*self._heard, *woken):
            if wire is not None:
                wire.abort()
        self._heard.clear()

    def _ring(self) -> None:
        self._armed = self._alarm = None
        self.model.advance(self.now())
        self.settle()

    def _hear_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """A fault of ours must not print a traceback into a lesson; tests look at the list."""
        error = context.get("exception")
        self.faults.append(error if isinstance(error, BaseException) else RuntimeError(str(context.get("message"))))
