"""The peer of the benchmark: tb-mqtt-client in an environment of its own, pinned and checked by hash."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from children import HERE, child

ROOT = HERE.parent
FOLDER = ROOT / "build" / "peer"


def peer_python() -> str:
    """The interpreter of the peer's environment, made when it is not there."""
    python = FOLDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (FOLDER / "ready").exists():
        print("setting up tb-mqtt-client in an environment of its own …", flush=True)
        venv.create(FOLDER, with_pip=True, clear=True)
        lock = str(ROOT / "requirements" / "bench-peer.txt")
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock]
        subprocess.run(install, check=True)
        (FOLDER / "ready").touch()
    return str(python)


def peer_seconds(python: str, port: int, token: str, chunk_bytes: int, folder: Path) -> dict[str, Any]:
    """One download by the peer: seconds, processor seconds and bytes."""
    script = str(HERE / "peer_tb_mqtt_client.py")
    with child(script, "127.0.0.1", str(port), token, str(chunk_bytes), python=python, cwd=folder) as running:
        report = running.line()
        if running.line()["state"] != "UPDATED":
            raise SystemExit("tb-mqtt-client did not reach UPDATED")
    return report
