"""The wheel: built from here, installed into an empty environment from the lock, run from there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNREACHABLE = ("NewConnection", "name resolution", "getaddrinfo", "unreachable", "ProxyError")

pytestmark = pytest.mark.needs("engine")


def _run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run it as a fresh shell would; its output, or a failure that shows the end of it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, text=True, stdout=-1, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode and os.environ.get("REQUIRE_ALL") != "1" and any(word in done.stdout for word in UNREACHABLE):
        pytest.skip("the package index cannot be reached, so nothing could be installed into an empty environment")
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `kit.py dist` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the scripts of an environment that holds the lock of the demo and the wheel, nothing else."""
    place = tmp_path_factory.mktemp("empty") / "venv"
    _run(sys.executable, "-m", "venv", place)
    scripts = place / ("Scripts" if sys.platform == "win32" else "bin")
    pip = (scripts / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--retries", "1")
    _run(*pip, "--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements" / "demo.txt")
    _run(*pip, "--no-index", wheel)
    return scripts


def test_wheel_carries_engine_samples_and_licence(wheel: Path) -> None:
    """All that a run needs, and none of the tests."""
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("otakit/diagrams/engine/plantuml.js", "otakit/diagrams/engine/LICENSE", "otakit/py.typed"):
        assert needed in names
    assert [name for name in names if name.endswith(".pcapng")]
    assert [name for name in names if name.endswith("request-firmware-chunks.puml")]
    assert {"otakit/article/ota-updates.rst", "otakit/diagrams/article/made/client-states.puml"} <= set(names)
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    page = {path.name for path in (ROOT / "src/otakit/twin/page/static").iterdir()}
    assert page == {name.rpartition("/")[2] for name in names if name.startswith("otakit/twin/page/static/")}
    assert not [name for name in names if name.startswith(("tests", "notebooks", "bench"))]


def test_lock_is_all_that_the_wheel_asks_for(installed: Path) -> None:
    """No dependency is missing and none is outside its bounds."""
    assert "No broken requirements" in _run(installed / "python", "-m", "pip", "check")


def test_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """In another folder, with a small image of the user's own and no link."""
    image = tmp_path / "small image.bin"
    image.write_bytes(bytes(range(256)) * 80)
    _run(installed / "otakit", "demo", "--link", "none", "--image", image, "--out", tmp_path / "out", cwd=tmp_path)
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert [*(tmp_path / "out").rglob("*.pcapng")]


def test_sample_recording_is_found_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    """`otakit.example()` needs no repository around it."""
    ask = "import otakit; print(len(otakit.example().packets))"
    assert int(_run(installed / "python", "-c", ask, cwd=tmp_path).split()[-1]) > 20


def test_article_is_handed_over_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """Whole, in both forms, without a repository around it."""
    for form, files in (("inline", 1), ("svg", 10)):
        said = _run(installed / "otakit", "article", "--to", tmp_path / form, "--diagrams", form, cwd=tmp_path)
        assert len(said.split()) == files
    assert "assigned-while-away.pcapng, packet 3" in (tmp_path / "svg" / "ota-updates.rst").read_text(encoding="utf-8")
