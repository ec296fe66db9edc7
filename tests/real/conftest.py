"""Foreign clients at the twin: what each said is recorded at the server's end and kept as a small frame.

A frame of `frames/` has one line for each kind of exchange: its name, how it ended, how often, and how many
answers came. `python docs/foreign_frames.py` writes them anew; a test compares.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import otakit
from otakit.captured import Address
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, row_of
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Version
from otakit.record.pcapng import Recorder
from otakit.servers import Twin
from otakit.twin.settings import TwinSettings

HERE = Path(__file__).parent
BUILD = HERE.parent.parent / "build"
IMAGE = bytes(i % 251 for i in range(20_000))
PATIENCE_S = 60.0  # until a test that waits for something says that it never came


@dataclass(eq=False)
class Heard:
    """A watcher that counts what passes, for tests that wait for it."""

    rows: list[tuple[str, Direction]] = field(default_factory=list)
    version: Version = Version.MQTT_3_1_1

    def connection(self, client: Address, server: Address) -> int:
        """One more."""
        return 0

    def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
        """Its row joins the others."""
        packet = decode(raw, self.version)
        self.version = packet.version if isinstance(packet, p.Connect) else self.version
        self.rows.append((row_of(packet, direction).name, direction))
        return len(self.rows)

    def note(self, name: str, fields: Any, **_: Any) -> None:
        """Faults are in the recording."""

    def count(self, row: str, direction: Direction | None = None) -> int:
        """How often a row passed."""
        return sum(name == row and direction in (None, way) for name, way in list(self.rows))


class Bench:
    """A twin with one device and a package for it, and a recording of all that they say."""

    def __init__(self, twin: Twin, recording: Path) -> None:
        self.twin, self.recording, self.heard = twin, recording, Heard()
        self.host, self.port = twin.mqtt
        self.device = twin.add_device("foreign")
        self.token = self.device.token
        self.package = twin.upload("firmware", "pump", "2.0.1", IMAGE)
        self._recorder = Recorder(recording)
        twin.watchers.extend((self.heard, self._recorder))

    def assign(self) -> None:
        """The package becomes the device's."""
        self.twin.assign(self.package, to=self.device)

    def stored(self, key: str) -> list[Any]:
        """What the server kept of a key, oldest first."""
        return [value for _, value in self.twin.telemetry(self.device, key).get(key, [])]

    def session(self) -> otakit.Session:
        """The recording, ended here."""
        self.twin.watchers.clear()
        self._recorder.close()
        return otakit.load(self.recording)


@pytest.fixture(scope="session")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A twin at work, for the length of a block."""

    @contextmanager
    def begin(plan: str = "none", *, assigned: bool = True, **options: Any) -> Iterator[Bench]:
        settings = TwinSettings(dispatch_spacing_s=0, dispatch_latency_s=0, shuffle=False)
        with Twin(plan=plan, settings=settings, **options) as twin:
            made = Bench(twin, tmp_path_factory.mktemp("bench") / "server.pcapng")
            if assigned:
                made.assign()
            yield made

    return begin


@pytest.fixture
def bench(benches: Callable[..., Any]) -> Callable[..., Any]:
    """The same, under the name that tests of one run use."""
    return benches


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Waits for a condition, and says what never came."""

    def wait(condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"never came: {what}"
            time.sleep(0.01)

    return wait


def frame_of(session: otakit.Session) -> str:
    """The exchanges of a run in a few lines; signs of life and last acknowledgements, which time decides, left out."""
    exchanges = session.exchanges
    kept = exchanges[~exchanges["name"].isin(["PingReq", "PubAck", "Disconnect"])]
    groups = kept.groupby(["name", "outcome"], observed=True)
    table = groups.agg(exchanges=("exchange", "size"), answers=("answers", "sum")).reset_index()
    updates = [f"update,{outcome},1,0" for outcome in session.updates["outcome"]]
    return "\n".join([table.to_csv(index=False, lineterminator="\n").rstrip(), *updates]) + "\n"


@pytest.fixture
def kept() -> Callable[[otakit.Session, str], None]:
    """Holds a run against its kept frame, or keeps it anew."""

    def compare(session: otakit.Session, name: str) -> None:
        path, frame = HERE / "frames" / f"{name}.csv", frame_of(session)
        if os.environ.get("KEEP_FRAMES") == "1":
            path.write_text(frame, encoding="utf-8", newline="\n")
        assert path.read_text(encoding="utf-8") == frame, "python docs/foreign_frames.py keeps it, if it is right"

    return compare


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Whether the folder is still to be made; it counts as made when the block ends well."""
    ready = folder / "ready"
    if ready.exists():
        yield False
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield True
    ready.touch()


@pytest.fixture(scope="session")
def npm_folder() -> Path:
    """The npm client, brought once by its lock: sha512 of each package, no script run."""
    lock = HERE / "npm" / "package-lock.json"
    folder = BUILD / "foreign" / "npm"
    if (folder / lock.name).is_file() and (folder / lock.name).read_bytes() != lock.read_bytes():
        (folder / "ready").unlink(missing_ok=True)
    with made_once(folder) as wanted:
        if wanted:
            for name in ("package.json", lock.name):
                shutil.copy(HERE / "npm" / name, folder / name)
            options = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
            npm = shutil.which("npm")
            assert npm is not None
            subprocess.run([npm, "ci", *options], cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="session")
def peer_python() -> str:
    """The interpreter that has tb-mqtt-client, in the environment that `make bench` uses too."""
    bench = str(HERE.parent.parent / "bench")
    script = "import sys; sys.path.insert(0, sys.argv[1]); import peer; print(peer.peer_python())"
    done = subprocess.run(
        [sys.executable, "-c", script, bench], check=True, capture_output=True, text=True, timeout=600
    )
    return done.stdout.split()[-1]


@pytest.fixture
def tool() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs a command-line client to its end."""

    def run(*command: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        options.setdefault("timeout", PATIENCE_S)
        found = shutil.which(command[0]) or command[0]
        return subprocess.run([found, *command[1:]], capture_output=True, check=False, **options)

    return run
