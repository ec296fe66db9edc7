"""What is missing on this machine, and what to do about it.

Knows how to try each thing that otakit stands on (Python, packages, the diagram engine, loopback ports,
outside tools, the configuration folder) and the one line of advice for each; refuses to repair anything.
`otakit doctor` prints it.
"""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from otakit import settings

OLDEST_PYTHON = (3, 11)
PORTS = {1883: "MQTT of `otakit twin`", 8080: "REST of `otakit twin`"}
SET_UP = "python kit.py demo repairs it"


@dataclass(frozen=True)
class Finding:
    """One thing that was tried.

    Attributes:
        said: what was found, in a few words.
        advice: what to do about it; empty when it is fine.
        is_needed: False for what otakit does well without.
    """

    name: str
    said: str
    is_fine: bool = True
    advice: str = ""
    is_needed: bool = True


def examine() -> list[Finding]:
    """Try everything; never raises, an examination that breaks is itself a finding."""
    return [finding for part in EXAMINATIONS for finding in _carefully(part)]


def written(findings: list[Finding]) -> str:
    """The findings as text: one line each, its advice under it, a summary at the end."""
    lines = []
    for finding in findings:
        word = "ok" if finding.is_fine else "MISSING" if finding.is_needed else "without"
        lines.append(f"{word:<8} {finding.name:<20} {finding.said}")
        if finding.advice:
            lines.append(f"{'':<8} {'':<20} → {finding.advice}")
    wrong = sum(not finding.is_fine and finding.is_needed for finding in findings)
    lines.append("\nAll that otakit needs is here." if not wrong else f"\n{wrong} to repair, see the arrows.")
    return "\n".join(lines)


def _carefully(part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    name = part.__name__.strip("_")
    try:
        yield from part()
    except Exception as broken:  # noqa: BLE001 - whatever it is, it is what the user needs to read
        yield Finding(name, f"could not be tried: {type(broken).__name__}: {broken}", is_fine=False, advice=SET_UP)


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info[:2] < OLDEST_PYTHON
    advice = "install Python 3.11 or newer, then: python3.11 kit.py demo" if old else ""
    yield Finding("Python", f"{version}, {sys.executable}", not old, advice)


def _packages() -> Iterator[Finding]:
    """Each dependency of otakit: there, within its bounds, and able to be imported."""
    wanted = [Requirement(text) for text in metadata.requires("otakit") or ()]
    missing, outside, good = [], [], 0
    for requirement in wanted:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            missing.append(requirement.name)
            continue
        if requirement.specifier.contains(version, prereleases=True):
            good += 1
        else:
            outside.append(f"{requirement.name} {version} is not {requirement.specifier}")
    yield Finding("packages", f"{good} of {len(wanted)} as otakit needs them", not missing + outside, "")
    if missing:
        yield Finding("packages", f"not installed: {', '.join(missing)}", is_fine=False, advice=SET_UP)
    for text in outside:
        yield Finding("packages", text, is_fine=False, advice=f"{SET_UP}; or pip install 'a version within bounds'")


def _diagram_engine() -> Iterator[Finding]:
    """A trial render, since an engine may be there and still not start."""
    drawn = importlib.import_module("otakit.diagrams.plantuml").render("@startuml\nA -> B: trial\n@enduml")
    yield Finding("diagram engine", f"drew a trial diagram of {len(drawn.svg):,} characters")


def _ports() -> Iterator[Finding]:
    """The loopback carries bytes, and whether the twin's usual ports are free."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        yield Finding("loopback", "connections on 127.0.0.1 work")
    for port, use in PORTS.items():
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as taken:
            advice = "choose another: otakit twin --mqtt-port 0 --http-port 0 takes free ones"
            yield Finding(f"port {port}", f"{use}: {taken.strerror}", is_fine=False, advice=advice, is_needed=False)
        else:
            yield Finding(f"port {port}", f"{use}: free")


def _tools() -> Iterator[Finding]:
    path = shutil.which("tshark")
    advice = "" if path else "only tests and Wireshark users need it: apt-get install tshark, brew install wireshark"
    yield Finding("tshark", path or "not here", path is not None, advice, is_needed=False)


def _configuration() -> Iterator[Finding]:
    folder = settings.config_folder()
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            yield Finding("configuration", str(folder))
    except OSError as refused:
        advice = "set OTAKIT_CONFIG_DIR to a folder you can write; else devices get new keys in every run"
        yield Finding("configuration", f"{folder}: {refused.strerror}", is_fine=False, advice=advice, is_needed=False)
    chosen = [name for name in settings.VARIABLES if os.environ.get(name)]
    yield Finding("server", os.environ.get("OTAKIT_SERVER") or "the embedded twin (OTAKIT_SERVER names another)")
    if chosen:
        yield Finding("environment", f"set: {', '.join(chosen)}")


EXAMINATIONS = (_python, _packages, _diagram_engine, _ports, _tools, _configuration)
