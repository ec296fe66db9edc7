"""The peers of the benchmark, each in an environment of its own, pinned and checked by hash."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from children import HERE, child

ROOT = HERE.parent


def peer_python(name: str = "peer") -> str:
    """The interpreter of a peer's environment, made from ``requirements/bench-<name>.txt`` when it is not there."""
    folder, lock = ROOT / "build" / name, ROOT / "requirements" / f"bench-{name}.txt"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (folder / "ready").exists():
        print(f"setting up what {lock.name} names in an environment of its own …", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
        subprocess.run(install, check=True)
        (folder / "ready").touch()
    return str(python)


def peer_seconds(python: str, port: int, token: str, chunk_bytes: int, folder: Path) -> dict[str, Any]:
    """One download by the peer: seconds, processor seconds and bytes."""
    script = str(HERE / "peer_tb_mqtt_client.py")
    with child(script, "127.0.0.1", str(port), token, str(chunk_bytes), python=python, cwd=folder) as running:
        report = running.line()
        if running.line()["state"] != "UPDATED":
            raise SystemExit("tb-mqtt-client did not reach UPDATED")
    return report
