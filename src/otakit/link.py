"""A relayed connection with delay, rate and faults, between a device and a server.

Carries out what `otakit.faults` describes on real bytes: a token bucket and a delay queue with jitter each way,
back-pressure, half-close and close passed on, and the plan by cutting the stream into MQTT packets.
Decides nothing. Runs in a background thread (`Link`), or as a process of its own for measurements:
``python -m otakit.link "50 ms, 20 Mbit/s" 127.0.0.1:1883`` prints its port as one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from typing import Any, Self

from otakit.captured import Address, Watcher
from otakit.errors import OtakitError, SettingsError, TransportError
from otakit.faults import Counter, Fault, LinkSettings, parse_link
from otakit.faults.meddling import fields_of
from otakit.protocol.messages import Direction
from otakit.protocol.packets import Packet
from otakit.sieve import Sieve
from otakit.way import Broken, LinkPath, Way


class Link:
    """A relay in front of a server, in a background thread.

    Args:
        settings: the link, or its text such as ``40 ms, 2 Mbit/s, one answer withheld``.
        watcher: hears a note ``fault`` for each fault that is carried out; may be exchanged while it runs.
    """

    def __init__(self, settings: LinkSettings | str | None, watcher: Watcher | None = None) -> None:
        self.settings = parse_link(settings)
        self.watcher = watcher
        self.counter = Counter(self.settings.plan, self.settings.seed)
        self._began: float | None = None  # when the first connection came
        self._connections = 0
        self._relays: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event  # made in the loop's thread
        self.address: Address = ("", 0)

    def start(self, target: Address, host: str = "127.0.0.1", port: int = 0) -> Address:
        """Opens the relay.

        Args:
            target: where the server listens.
            host: where the relay listens.
            port: its port; 0 for a free one.

        Returns:
            The address that a device connects to.

        Raises:
            TransportError: the port is taken.
        """
        ready = _Ready()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(target, host, port, ready)), name="otakit-link", daemon=True
        )
        self._thread.start()
        self.address = ready.wait()
        return self.address

    def close(self) -> None:
        """Breaks all connections and ends the relay; safe to call twice."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop ended by itself in this very moment
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        """The link itself; the block's end closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _noted(self, fault: Fault, packet: Packet, direction: Direction) -> None:
        if self.watcher is not None:
            self.watcher.note("fault", fields_of(fault, packet, direction))

    async def _serve(self, target: Address, host: str, port: int, ready: _Ready) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            listener = socket.create_server((host, port))
        except OSError as error:
            ready.fail(TransportError(f"link: cannot listen on {host}:{port} ({error.strerror}); choose another port"))
            return
        with listener:
            listener.setblocking(False)
            ready.done(listener.getsockname()[:2])
            accepting = asyncio.ensure_future(self._accept(listener, target))
            await self._stop.wait()
            with contextlib.suppress(OSError):
                await _knock(listener.getsockname())
            for task in (accepting, *self._relays):
                task.cancel()
            await asyncio.gather(accepting, *self._relays, return_exceptions=True)

    async def _accept(self, listener: socket.socket, target: Address) -> None:
        """Takes connections by hand, to the last: asyncio's server loses those that arrive while it closes."""
        loop = asyncio.get_running_loop()
        while True:
            device, _ = await loop.sock_accept(listener)
            if self._stop.is_set():
                device.close()
                continue
            task = loop.create_task(self._relay(target, device))
            self._relays.add(task)  # the loop itself keeps only a weak reference
            task.add_done_callback(partial(self._ended, device))

    def _ended(self, device: socket.socket, task: asyncio.Task[None]) -> None:
        self._relays.discard(task)
        if task.cancelled():  # perhaps before its first step, when nobody else knows the socket
            device.close()

    async def _relay(self, target: Address, device: socket.socket) -> None:
        with contextlib.suppress(OSError, Broken):
            async with _ends(target, device) as ((from_device, to_device), (from_server, to_server)):
                self._began = self._began or asyncio.get_running_loop().time()
                self._connections += 1
                sieve = Sieve(self.counter, self._noted, self.settings.seed)
                path = LinkPath(self.settings, self._began, self._connections)
                up = Way(path, Direction.TO_SERVER, sieve, from_device, to_server)
                down = Way(path, Direction.TO_DEVICE, sieve, from_server, to_device)
                await _all_or_none(up.read(), up.write(), down.read(), down.write())


async def _knock(address: Address) -> None:
    """Connects to our own listener and waits until it has let go: all that came before us is accepted then."""
    reader, writer = await asyncio.open_connection(*address[:2])
    with contextlib.suppress(OSError):
        await reader.read()
    writer.close()


End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def _ends(target: Address, device: socket.socket) -> AsyncIterator[tuple[End, End]]:
    """Both connections, closed in order at the end, or both broken when anything failed."""
    with contextlib.ExitStack() as broken:
        broken.callback(_break, device)
        near = await asyncio.open_connection(sock=device)
        broken.callback(near[1].transport.abort)
        far = await asyncio.open_connection(*target)
        broken.callback(far[1].transport.abort)
        broken.callback(_break, far[1].get_extra_info("socket"))
        for _, writer in (near, far):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield near, far
        broken.pop_all()
    for _, writer in (near, far):
        writer.close()


class _Ready:
    """Hands the address, or the failure, from the loop's thread to the one that waits."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._address: Address | None = None
        self._error: OtakitError | None = None

    def done(self, address: Address) -> None:
        self._address = address
        self._event.set()

    def fail(self, error: OtakitError) -> None:
        self._error = error
        self._event.set()

    def wait(self) -> Address:
        self._event.wait()
        if self._error is not None:
            raise self._error
        assert self._address is not None
        return self._address


def _break(end: Any) -> None:
    """Lets a socket end with RST, which the peer sees as a broken connection, not as an orderly end."""
    at_once = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # struct linger
    with contextlib.suppress(OSError):  # it may be gone already
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)


async def _all_or_none(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs all; the first failure ends the others (a task group would wrap it in a group)."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def parse_address(text: str) -> Address:
    """Host and port from ``host:port``.

    Raises:
        SettingsError: there is no port.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"address: expected host:port, such as 127.0.0.1:1883; got {text[:60]!r}")
    return host.strip("[]"), int(port)


def main() -> None:
    """The relay as a process: prints ``{"port": …}`` and runs until it is terminated."""
    parser = argparse.ArgumentParser(prog="python -m otakit.link", description="A relay with delay, rate and faults.")
    parser.add_argument("link", help='such as "50 ms, 20 Mbit/s", or none')
    parser.add_argument("target", help="host:port of the server")
    parser.add_argument("--port", type=int, default=0, help="where to listen; a free port when not given")
    asked = parser.parse_args()
    try:
        with Link(asked.link) as link:
            _host, port = link.start(parse_address(asked.target), port=asked.port)
            sys.stdout.write(json.dumps({"port": port, "link": link.settings.describe()}) + "\n")
            sys.stdout.flush()
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
    except OtakitError as error:
        sys.exit(f"otakit: {error}")


if __name__ == "__main__":
    main()
