"""The benchmark behind the figures of the README: `make bench`, each figure a ratio within one run.

Twin, client and base run in processes of their own, one after the other in turn, and the median of
the runs counts: machines differ and are shared, ratios travel. Run as ``python bench/run.py [NAME …]
[--runs 5] [--json FILE]``; names: goodput link recording memory start peer, and of many devices at one
twin: fleet idle answers broker startup.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fleet
from children import HERE, bare_tcp_seconds, child
from peer import peer_python, peer_seconds

from otakit.servers import ThingsBoard
from otakit.twin.rest.login import PASSWORD, USER

MIB = 1 << 20
LINK_50 = "50 ms, 20 Mbit/s"
LINK_FAST = "20 ms, 100 Mbit/s"
LINK_DELAY = "50 ms"


@dataclass
class Bench:
    """One twin in a process of its own, and the operator's door to it."""

    server: ThingsBoard
    port: int
    folder: Path
    count: int = 0

    def target(self, size: int) -> tuple[Any, Path]:
        """A fresh device with an image of `size` bytes assigned to it."""
        self.count += 1
        title = f"image-{size}"
        image = self.folder / f"{title}.bin"
        if not image.exists():
            write_image(image, size)
        package = self.server.upload("firmware", title, "1.0", image)
        device = self.server.add_device(f"bench-{self.count}")
        self.server.assign(package, to=device)
        self._until_told(device)
        return device, self.folder / f"device-{self.count}"

    def _until_told(self, device: Any) -> None:
        """Waits for the dispatcher's turn: a push in mid-download makes the peer fail, and takes time from both."""
        give_up = time.monotonic() + 30
        while "fw_checksum" not in self.server.attributes(device):
            if time.monotonic() > give_up:
                raise SystemExit("the twin did not dispatch the package within 30 s")
            time.sleep(0.02)

    def update(self, size: int, chunk: int, *, window: int = 16, record: str | None = "head", link: str = "") -> Any:
        """One update by our client in a process of its own; its report, with ``goodput`` in bytes a second."""
        device, folder = self.target(size)
        folder.mkdir()
        with through(link, self.port) as port:
            asked = {
                "host": "127.0.0.1",
                "port": port,
                "token": device.token,
                "folder": str(folder),
                "chunk_bytes": chunk,
                "window": window,
                "record": str(folder / "run.pcapng") if record else None,
                "keep": record or "head",
            }
            with child(str(HERE / "one_update.py"), json.dumps(asked)) as running:
                report = running.line()
        report["goodput"] = size / report["seconds"]
        report["recorded_packets"] = 2 * -(-size // chunk)
        return report


def write_image(path: Path, size: int) -> None:
    """An image without structure, written in pieces so that this process stays small."""
    with path.open("wb") as file:
        for number in range(-(-size // MIB)):
            block = (number * 2_654_435_761 % 2**32).to_bytes(4, "little") * (MIB // 4)
            file.write(block[: min(MIB, size - number * MIB)])


@contextmanager
def through(link: str, port: int) -> Iterator[int]:
    """The port behind a link in a process of its own; the port itself without one."""
    if not link:
        yield port
        return
    with child("-m", "otakit.link", link, f"127.0.0.1:{port}") as relay:
        yield int(relay.line()["port"])


def paired(runs: int, first: Callable[[], float], second: Callable[[], float]) -> tuple[float, float, float]:
    """Medians of both, and the median of the ratios first / second, run in turn."""
    pairs = [(first(), second()) for _ in range(runs)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def say(name: str, **figures: float) -> dict[str, float]:
    """Prints one line of the result."""
    shown = "  ".join(
        f"{key} {value:,.3g}" if abs(value) < 1000 else f"{key} {value:,.0f}" for key, value in figures.items()
    )
    print(f"{name:<46} {shown}", flush=True)
    return figures


def goodput(bench: Bench, runs: int) -> dict[str, Any]:
    """The client with hash, image file and recording on, against bare TCP, on loopback."""
    found = {}
    for chunk, size in ((4096, 16 * MIB), (65_536, 128 * MIB)):

        def client(size: int = size, chunk: int = chunk) -> float:
            return float(bench.update(size, chunk)["goodput"]) / MIB

        def plain(size: int = size) -> float:
            return size / bare_tcp_seconds(size) / MIB

        ours, bare, ratio = paired(runs, client, plain)
        found[str(chunk)] = say(f"goodput, loopback, {chunk} B chunks", MiB_s=ours, bare_MiB_s=bare, share=ratio)
    return found


def link(bench: Bench, runs: int) -> dict[str, Any]:
    """The client through a link, against bare TCP through the same kind of link."""
    size = 8 * MIB
    relay = ["-m", "otakit.link", LINK_50]
    ours, bare, ratio = paired(
        runs,
        lambda: bench.update(size, 65_536, link=LINK_50)["goodput"] / MIB,
        lambda: size / bare_tcp_seconds(size, relay) / MIB,
    )
    return say(f"goodput, {LINK_50}, 65536 B chunks", MiB_s=ours, bare_MiB_s=bare, share=ratio)


def recording(bench: Bench, runs: int) -> dict[str, Any]:
    """Recording on against off; processor time of one recorded packet."""
    found = {}
    for chunk, size, path in ((4096, 16 * MIB, ""), (65_536, 128 * MIB, ""), (65_536, 24 * MIB, LINK_FAST)):
        cpu: dict[str, list[float]] = {"on": [], "off": []}

        def run(record: str | None, chunk: int = chunk, size: int = size, path: str = path, cpu: Any = cpu) -> float:
            report = bench.update(size, chunk, record=record, link=path)
            cpu["on" if record else "off"].append(report["cpu_seconds"] / report["recorded_packets"])
            return float(report["goodput"]) / MIB

        on, off, ratio = paired(runs, functools.partial(run, "head"), functools.partial(run, None))
        extra = (statistics.median(cpu["on"]) - statistics.median(cpu["off"])) * 1e6
        name = f"recording on / off, {path or 'loopback'}, {chunk} B"
        found[name] = say(name, on_MiB_s=on, off_MiB_s=off, ratio=ratio, cpu_us_a_packet=extra)
    return found


def memory(bench: Bench, _runs: int) -> dict[str, Any]:
    """Peak memory of a large update against a small one."""
    small, large = (bench.update(size, 65_536)["peak_bytes"] / MIB for size in (MIB, 256 * MIB))
    return say("peak memory, 256 MiB against 1 MiB image", small_MiB=small, large_MiB=large, more_MiB=large - small)


def start(_bench: Bench, runs: int) -> dict[str, Any]:
    """How long the import and the help take, the bare interpreter beside them."""
    found = {}
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import otakit": [sys.executable, "-c", "import otakit"],
        "otakit --help": [sys.executable, "-m", "otakit", "--help"],
    }
    for name, command in commands.items():
        found[name] = say(name, seconds=statistics.median(_timed(command) for _ in range(2 * runs + 1)))
    return found


def _timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def peer(bench: Bench, runs: int) -> dict[str, Any]:
    """Beside the PyPI client tb-mqtt-client, on the same twin and image; processor seconds for each GiB."""
    python, found = peer_python(), {}
    for chunk, size, path in (
        (4096, MIB, ""),
        (65_536, 4 * MIB, ""),
        (4096, MIB // 4, LINK_DELAY),
        (65_536, 4 * MIB, LINK_DELAY),
    ):
        cpu: dict[str, list[float]] = {"ours": [], "theirs": []}

        def ours(chunk: int = chunk, size: int = size, path: str = path, cpu: Any = cpu) -> float:
            report = bench.update(size, chunk, link=path)
            cpu["ours"].append(report["cpu_seconds"] / size * 1024 * MIB)
            return float(report["goodput"]) / MIB

        def theirs(chunk: int = chunk, size: int = size, path: str = path, cpu: Any = cpu) -> float:
            device, folder = bench.target(size)
            folder.mkdir()
            with through(path, bench.port) as port:
                report = peer_seconds(python, port, device.token, chunk, folder)
            cpu["theirs"].append(report["cpu_seconds"] / size * 1024 * MIB)
            return size / float(report["seconds"]) / MIB

        mine, other, ratio = paired(runs, ours, theirs)
        name = f"tb-mqtt-client 1.13.14, {path or 'loopback'}, {chunk} B"
        spent = {f"{who}_cpu_s_GiB": statistics.median(each) for who, each in cpu.items()}
        found[name] = say(name, ours_MiB_s=mine, theirs_MiB_s=other, ratio=ratio, **spent)
    return found


PARTS: dict[str, Callable[[Bench, int], dict[str, Any]]] = {
    part.__name__: part for part in (start, goodput, recording, link, memory, peer)
}


CROWDS: dict[str, Callable[[int], dict[str, float]]] = {
    part.__name__: part for part in (fleet.startup, fleet.fleet, fleet.idle, fleet.answers, fleet.broker)
}


def _one_device(names: list[str], runs: int) -> dict[str, Any]:
    """The parts that need one twin and the operator's door to it."""
    with (
        tempfile.TemporaryDirectory(prefix="otakit-bench-") as folder,
        child("-m", "otakit.twin", "--largest-upload", str(300 * MIB)) as twin,
    ):
        ports = twin.line()
        port = ports["mqtt"][1]
        with ThingsBoard(ports["url"], f"127.0.0.1:{port}", USER, PASSWORD) as server:
            bench = Bench(server, port, Path(folder))
            return {name: PARTS[name](bench, runs) for name in names}


def main() -> None:
    """Runs the asked parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, *CROWDS, []], help="what to measure; everything without")
    parser.add_argument("--runs", type=int, default=5, help="runs of each figure; the median counts (default 5)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    names = asked.parts or [*PARTS, *CROWDS]
    print(fleet.machine(), flush=True)
    if any(name in PARTS for name in names):
        found |= _one_device([name for name in names if name in PARTS], asked.runs)
    for name in (name for name in names if name in CROWDS):
        found[name] = say(name, **CROWDS[name](asked.runs))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
