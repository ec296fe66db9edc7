"""The main job: two real updates against the embedded twin, through a simulated link and without it.

Knows what a newcomer shall see and find afterwards; everything else is done by what the lessons use too.
`otakit demo` and `make demo` call it.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otakit.errors import ImageError, SettingsError
from otakit.faults import parse_link
from otakit.protocol.messages import Kind
from otakit.report import Words, write_report
from otakit.run import update
from otakit.run.progress import size
from otakit.servers import Device, StoredPackage, Twin
from otakit.session import Session

FIRMWARE_BYTES = 3 << 19  # 1.5 MiB, some seconds on the demo's link
SOFTWARE_BYTES = 200_000
OLD = {Kind.FIRMWARE: ("pump", "1.0.0"), Kind.SOFTWARE: ("panel", "2.0.0")}
NEW = {Kind.FIRMWARE: "1.1.0", Kind.SOFTWARE: "2.1.0"}
CHUNK_DEADLINE_S = 2.0  # shorter than the client's own five seconds, so that the repetition can be watched
RECORDINGS, REPORT = ("run.pcapng", "run-without-link.pcapng"), "report.html"
TWIN_NOTE = "It is a twin: ThingsBoard's behaviour inside this process, so nothing leaves this machine."


@dataclass(frozen=True)
class Run:
    """One run and what it was called."""

    name: str
    session: Session
    good: bool


def made_image(name: str, length: int) -> bytes:
    """Bytes that look like an image and are the same on every machine."""
    return hashlib.shake_256(f"otakit {name}".encode()).digest(length)


def run_demo(out: str | Path, *, image: str | Path | None = None, link: str = "none") -> bool:
    """Runs the demo and writes recordings, frames and the report.

    Args:
        out: folder for all of it.
        image: the user's firmware; one is made without.
        link: the simulated link of the first run; ``none`` for bare loopback, once.

    Returns:
        Whether every update ended in UPDATED, with the image that was uploaded.

    Raises:
        ImageError: the image is missing, empty or too large for the server.
        SettingsError: a link that cannot be read, a folder that cannot be written.
    """
    folder, settings = Path(out), parse_link(link)
    content = _firmware(image)
    _prepare(folder)
    with Twin() as server:
        say("One device, its firmware and its software, updated over MQTT while you watch.", "")
        say(f"Server: {server.label.partition(', link:')[0]}.", TWIN_NOTE)
        device = server.add_device("pump-7", firmware=OLD[Kind.FIRMWARE], software=OLD[Kind.SOFTWARE])
        packages = [
            server.upload("firmware", "pump", NEW[Kind.FIRMWARE], content),
            server.upload("software", "panel", NEW[Kind.SOFTWARE], made_image("software", SOFTWARE_BYTES)),
        ]
        for each in packages:
            say(f"Package: {each.kind.word} {each.title} {each.version}, {size(each.size or 0)}, {each.algorithm}.")
        runs = [_run(device, packages, folder / RECORDINGS[0], settings.describe())]
        if not settings.is_none:
            runs.append(_run(device, packages, folder / RECORDINGS[1], "none"))
        _finish(folder, runs, server.label.partition(" at ")[0])
    return all(run.good for run in runs)


def _prepare(folder: Path) -> None:
    """Makes the folder, and takes away what an earlier demo left there: it must not look like this one's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (REPORT, *RECORDINGS):
            (folder / old).unlink(missing_ok=True)
            shutil.rmtree(folder / "frames" / Path(old).stem, ignore_errors=True)
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be used ({error.strerror}); give another folder with --out") from error


def _firmware(image: str | Path | None) -> bytes | Path:
    if image is None:
        return made_image("firmware", FIRMWARE_BYTES)
    path = Path(image)
    if not path.is_file():
        raise ImageError(f"image {path}: there is no such file; give the path of a firmware image")
    return path


def _run(device: Device, packages: list[StoredPackage], recording: Path, link: str) -> Run:
    name = "without a link (loopback)" if link == "none" else f"link: {link}"
    say("", f"Updating {device.name}, {name}.")
    for package in packages:
        title, version = OLD[package.kind]
        device.reset(version, package.kind, title=title)
        device.server.unassign(package.kind, from_=device)  # so that the server tells the device anew
        device.server.assign(package, to=device)
    session = update(device, link=link, record=recording, chunk_deadline_s=CHUNK_DEADLINE_S)
    for row in session.updates.to_dict("records"):
        say(_line(row))
    faults = [f"{what}." for package in packages if (what := _fault(device, package))]
    say(*faults)
    return Run(name, session, not faults)


def _line(row: Mapping[Any, Any]) -> str:
    """One update in a line."""
    if row["outcome"] != "UPDATED":
        return f"{row['kind']} {row['from_version']} → {row['to_version']}: {row['outcome']}: {row['reason']}"
    ended = f"{row['kind']} {row['from_version']} → {row['to_version']}: {row['outcome']} in {row['duration_s']:.1f} s"
    retries = f"{row['retries']} {'retry' if row['retries'] == 1 else 'retries'}"
    latency = f"chunk latency p50 {1000 * row['latency_p50_s']:.3g} ms, p95 {1000 * row['latency_p95_s']:.3g} ms"
    return f"{ended}, {row['chunks']} chunks, {retries}, {latency}."


def _fault(device: Device, package: StoredPackage) -> str | None:
    """What is wrong with a device after its update, or None: the running image must be the uploaded one."""
    running, wanted = device.running(package.kind), (package.title, package.version)
    if running != wanted:
        return f"{package.kind.word}: {running} runs, not {wanted}"
    path = image_of(device, package.kind)
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path else "no image"
    return (
        None if found == package.checksum else f"{package.kind.word}: the running image has {found}, not its checksum"
    )


def image_of(device: Device, kind: Kind) -> Path | None:
    """The file that the device runs from."""
    return device.image(kind)


def _finish(folder: Path, runs: list[Run], server: str) -> None:
    """Writes frames and report, and says what is where."""
    files = {}
    for run in runs:
        stem = run.session.path.stem
        run.session.export(folder / "frames" / stem)
        files[run.session.path.name] = f"the recording, {run.name}"
        files[f"frames/{stem}/"] = "its frames as Parquet: packets, exchanges, chunks, statuses, updates"
    words = Words("", tuple(run.name for run in runs), server, files)
    report = write_report([run.session for run in runs], folder / REPORT, words)
    say(
        "",
        f"Report:     {report}",
        *(f"Recording:  {run.session.path}  ({run.name})" for run in runs),
        f"Frames:     {folder / 'frames'}",
        "",
        f"Next: open the report in a browser; {command()} show {runs[0].session.path}"
        + ("; make lab for the lessons." if Path("Makefile").is_file() else "."),
    )


def command() -> str:
    """How the command line is called here."""
    script = Path(sys.executable).with_name("otakit.exe" if sys.platform == "win32" else "otakit")
    if script.is_file() and script.is_relative_to(Path.cwd()):
        return str(script.relative_to(Path.cwd()))  # kit.py's environment is on our path, not on the reader's
    if shutil.which("otakit") is not None:
        return "otakit"
    return str(script) if script.is_file() else "python -m otakit"


def say(*lines: str) -> None:
    """Prints lines at once, so that a log shows them when they are true."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
