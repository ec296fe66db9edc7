"""Bringing the engine: one version, one sha512, one line when it cannot be had; and no wheel without it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from otakit.diagrams import fetch_engine

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "src" / "otakit" / "diagrams" / "fetch_engine.py"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package file of the right form, whose sha512 is made the right one."""
    path = tmp_path / fetch_engine.TGZ
    with tarfile.open(path, "w:gz") as package:
        for name in (*fetch_engine.FILES, "viz-global.js"):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(name)
            package.addfile(entry, BytesIO(name.encode()))
    import base64  # noqa: PLC0415 - only this fixture needs them
    import hashlib  # noqa: PLC0415

    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(fetch_engine, "SHA512", digest)
    return path


def test_a_local_file_is_unpacked_once_and_only_what_is_needed(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable for machines without a network; the stamp saves the second time."""
    monkeypatch.setenv(fetch_engine.LOCAL_FILE, str(archive))
    folder = tmp_path / "engine"
    assert fetch_engine.fetch(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*fetch_engine.FILES, fetch_engine.STAMP])
    assert not fetch_engine.fetch(folder)


def test_a_tampered_file_is_refused_and_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    """One bit is enough."""
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(fetch_engine.FetchFailed, match=r"sha512 differs\. Nothing was installed"):
        fetch_engine.unpack(archive, tmp_path / "engine")
    assert not (tmp_path / "engine").exists()


@pytest.mark.parametrize("name", ["plantuml.js", "stamp.json"])
def test_a_damaged_engine_is_not_here(archive: Path, tmp_path: Path, name: str) -> None:
    """It is brought again."""
    folder = tmp_path / "engine"
    fetch_engine.unpack(archive, folder)
    assert fetch_engine.is_here(folder)
    (folder / name).write_text("x")
    assert not fetch_engine.is_here(folder)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """Names the variable and what it should name."""
    with pytest.raises(fetch_engine.FetchFailed, match=r"cannot read .*OTAKIT_ENGINE_TGZ should name plantuml-core"):
        fetch_engine.unpack(tmp_path / "nothing.tgz", tmp_path)


def test_a_failing_npm_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own reason and the way around it."""
    npm = tmp_path / "npm.py"
    npm.write_text("import sys; print('npm error code ENOTFOUND', file=sys.stderr); sys.exit(1)")
    monkeypatch.setattr(fetch_engine, "pack", lambda *_: fetch_engine._run(
        [sys.executable, str(npm)], {}, tmp_path, "npm could not bring it"))  # fmt: skip
    monkeypatch.setattr("shutil.which", lambda *_args, **_kwargs: "npm")
    with pytest.raises(fetch_engine.FetchFailed, match=r"^npm could not bring it \(npm error code ENOTFOUND\)\. Off"):
        fetch_engine.fetch(tmp_path / "engine")


def test_it_runs_as_a_script_without_otakit_or_any_package() -> None:
    """The set-up calls it before anything is installed."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({str(SCRIPT)!r})"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_no_address_stands_in_the_script_and_its_lock() -> None:
    """Npm and pip know their registries."""
    for path in (SCRIPT, ROOT / "hatch_build.py", ROOT / "requirements" / "engine-npm.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert "registry" not in text


@pytest.mark.needs("engine")
def test_the_engine_that_is_here_is_the_one_that_is_named() -> None:
    """Version and hashes."""
    assert fetch_engine.is_here()


def hook(root: Path) -> Any:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.EngineHook.__new__(module.EngineHook)
    return module, made, SimpleNamespace(root=root)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A source tree without engine, as an sdist is."""
    place = tmp_path / "src" / "otakit" / "diagrams"
    place.mkdir(parents=True)
    (place / "fetch_engine.py").write_bytes(SCRIPT.read_bytes())
    (tmp_path / "diagrams").mkdir()
    (tmp_path / "diagrams" / "one.puml").write_text("A -> B")
    return tmp_path


def build(root: Path, version: str) -> dict[str, Any]:
    module, made, _ = hook(root)
    data: dict[str, Any] = {"force_include": {}}
    type(made).root = property(lambda _self: str(root))
    module.EngineHook.initialize(made, version, data)
    return data


def test_a_wheel_without_the_engine_does_not_come_about(project: Path) -> None:
    """One line with the command."""
    with pytest.raises(SystemExit, match="a wheel needs the diagram engine"):
        build(project, "standard")


def test_an_editable_install_needs_no_engine(project: Path) -> None:
    """It takes the diagrams from the working tree."""
    assert build(project, "editable") == {"force_include": {}}


@pytest.mark.needs("engine")
def test_a_wheel_with_the_engine_carries_the_articles_diagrams() -> None:
    """So that their names work after an installation."""
    included = build(ROOT, "standard")["force_include"]
    assert "otakit/diagrams/article/request-firmware-chunks.puml" in included.values()
