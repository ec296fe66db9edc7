"""kit.py's own logic, without network; one real environment at the end."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, on a project folder of its own: nothing here touches the real `.venv`."""
    spec = importlib.util.spec_from_file_location("kit", ROOT / "kit.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for name, place in {
        "ROOT": "", "VENV": ".venv", "STAMP": ".venv/kit.json", "LOG": "build/setup.log",
        "ENGINE": "engine/plantuml.js", "ENGINE_SCRIPT": "fetch_engine.py",
    }.items():  # fmt: skip
        monkeypatch.setattr(script, name, tmp_path / place)
    for kind in ("demo", "dev"):
        (tmp_path / f"{kind}.txt").write_text(f"{kind}-package==1 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(script, "LOCKS", {kind: tmp_path / f"{kind}.txt" for kind in ("demo", "dev")})
    return script


@pytest.fixture
def done(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a set-up did, with the steps themselves replaced by notes."""
    notes: list[str] = []

    def make_venv() -> None:
        notes.append("venv")
        kit.python_of(kit.VENV).parent.mkdir(parents=True, exist_ok=True)
        kit.python_of(kit.VENV).touch()

    def bring_engine(_ticker: object) -> None:
        notes.append("engine")
        kit.ENGINE.parent.mkdir(exist_ok=True)
        kit.ENGINE.touch()

    monkeypatch.setattr(kit, "make_venv", make_venv)
    monkeypatch.setattr(kit, "install_packages", lambda lock, _ticker: notes.append(lock.name))
    monkeypatch.setattr(kit, "bring_engine", bring_engine)
    monkeypatch.setattr(kit, "install_otakit", lambda _ticker: notes.append("otakit"))
    return notes


# -------------------------------------------------------------------------------------- the steps


def test_first_set_up_does_three_steps_in_order(kit: ModuleType, done: list[str]) -> None:
    """Packages, engine, otakit: each stands on the one before."""
    kit.set_up("demo")
    assert done == ["venv", "demo.txt", "engine", "otakit"]


def test_second_set_up_does_nothing(kit: ModuleType, done: list[str]) -> None:
    """Nothing has changed, so nothing is run and nothing is fetched."""
    kit.set_up("demo")
    done.clear()
    kit.set_up("demo")
    assert done == []


def test_environment_grows_from_demo_to_development_by_packages_alone(kit: ModuleType, done: list[str]) -> None:
    """The engine and otakit are there already."""
    kit.set_up("demo")
    done.clear()
    kit.set_up("dev")
    assert done == ["dev.txt"]


def test_development_serves_the_demo(kit: ModuleType, done: list[str]) -> None:
    """The larger lock holds the smaller one."""
    kit.set_up("dev")
    done.clear()
    kit.set_up("demo")
    assert done == []


def test_changed_lock_is_installed_again(kit: ModuleType, done: list[str]) -> None:
    """After a pull that moved a pin."""
    kit.set_up("dev")
    done.clear()
    kit.LOCKS["dev"].write_text("dev-package==2\n")
    kit.set_up("dev")
    assert done == ["dev.txt"]


def test_engine_that_went_away_is_brought_again(kit: ModuleType, done: list[str]) -> None:
    """Git clean -x takes it, the environment does not know."""
    kit.set_up("demo")
    done.clear()
    kit.ENGINE.unlink()
    kit.set_up("demo")
    assert done == ["engine"]


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [("python", "3.10", "made for python 3.10"), ("folder", "/elsewhere/.venv", "made for folder /elsewhere")],
)
def test_environment_of_another_python_or_place_is_made_anew(
    kit: ModuleType, done: list[str], capsys: pytest.CaptureFixture[str], key: str, value: str, why: str
) -> None:
    """Its scripts name the Python and the folder they were made for."""
    kit.set_up("demo")
    kit.write_stamp(kit.read_stamp() | {key: value})
    done.clear()
    kit.set_up("demo")
    assert done[0] == "venv"
    assert why in capsys.readouterr().out


def test_interrupted_installation_starts_over(
    kit: ModuleType, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package half unpacked looks installed to pip, so the environment is made anew."""
    install = kit.install_packages
    monkeypatch.setattr(kit, "install_packages", _raising(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        kit.set_up("demo")
    assert kit.why_remake(kit.read_stamp()) == "its last set-up was interrupted"
    monkeypatch.setattr(kit, "install_packages", install)
    done.clear()
    kit.set_up("demo")
    assert done == ["venv", "demo.txt", "engine", "otakit"]


def test_step_that_failed_by_itself_is_tried_again_without_starting_over(
    kit: ModuleType, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No network for the engine: the packages stay, the next run goes on from there."""
    bring = kit.bring_engine
    monkeypatch.setattr(kit, "bring_engine", _raising(SystemExit(1)))
    with pytest.raises(SystemExit):
        kit.set_up("demo")
    monkeypatch.setattr(kit, "bring_engine", bring)
    done.clear()
    kit.set_up("demo")
    assert done == ["engine", "otakit"]


def _raising(error: Any) -> Any:
    def step(*_: object) -> None:
        raise error

    return step


@pytest.mark.parametrize("content", [None, "", "{", "[]", "\x00"])
def test_stamp_that_cannot_be_read_counts_as_no_set_up(kit: ModuleType, tmp_path: Path, content: str | None) -> None:
    """A power cut may leave anything."""
    (tmp_path / ".venv").mkdir()
    if content is not None:
        kit.STAMP.write_text(content)
    assert kit.read_stamp() == {}


# ------------------------------------------------------------------------------ platform, messages


def test_interpreter_is_where_each_platform_puts_it(kit: ModuleType) -> None:
    """Windows has Scripts, the others bin."""
    assert kit.python_of(Path("v"), "nt") == Path("v/Scripts/python.exe")
    assert kit.python_of(Path("v"), "posix") == Path("v/bin/python")


def test_what_runs_in_the_environment_sees_no_other_python(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PYTHONPATH or pip's user mode of the shell would mix two installations."""
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PIP_USER", "1")
    env = kit.surroundings()
    assert not {"PYTHONPATH", "PIP_USER"} & set(env)
    assert env["PATH"].startswith(str(kit.python_of(kit.VENV).parent))


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("WARNING: Retrying … NewConnectionError('… Temporary failure in name resolution')", "cannot be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "its hash differs"),
        ("ERROR: No matching distribution found for pyarrow==26.0.1", "no ready-made pyarrow==26.0.1"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "PIP_CERT"),
        ("a\nerror: diagram engine: npm could not bring it\nb\n", "npm could not bring it"),
        ("", "no output"),
    ],
)
def test_failed_step_is_explained_in_one_line(kit: ModuleType, output: str, says: str) -> None:
    """With where all of the output is."""
    line = kit.reason(output)
    assert says in line
    assert "\n" not in line
    assert str(Path("build/setup.log")) in line


def test_python_without_ensurepip_is_told_what_to_install(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Debian and Ubuntu keep it in a package of its own."""
    monkeypatch.setattr(kit.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(SystemExit):
        kit.make_venv()
    error = capsys.readouterr().err
    assert "ensurepip" in error
    assert "-venv" in error
    assert error.count("\n") == 1


def test_pythons_too_old_can_read_as_far_as_the_sentence_about_it() -> None:
    """The file must parse on Python 3.7, or they show a SyntaxError in place of what to install."""
    source = (ROOT / "kit.py").read_text(encoding="utf-8")
    nodes = [*ast.walk(ast.parse(source, feature_version=(3, 7)))]
    assert not [node.lineno for node in nodes if isinstance(node, ast.NamedExpr | ast.Match | ast.TryStar)]


def test_needs_nothing_but_the_standard_library() -> None:
    """It runs before anything is installed."""
    script = ast.walk(ast.parse((ROOT / "kit.py").read_text(encoding="utf-8")))
    names = {alias.name for node in script if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


# ------------------------------------------------------------------------------------------ verbs


def test_options_are_understood_as_make_writes_them(kit: ModuleType) -> None:
    """NAME=value, values with blanks and equal signs in them; the Makefile's PYTHON is not for us."""
    verb, options, rest = kit.understand(
        ["demo", "LINK=40 ms, 2 Mbit/s", "IMAGE=a=b.bin", "PYTHON=python3", "--window", "1"]
    )
    assert verb is kit.VERBS["demo"]
    assert options == {"LINK": "40 ms, 2 Mbit/s", "IMAGE": "a=b.bin"}
    assert rest == ["--window", "1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dmeo"], "there is no verb 'dmeo'; there are demo"),
        (["demo", "LNIK=none"], "demo does not understand 'LNIK=none'; it takes IMAGE and LINK"),
        (["check", "fast"], "check does not understand 'fast'; it takes nothing"),
    ],
)
def test_misspelling_is_named_with_what_there_is(
    kit: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """One line, exit status 2, and nothing was set up."""
    with pytest.raises(SystemExit) as ended:
        kit.main(arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_interrupt_ends_with_130(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is an ending, not a failure with a traceback."""
    monkeypatch.setitem(kit.VERBS, "help", kit.Verb(_raising(KeyboardInterrupt)))
    assert kit.main(["help"]) == 130


def test_help_names_every_verb_and_the_makefile_has_them_all(
    kit: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """People without make have the same verbs."""
    assert kit.main([]) == 0
    shown = capsys.readouterr().out
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    verbs = next(line for line in makefile.splitlines() if line.startswith("VERBS")).split()[2:]
    assert verbs == list(kit.VERBS)
    assert all(f"\n  {verb}" in shown for verb in verbs)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here, and none is needed")
@pytest.mark.parametrize("value", ["../a b.bin", "30 ms; echo no", "it's", 'a "quoted" $(name', "<&|>"])
def test_make_hands_values_on_as_they_are(tmp_path: Path, value: str) -> None:
    """A file's name may hold blanks, quotes and what a shell would act on."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "kit.py").write_text("import json, sys; print(json.dumps(sys.argv[1:]))")
    command = ["make", "-s", "demo", f"IMAGE={value.replace('$', '$$')}", f"PYTHON={sys.executable}", "LNIK=none"]
    outside = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE")
    }  # `make test` runs this
    given = json.loads(subprocess.check_output(command, cwd=tmp_path, text=True, env=outside))
    assert given[0] == "demo"
    assert sorted(given[1:]) == sorted([f"IMAGE={value}", f"PYTHON={sys.executable}", "LNIK=none"])


# ------------------------------------------------------------------------------ a reader's lessons


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    """Two lessons and a solution."""
    for name in ("00-start.ipynb", "04-chunks.ipynb", "solutions/04-chunks.ipynb", "data/sample.csv"):
        (tmp_path / "notebooks" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "notebooks" / name).write_text(f"as shipped: {name}")
    return tmp_path / "notebooks"


def test_reader_gets_a_copy_without_the_solutions(kit: ModuleType, lessons: Path, tmp_path: Path) -> None:
    """What lessons read comes along."""
    mine = kit.copy_lessons(lessons, tmp_path / "mine")
    copied = sorted(path.relative_to(mine).as_posix() for path in mine.rglob("*") if path.is_file())
    assert copied == ["00-start.ipynb", "04-chunks.ipynb", "data/sample.csv"]


@pytest.mark.parametrize("left", [".lessons-done.json", ".ipynb_checkpoints/00.ipynb", "recordings/pump-7.pcapng"])
def test_what_a_run_left_among_the_lessons_is_not_copied(
    kit: ModuleType, lessons: Path, tmp_path: Path, left: str
) -> None:
    """Another reader's marks, checkpoints and recordings are theirs."""
    (lessons / left).parent.mkdir(exist_ok=True)
    (lessons / left).write_text("left")
    assert not (kit.copy_lessons(lessons, tmp_path / "mine") / left).exists()


def test_reader_s_work_is_never_overwritten(kit: ModuleType, lessons: Path, tmp_path: Path) -> None:
    """Opening the lab again adds what is new and leaves what is there."""
    mine = kit.copy_lessons(lessons, tmp_path / "mine")
    (mine / "04-chunks.ipynb").write_text("my answers")
    (lessons / "05-new.ipynb").write_text("new")
    kit.copy_lessons(lessons, mine)
    assert (mine / "04-chunks.ipynb").read_text() == "my answers"
    assert (mine / "05-new.ipynb").read_text() == "new"


def test_reset_puts_one_lesson_back_and_keeps_the_old_one_each_time(
    kit: ModuleType, lessons: Path, tmp_path: Path
) -> None:
    """RESET=04 twice: two old ones."""
    mine = kit.copy_lessons(lessons, tmp_path / "mine")
    for work in ("first", "second"):
        (mine / "04-chunks.ipynb").write_text(work)
        kit.copy_lessons(lessons, mine, "04")
    assert (mine / "04-chunks.ipynb").read_text() == "as shipped: 04-chunks.ipynb"
    assert [(mine / f"04-chunks.{end}").read_text() for end in ("bak", "bak2")] == ["first", "second"]


def test_reset_of_a_lesson_that_is_not_there_names_those_that_are(
    kit: ModuleType, lessons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And copies nothing."""
    with pytest.raises(SystemExit):
        kit.copy_lessons(lessons, tmp_path / "mine", "4")
    assert "RESET=4: there is no such lesson; there are 00, 04" in capsys.readouterr().err


@pytest.fixture
def opened(kit: ModuleType, lessons: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that a lab would start."""
    started: list[tuple[str, ...]] = []
    assert lessons.is_dir()
    monkeypatch.setattr(kit, "set_up", lambda _kind: None)
    monkeypatch.setattr(kit, "running_lab", lambda _root: None)
    monkeypatch.setattr(kit, "run", lambda *command: _noted(started, command, 0))
    return started


def _noted(notes: list[Any], what: object, answer: Any) -> Any:
    notes.append(what)
    return answer


def test_lab_opens_the_first_lesson_and_asks_nothing(kit: ModuleType, opened: list[tuple[str, ...]]) -> None:
    """The kernel under our name, no news; one Ctrl-C ends it."""
    assert kit.main(["lab", "--port=9000"]) == 0
    kernel, lab = opened
    assert kernel[-1] == "otakit"
    assert lab[:2] == ("-m", "jupyterlab")
    assert lab[2] == str(kit.ROOT)  # the lessons link to pages of docs/
    assert "--LabApp.default_url=/lab/tree/my-notebooks/00-start.ipynb" in lab
    assert {"--ServerApp.answer_yes=True", "--port=9000"} <= set(lab)
    assert "--no-browser" not in lab
    settings = kit.VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    assert "fetchNews" in settings.read_text(encoding="utf-8")


def test_lab_keeps_the_copies_where_it_is_told_to(
    kit: ModuleType, opened: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """FOLDER, for a disk of one's own."""
    monkeypatch.setattr(kit, "ROOT", tmp_path / "project")
    shutil.copytree(tmp_path / "notebooks", tmp_path / "project" / "notebooks")
    elsewhere = tmp_path / "elsewhere"
    kit.main(["lab", "BROWSER=none", f"FOLDER={elsewhere}"])
    assert opened[-1][2:4] == (str(elsewhere), "--LabApp.default_url=/lab/tree/00-start.ipynb")
    assert (elsewhere / "00-start.ipynb").is_file()
    assert "--no-browser" in opened[-1]
    assert not (tmp_path / "project" / "my-notebooks").exists()


@pytest.mark.parametrize(("status", "ours"), [(0, 0), (130, 0), (1, 1)])
def test_interrupt_is_how_a_lab_ends(
    kit: ModuleType, opened: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, status: int, ours: int
) -> None:
    """Not an error for make to report; others are."""
    monkeypatch.setattr(kit, "furnish_lab", lambda: None)
    monkeypatch.setattr(kit, "run", lambda *command: _noted(opened, command, status))
    assert kit.main(["lab"]) == ours


def test_second_lab_on_the_same_folder_shows_the_first(
    kit: ModuleType, opened: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two would write over each other's files."""
    shown: list[str] = []
    monkeypatch.setattr(kit, "furnish_lab", lambda: None)
    monkeypatch.setattr(kit, "running_lab", lambda _root: "http://localhost:8888/lab?token=t")
    monkeypatch.setattr(kit.webbrowser, "open", lambda address: _noted(shown, address, True))
    assert kit.main(["lab"]) == 0
    assert shown == ["http://localhost:8888/lab/tree/my-notebooks/00-start.ipynb?token=t"]
    assert opened == []


def test_lab_that_left_its_note_behind_is_not_running(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed, or of another folder, or half written: whoever does not answer is not there."""
    notes = {"root_dir": str(tmp_path), "url": "http://127.0.0.1:1/", "token": "t"}
    (tmp_path / "jpserver-1.json").write_text(json.dumps(notes))
    (tmp_path / "jpserver-2.json").write_text("{")
    (tmp_path / "jpserver-3.json").write_text(json.dumps({**notes, "root_dir": str(tmp_path / "other")}))
    told = subprocess.CompletedProcess([], 0, stdout=f"{tmp_path}\n")
    monkeypatch.setattr(kit.subprocess, "run", lambda *_command, **_how: told)
    assert kit.running_lab(tmp_path) is None


# --------------------------------------------------------------------------------- for real, once


def test_real_environment_is_made_and_an_install_that_fails_says_why(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A true venv and a true pip that may not go to the network: one line, and the environment stays usable."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(SystemExit):
        kit.set_up("demo")
    assert "no ready-made demo-package==1" in capsys.readouterr().err
    said = subprocess.check_output([kit.python_of(kit.VENV), "-c", "import sys; print(sys.prefix)"], text=True)
    assert Path(said.strip()) == kit.VENV
    assert json.loads(kit.STAMP.read_text()) == kit.identity()
    assert kit.why_remake(kit.read_stamp()) is None


def test_lessons_are_type_checked_as_the_code_of_their_cells(kit: ModuleType, tmp_path: Path) -> None:
    """Prose is left out; each notebook becomes one file."""
    lessons = tmp_path / "notebooks"
    lessons.mkdir()
    cells = [("markdown", ["# Title"]), ("code", ["a = 1\n", "b = a"]), ("code", ["print(b)"])]
    notebook = {"cells": [{"cell_type": kind, "source": source} for kind, source in cells]}
    (lessons / "00-start.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (written,) = kit.lesson_code(lessons, tmp_path / "made")
    assert written.name == "lesson_00_start.py"
    assert written.read_text(encoding="utf-8") == f"{kit.BEGINNER}\na = 1\nb = a\nprint(b)\n"
