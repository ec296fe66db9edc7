"""The twin as a process: it starts, says where it is, and ends when it is told to."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable

from otakit.errors import OtakitError
from otakit.twin.rest.login import PASSWORD, USER
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings


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
