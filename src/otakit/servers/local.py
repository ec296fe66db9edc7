"""The embedded twin, started in a background thread of this process.

Starts and ends threads, sockets and the simulated link; decides nothing. Leaves what the twin does to
`otakit.twin`, whose web server is imported when the first twin starts.
"""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from otakit.captured import Watcher
from otakit.client.credentials import Credentials
from otakit.errors import SettingsError
from otakit.faults import LinkSettings, ServerPlan, plan_of
from otakit.link import Link
from otakit.servers.trust import trusting
from otakit.servers.verbs import Server
from otakit.thingsboard import Operator
from otakit.twin import TwinSettings

if TYPE_CHECKING:
    from otakit.twin.authority import Authority
    from otakit.twin.faulty import Faults
    from otakit.twin.model import Model
    from otakit.twin.server import TwinServer

Answer = TypeVar("Answer")
LACKS = (
    "the twin needs the package {0}, which {1} lacks: choose the kernel otakit (make lab installs all of it), or "
    "install it there with {1} -m pip install {0}; with OTAKIT_SERVER a ThingsBoard is used in place of the twin"
)


class Twin(Server):
    """ThingsBoard's behaviour on loopback ports, for as long as this process wants it.

    Args:
        seed: decides ids, tokens and every order that ThingsBoard leaves open.
        settings: its knobs; ThingsBoard's own values without.
        link: a simulated path in front of its MQTT port, such as ``40 ms, 2 Mbit/s, one answer withheld``.
        plan: what goes wrong in the server itself, such as ``taken over at request 10 for pump-7``.
        tls: MQTT inside TLS, with an authority of its own that devices trust; `certificate` makes theirs.
        data: a folder that keeps everything over restarts; the twin forgets without.
        mqtt_port: a free one without.
        http_port: likewise.

    Raises:
        TransportError: a port is taken.
        SettingsError: a link or a plan that cannot be read, or a folder that cannot be used.
    """

    is_twin = True

    def __init__(
        self,
        *,
        seed: int = 0,
        settings: TwinSettings | None = None,
        link: str | LinkSettings | Link | None = None,
        plan: str | ServerPlan | None = None,
        tls: bool = False,
        data: Path | str | None = None,
        mqtt_port: int = 0,
        http_port: int = 0,
    ) -> None:
        super().__init__()
        self.settings = settings or TwinSettings()
        self.link = link if isinstance(link, Link) else Link(link)
        self.plan = plan_of(plan, seed=seed)
        self.data = None if data is None else Path(data)
        self.outlives_us = data is not None
        try:
            self.authority = self._authority() if tls else None
            asked = _Asked(self.settings, seed, self.plan, self.data, self.authority, (mqtt_port, http_port))
            self._loop = _Loop(asked)
            self._open(self._loop.start())
        except BaseException:
            self._drop_folder()
            raise
        atexit.register(self.close)

    def certificate(self, name: str) -> Credentials:
        """The client certificate of a device of this name, made by the twin's own authority at the first time.

        Example:
            >>> twin.add_device("pump-7", credentials=twin.certificate("pump-7"))

        Raises:
            SettingsError: this twin has no TLS.
        """
        if self.authority is None:
            raise SettingsError("this twin has no TLS, so no device can show a certificate; start it as Twin(tls=True)")
        files = self.authority.device_files(name)
        return Credentials.certificate(files.certificate, files.key)

    def _authority(self) -> Authority:
        from otakit.twin.authority import Authority, own_folder  # noqa: PLC0415 - its library is an extra

        kept = own_folder(self.data) if self.data is not None else self._temporary() / "tls"
        authority = Authority(kept)
        self.ca_file, self.tls = authority.ca_file, trusting(authority.ca_file)
        return authority

    def _open(self, server: TwinServer) -> None:
        self.mqtt = server.mqtts if server.mqtts is not None else server.mqtt
        try:
            if not self.link.settings.is_none:
                self.mqtt = self.link.start(self.mqtt)
            self._introduce(server)
        except BaseException:
            self._loop.stop()
            raise

    def _introduce(self, server: TwinServer) -> None:
        from otakit.twin.rest.http import VERSION  # noqa: PLC0415 - it is loaded by now
        from otakit.twin.rest.login import PASSWORD, USER  # noqa: PLC0415

        self.url = "http://{}:{}".format(*server.http)
        self.operator = Operator(self.url, USER, PASSWORD)
        words = self.link.settings.describe()
        faults = "" if self.plan.is_none else f", faults: {self.plan.describe()}"
        door = f"{'MQTT' if self.tls is None else 'MQTTS'} at {self.mqtt[0]}:{self.mqtt[1]}"
        self.label = f"twin of ThingsBoard {VERSION} at {self.url}, {door}, link: {words}{faults}"

    @property
    def faults(self) -> Faults | None:
        """The plan at work; its `watcher` hears of each fault."""
        return self._loop.faults

    @property
    def watchers(self) -> list[Watcher]:
        """Those who hear every packet at the server's end, such as a `Recorder`; append to it, remove from it."""
        return self._loop.watchers

    def ask(self, question: Callable[[Model], Answer]) -> Answer:
        """What the model behind the doors answers, asked in its own thread."""
        return self._loop.ask(question)

    def close(self) -> None:
        """Breaks all connections and frees the ports; safe to call twice."""
        if self.closed:
            return
        atexit.unregister(self.close)
        super().close()
        self.link.close()
        self._loop.stop()


@dataclass(frozen=True)
class _Asked:
    """What kind of twin, and where."""

    settings: TwinSettings
    seed: int
    plan: ServerPlan
    data: Path | None
    authority: Authority | None
    ports: tuple[int, int]


class _Loop:
    """The thread in which a twin lives."""

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self.faults: Faults | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otakit-twin", daemon=True)
        self._server: TwinServer | None = None
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def start(self) -> TwinServer:
        """Starts the thread and waits until both doors are open."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join()
            if isinstance(self._error, ImportError):
                raise SettingsError(LACKS.format(self._error.name, sys.executable)) from self._error
            raise self._error
        assert self._server is not None
        return self._server

    def stop(self) -> None:
        """Ends the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    @property
    def watchers(self) -> list[Watcher]:
        """The server's own list."""
        assert self._server is not None
        return self._server.watchers

    def ask(self, question: Callable[[Model], Answer]) -> Answer:
        """Carries a question into the thread and its answer out."""
        server = self._server
        assert server is not None

        async def answer() -> Answer:
            try:
                return question(server.model)
            finally:
                server.keep()
                server.settle()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the one who waits must hear it
            self._error = error
            self._ready.set()

    async def _serve(self) -> None:
        from otakit.twin.faulty import Faults  # noqa: PLC0415 - with the twin, as the next line
        from otakit.twin.server import TwinServer  # noqa: PLC0415 - fastapi takes half a second to import

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        asked = self._asked
        server = TwinServer(asked.settings, seed=asked.seed, data=asked.data, authority=asked.authority)
        try:
            await server.start("127.0.0.1", *asked.ports)
            if not asked.plan.is_none:
                self.faults = Faults(asked.plan, server.model, server.now)
                server.around = self.faults.around
            self._server = server
            self._ready.set()
            await self._stop.wait()
        finally:
            await server.close()
