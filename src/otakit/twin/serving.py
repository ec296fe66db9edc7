"""The twin as a process: it starts, says where it is, and ends when it is told to."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from otakit.errors import OtakitError, SettingsError
from otakit.faults import parse_plan
from otakit.twin.announcing import About, as_json, in_words
from otakit.twin.authority import Authority, own_folder
from otakit.twin.descriptors import too_few
from otakit.twin.faulty import Faults
from otakit.twin.furnishing import Furnished, furnish
from otakit.twin.lab import Lab, parse_lab
from otakit.twin.listening import addresses_of, is_loopback
from otakit.twin.rest.login import Login
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

PASSWORD_VARIABLE = "OTAKIT_TWIN_PASSWORD"  # noqa: S105 - a name
PASSWORD_BYTES = 9
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a twin is to be served.

    Attributes:
        host: where to listen.
        mqtt_port: for devices; 0 takes a free one.
        http_port: for operators; likewise.
        mqtts_port: for devices that speak TLS; likewise.
        tls: whether there is a door for these.
        seed: decides every order that ThingsBoard leaves open.
        data: a folder that keeps everything over restarts.
        lab: a file that declares what is there.
        records: where devices are recorded, as it is said; the watcher is the caller's.
        settings: knobs; those of the lab file, else ThingsBoard's own, without.
        show_tokens: whether access tokens are printed.
    """

    host: str = "127.0.0.1"
    mqtt_port: int = 0
    http_port: int = 0
    mqtts_port: int = 0
    tls: bool = False
    seed: int = 0
    data: Path | None = None
    lab: Path | None = None
    records: Path | None = None
    settings: TwinSettings | None = None
    show_tokens: bool = False


async def serve(
    wanted: Wanted,
    announce: Callable[[About], str] = as_json,
    watch: Callable[[TwinServer], None] = lambda _: None,
) -> None:
    """Serves one twin until the process is told to stop (SIGINT, SIGTERM; Ctrl-Break on Windows).

    The second time it is told, the process ends at once.

    Args:
        wanted: how.
        announce: what to print once it listens.
        watch: called with the server before anybody can connect.

    Raises:
        TransportError: a port is taken.
        SettingsError: a file or folder cannot be used.
        LabError: what is wrong with the lab file.
    """
    lab, ready = read_lab(wanted.lab) if wanted.lab is not None else None, list[Furnished]()
    settings = wanted.settings or (lab.settings if lab is not None else TwinSettings())
    authority = Authority(own_folder(wanted.data)) if wanted.tls else None
    login = login_for(wanted.host)
    server = TwinServer(settings, seed=wanted.seed, data=wanted.data, authority=authority, login=login)

    def prepare() -> None:
        watch(server)
        if lab is not None and wanted.lab is not None:
            server.around = Faults(parse_plan(lab.faults, lab.file, seed=wanted.seed), server.model, server.now).around
            ready.extend(furnish(server, lab, wanted.lab.parent))

    with _told_to_stop() as stop:
        try:
            await server.start(wanted.host, wanted.mqtt_port, wanted.http_port, wanted.mqtts_port, prepare=prepare)
            warned = [*server.lost_images, *filter(None, [too_few()])]
            sys.stderr.write("".join(f"otakit: {sentence}\n" for sentence in warned))
            sys.stdout.write(announce(about(server, wanted, ready)) + "\n")
            sys.stdout.flush()
            await stop.wait()
        finally:
            await server.close()


def about(server: TwinServer, wanted: Wanted, ready: list[Furnished]) -> About:
    """The facts of a twin that listens."""
    return About(
        addresses=addresses_of(wanted.host),
        mqtt=server.mqtt[1],
        http=server.http[1],
        user=server.login.user,
        password=server.login.password,
        mqtts=None if server.mqtts is None else server.mqtts[1],
        version=server.model.settings.version,
        is_open=not is_loopback(wanted.host),
        is_default_login=server.login.is_default,
        ca_file=None if server.authority is None else str(server.authority.ca_file),
        data=None if wanted.data is None else str(wanted.data),
        records=None if wanted.records is None else str(wanted.records),
        devices=ready,
        show_tokens=wanted.show_tokens,
        is_windows=sys.platform == "win32",
    )


def login_for(host: str) -> Login:
    """ThingsBoard's default user on loopback; a password that nobody knows elsewhere."""
    chosen = os.environ.get(PASSWORD_VARIABLE)
    if chosen:
        return Login(password=chosen)
    return Login() if is_loopback(host) else Login(password=secrets.token_urlsafe(PASSWORD_BYTES))


def read_lab(path: Path) -> Lab:
    """A lab file.

    Raises:
        SettingsError: it cannot be read.
        LabError: what is wrong in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(f"lab file {path}: {reason}") from error
    return parse_lab(text, path.name)


@contextlib.contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """An event that the first signal sets; the second ends the process at once.

    Plain handlers, since Windows has no others and a loop that is stuck would hear none of its own.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    told = False

    def hear(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        if told:
            os._exit(INTERRUPTED)
        told = True
        loop.call_soon_threadsafe(stop.set)

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            with contextlib.suppress(ValueError):  # not the main thread: its owner ends it
                before[number] = signal.signal(number, hear)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> None:
    """The twin as a process of its own, for programs: one JSON line says where it is."""
    parser = argparse.ArgumentParser(prog="python -m otakit.twin", description="ThingsBoard's behaviour, embedded.")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen")
    parser.add_argument("--mqtt-port", type=int, default=0, help="for devices; a free one when not given")
    parser.add_argument("--http-port", type=int, default=0, help="for operators; a free one when not given")
    parser.add_argument("--mqtts-port", type=int, default=0, help="for devices that speak TLS; likewise")
    parser.add_argument("--tls", action="store_true", help="MQTT over TLS too")
    parser.add_argument("--data", type=Path, help="a folder that keeps everything over restarts")
    parser.add_argument("--lab", type=Path, help="a file that declares profiles, devices, packages and faults")
    parser.add_argument("--seed", type=int, default=0, help="decides every order that ThingsBoard leaves open")
    parser.add_argument(
        "--largest-upload", type=int, help="bytes of the largest image; ThingsBoard's limits when not given"
    )
    asked = vars(parser.parse_args())
    settings, largest = None, asked.pop("largest_upload")
    if largest:
        most = largest + 65_536  # the form around the image
        settings = TwinSettings(http_payload_limit_bytes=most, multipart_limit_bytes=most)
    try:
        asyncio.run(serve(Wanted(**asked, settings=settings)))
    except OtakitError as error:
        sys.exit(f"otakit: {error}")
    except KeyboardInterrupt:
        pass


__all__ = ["About", "Wanted", "as_json", "in_words", "main", "serve"]
