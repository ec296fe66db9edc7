"""The twin on sockets: MQTT over TCP (or TLS) and the REST door, in one event loop.

Carries bytes between sockets and conversations and calls the model when its timers are due; decides
nothing. `otakit.servers` runs it in a background thread, ``python -m otakit.twin`` as a process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from otakit.captured import Address
from otakit.errors import OtakitError, TransportError
from otakit.twin.conversation import Conversation
from otakit.twin.model import Model
from otakit.twin.rest.door import Door
from otakit.twin.rest.http import Http
from otakit.twin.rest.login import PASSWORD, USER
from otakit.twin.settings import SECOND, TwinSettings

MOST_UNSENT = 8 * 1024 * 1024
"""Bytes that may wait for one slow device before its requests are left in the kernel: the twin shares its
memory with the lesson, so it stops reading where ThingsBoard would go on."""


class TwinServer:
    """One twin, served.

    Args:
        settings: ThingsBoard's knobs.
        seed: decides ids, tokens and every order that ThingsBoard leaves open.
        tls: MQTT inside TLS.
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
        self._tls = tls
        self._wires: dict[object, _Wire] = {}
        self._listener: asyncio.Server | None = None
        self._http: Http | None = None
        self._folder: Path | None = None
        self._armed: int | None = None
        self._alarm: asyncio.TimerHandle | None = None

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
        mqtt, http = _both_listening(host, mqtt_port, http_port)
        self.mqtt, self.http = (cast("Address", door.getsockname()[:2]) for door in (mqtt, http))
        self._listener = await loop.create_server(lambda: _Wire(self), sock=mqtt, ssl=self._tls, backlog=512)
        self._http = Http(Door(self.model, self.now, self._folder, self.settle, self.faults.append))
        await self._http.start(http)

    async def close(self) -> None:
        """Breaks all connections, closes both doors and removes the images."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._listener is not None:
            self._listener.close()
        for wire in list(self._wires.values()):
            wire.abort()
        if self._http is not None:
            await self._http.close()
        await asyncio.sleep(0)  # connection_lost of the aborted ones
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def settle(self) -> None:
        """Sends what conversations have to say of their own accord, and sets the alarm for the next timer."""
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

    def opened(self, conversation: Conversation, wire: _Wire) -> None:
        """A device's connection is there."""
        self._wires[conversation] = wire

    def lost(self, conversation: Conversation) -> None:
        """A device's connection is gone."""
        self._wires.pop(conversation, None)
        conversation.lost()
        self.settle()

    def _ring(self) -> None:
        self._armed = self._alarm = None
        self.model.advance(self.now())
        self.settle()

    def _hear_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """A fault of ours must not print a traceback into a lesson; tests look at the list."""
        error = context.get("exception")
        self.faults.append(error if isinstance(error, BaseException) else RuntimeError(str(context.get("message"))))


class _Wire(asyncio.Protocol):
    """One TCP connection of a device."""

    def __init__(self, server: TwinServer) -> None:
        self._server = server
        self._conversation = Conversation(server.model, server.now())
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MOST_UNSENT)
        self._server.opened(self._conversation, self)

    def data_received(self, data: bytes) -> None:
        try:
            self._conversation.receive(data, self._server.now())
        except Exception as error:  # noqa: BLE001 - the last guard: no bytes of a device may end the loop's work
            self._server.faults.append(error)
            self.abort()
            return
        self.flush()
        self._server.settle()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._server.lost(self._conversation)

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def flush(self) -> None:
        """Sends what the conversation has to say; closes behind its last word."""
        packets = self._conversation.take()
        if len(packets) == 1:
            self._transport.write(packets[0])
        elif packets:
            self._transport.writelines(packets)
        if self._conversation.closing:
            self._transport.close()

    def abort(self) -> None:
        """Breaks the connection at once."""
        self._transport.abort()


def _listening(host: str, port: int, door: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol by its number: asyncio sets TCP_NODELAY only where it stands there
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # where it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        text = f"twin: cannot listen on {host}:{port} for {door} ({reason}); choose another port, or 0 for a free one"
        raise TransportError(text) from error
    return listening


def _both_listening(host: str, mqtt_port: int, http_port: int) -> tuple[socket.socket, socket.socket]:
    mqtt = _listening(host, mqtt_port, "MQTT")
    try:
        return mqtt, _listening(host, http_port, "REST")
    except TransportError:
        mqtt.close()
        raise


async def serve(
    host: str = "127.0.0.1",
    mqtt_port: int = 0,
    http_port: int = 0,
    *,
    seed: int = 0,
    settings: TwinSettings | None = None,
    announce: Callable[[TwinServer], str] | None = None,
) -> None:
    """Serves one twin until the process is told to stop.

    Args:
        host: where to listen.
        mqtt_port: for devices; 0 takes a free one.
        http_port: for operators; 0 takes a free one.
        seed: decides every order that ThingsBoard leaves open.
        settings: limits and times; ThingsBoard's own without.
        announce: what to print once it listens; one JSON line with addresses and login without.

    Raises:
        TransportError: a port is taken.
    """
    server, stop = TwinServer(settings, seed=seed), asyncio.Event()
    await server.start(host, mqtt_port, http_port)
    for name in ("SIGINT", "SIGTERM"):
        with contextlib.suppress(NotImplementedError, AttributeError, ValueError):  # Windows; not the main thread
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), stop.set)
    try:
        sys.stdout.write((announce or as_json)(server) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await server.close()


def as_json(server: TwinServer) -> str:
    """Addresses and login for a program that started the twin."""
    url = "http://{}:{}".format(*server.http)
    return json.dumps({"mqtt": server.mqtt, "http": server.http, "url": url, "user": USER, "password": PASSWORD})


def in_words(server: TwinServer) -> str:
    """Addresses and login for a person."""
    return "\n".join((
        "otakit's twin of ThingsBoard: its behaviour, not a ThingsBoard. Ctrl-C ends it, and it forgets everything.",
        "",
        "  devices    mqtt://{}:{}".format(*server.mqtt),
        "  operators  http://{}:{}".format(*server.http),
        f"  login      {USER}, password {PASSWORD}, as on every fresh ThingsBoard",
        "",
        "In another terminal or a notebook:",
        "  OTAKIT_SERVER=http://{}:{} OTAKIT_MQTT={}:{} OTAKIT_USER={} OTAKIT_PASSWORD={} python".format(
            *server.http, *server.mqtt, USER, PASSWORD
        ),
    ))  # fmt: skip


def main() -> None:
    """The twin as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m otakit.twin", description="ThingsBoard's behaviour, embedded.")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen")
    parser.add_argument("--mqtt-port", type=int, default=0, help="for devices; a free one when not given")
    parser.add_argument("--http-port", type=int, default=0, help="for operators; a free one when not given")
    parser.add_argument("--seed", type=int, default=0, help="decides every order that ThingsBoard leaves open")
    parser.add_argument(
        "--largest-upload", type=int, help="bytes of the largest image; ThingsBoard's limits when not given"
    )
    asked = parser.parse_args()
    settings = TwinSettings()
    if asked.largest_upload:
        most = asked.largest_upload + 65_536  # the form around the image
        settings = TwinSettings(http_payload_limit_bytes=most, multipart_limit_bytes=most)
    try:
        asyncio.run(serve(asked.host, asked.mqtt_port, asked.http_port, seed=asked.seed, settings=settings))
    except OtakitError as error:
        sys.exit(f"otakit: {error}")
    except KeyboardInterrupt:
        pass
