"""The command line: help that teaches at once, one line for an error, exit statuses."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from otakit import cli
from otakit.errors import DiagramError, SettingsError, TransportError

if TYPE_CHECKING:
    from otakit.servers import Device

VERBS = ["demo", "update", "twin", "certificate", "show", "plot", "export", "diagram", "follow", "diagrams"]
VERBS += ["article", "doctor"]
HEAVY = {"pandas", "numpy", "matplotlib", "pyarrow", "fastapi", "uvicorn", "paho", "httpx", "rich", "jinja2"}
HEAVY |= {"cryptography", "OpenSSL", "sqlite3"}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The recording that ships with the package, under a name with a blank."""
    import otakit  # noqa: PLC0415 - loads pandas, which most tests here do without

    copy = tmp_path / "my run.pcapng"
    copy.write_bytes(Path(otakit.example().path).read_bytes())
    return copy


# ------------------------------------------------------------------------------------------- help


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """And begins with what the tool is for."""
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {verb} " in shown for verb in VERBS)
    assert "…" not in shown
    assert "..." not in shown.partition("Commands:")[2].partition("\n\n")[0], "a summary is cut off"


def test_no_verb_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer types the name and looks."""
    cli.main([])
    assert "Commands:" in "".join(capsys.readouterr())


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_teaches_by_example(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    """The example stands under the options and is the verb itself."""
    assert cli.main([verb, "--help"]) == 0
    assert f"  otakit {verb}" in capsys.readouterr().out.partition("For example:")[2]


def test_help_loads_nothing_heavy() -> None:
    """That is why it answers at once; pandas alone would take a second."""
    ask = "import sys; from otakit import cli; cli.main(['--help']); print(*sys.modules, file=sys.stderr)"
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert not HEAVY & {name.split(".")[0] for name in said.stderr.split()}


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """For a report of a problem."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "otakit 0.1.0\n"


# ----------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SettingsError("a\nb \x1b[2J"), "otakit: a b ·[2J\n"),
        (TransportError("port 1 of h refused the connection"), "otakit: port 1 of h refused the connection\n"),
        (DiagramError("no such row", 3), "otakit: line 3: no such row\n"),
        (PermissionError(13, "Permission denied", "run.svg"), "otakit: Permission denied: run.svg\n"),
    ],
)
def test_error_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    """Whatever its text looks like; no traceback."""
    _doctor_raises(monkeypatch, error)
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == line


def test_debugging_shows_where_an_error_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTAKIT_DEBUG=1 lets the traceback through."""
    monkeypatch.setenv("OTAKIT_DEBUG", "1")
    _doctor_raises(monkeypatch, SettingsError("x"))
    with pytest.raises(SettingsError):
        cli.main(["doctor"])


def test_interrupt_is_status_130_and_one_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As shells expect of Ctrl-C."""
    _doctor_raises(monkeypatch, KeyboardInterrupt())
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "otakit: interrupted\n"


def _doctor_raises(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    from otakit import doctor  # noqa: PLC0415 - as above

    def examine() -> None:
        raise error

    monkeypatch.setattr(doctor, "examine", examine)


@pytest.mark.parametrize("arguments", [["shwo"], ["show"], ["show", "--waht", "x"], ["show", "f", "--what", "rows"]])
def test_wrong_verb_or_option_is_status_2_with_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """It names what was not understood."""
    assert cli.main(arguments) == 2
    assert "Usage: otakit" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["show", "plot", "export", "diagram"])
@pytest.mark.parametrize("content", [None, b"", b"no recording at all"])
def test_file_that_is_no_recording_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: str, content: bytes | None
) -> None:
    """Missing, empty or foreign."""
    file = tmp_path / "run.pcapng"
    if content is not None:
        file.write_bytes(content)
    assert cli.main([verb, str(file)]) == 2
    said = capsys.readouterr().err
    assert "run.pcapng" in said
    assert said.count("\n") == 1


def test_refused_port_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Port 1 of the loopback listens nowhere."""
    monkeypatch.setenv("OTAKIT_TOKEN", "very-secret")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["update", "127.0.0.1:1"]) == 2
    said = "".join(capsys.readouterr())
    assert "127.0.0.1" in said
    assert "Traceback" not in said
    assert "very-secret" not in said


def test_token_is_asked_for_without_showing_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where OTAKIT_TOKEN is not set."""
    asked: list[dict[str, object]] = []

    def prompt(_text: str, **options: object) -> str:
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["update", "127.0.0.1:1"]) == 130
    assert asked == [{"hide_input": True}]


# ---------------------------------------------------------------------------------------- updates


@pytest.fixture
def assigned() -> Iterator[Device]:
    """A device on a twin, with firmware 1.1.0 assigned and nothing running yet."""
    import otakit  # noqa: PLC0415 - as above

    with otakit.Twin() as server:
        device = server.add_device("shell-1")
        server.assign(server.upload("firmware", "shell", "1.1.0", bytes(range(256)) * 40), to=device)
        yield device


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_update_brings_a_device_to_its_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, assigned: Device, version: str
) -> None:
    """Against any MQTT address, recorded, and without its token anywhere."""
    monkeypatch.setenv("OTAKIT_TOKEN", assigned.token)
    monkeypatch.chdir(tmp_path)
    host, port = assigned.server.mqtt
    assert cli.main(["update", f"mqtt://{host}:{port}", "--runs", "shell 1.0.0", "--mqtt", version]) == 0
    assert "UPDATED" in capsys.readouterr().out
    recording = (tmp_path / "update.pcapng").read_bytes()
    assert b"v2/fw/request" in recording
    assert assigned.token.encode() not in recording


def test_wrong_token_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, assigned: Device
) -> None:
    """It says what the server refused, and does not repeat the token."""
    monkeypatch.setenv("OTAKIT_TOKEN", "not-this-one")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["update", "{}:{}".format(*assigned.server.mqtt)]) == 2
    said = capsys.readouterr().err
    assert "token" in said
    assert "not-this-one" not in said
    assert said.count("\n") == 1


def test_tls_on_a_plain_port_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, assigned: Device
) -> None:
    """The address says mqtts, the server speaks plain MQTT."""
    monkeypatch.setenv("OTAKIT_TOKEN", assigned.token)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["update", "mqtts://{}:{}".format(*assigned.server.mqtt)]) == 2
    said = capsys.readouterr().err
    assert "TLS" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--image", "nowhere.bin"], "nowhere.bin"),
        (["--image", "empty.bin"], "empty"),
        (["--link", "very slow"], "very slow"),
    ],
)
def test_demo_that_cannot_begin_says_why(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    says: str,
) -> None:
    """A missing or an empty image, a link nobody understands."""
    (tmp_path / "empty.bin").touch()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo", *arguments]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_twin_on_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Another broker runs on 1883."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.main(["twin", "--mqtt-port", port, "--http-port", "0"]) == 2
    assert port in capsys.readouterr().err.splitlines()[-1]


# ------------------------------------------------------------------------------------- recordings


@pytest.mark.parametrize("what", ["exchanges", "packets", "chunks", "statuses", "updates"])
def test_show_prints_the_outcome_and_a_frame(capsys: pytest.CaptureFixture[str], sample: Path, what: str) -> None:
    """Every frame by its name."""
    assert cli.main(["show", str(sample), "--what", what]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert "packets" in first
    assert len(rest) > 1


def test_cut_recording_is_shown_with_what_it_lacks(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    """A device that lost its power leaves half a file: the whole half is shown."""
    sample.write_bytes(sample.read_bytes()[:6_000])
    assert cli.main(["show", str(sample), "--what", "packets"]) == 0
    first, second, *rest = capsys.readouterr().out.splitlines()
    assert "packets" in first
    assert "cut" in second or "missing" in second
    assert len(rest) > 5


def test_plot_writes_pictures(capsys: pytest.CaptureFixture[str], sample: Path, tmp_path: Path) -> None:
    """And says where each is."""
    assert cli.main(["plot", str(sample), "--out", str(tmp_path / "pictures")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert len(written) >= 3
    assert all(path.stat().st_size > 1000 for path in written)


@pytest.mark.parametrize(("option", "suffix"), [((), ".parquet"), (("--csv",), ".csv")])
def test_export_writes_one_file_a_frame(sample: Path, tmp_path: Path, option: tuple[str, ...], suffix: str) -> None:
    """For pandas and DuckDB, or for a spreadsheet."""
    assert cli.main(["export", str(sample), "--out", str(tmp_path / "frames"), *option]) == 0
    names = {path.name for path in (tmp_path / "frames").iterdir()}
    assert names == {f"{name}{suffix}" for name in ("packets", "exchanges", "chunks", "statuses", "updates")}


# --------------------------------------------------------------------------------------- diagrams


@pytest.mark.needs("engine")
def test_diagram_of_a_recording_is_saved_as_its_name_ends(sample: Path, tmp_path: Path) -> None:
    """SVG here; PlantUML text where nothing is named."""
    assert cli.main(["diagram", str(sample), "--out", str(tmp_path / "run.svg")]) == 0
    assert (tmp_path / "run.svg").read_text(encoding="utf-8").startswith("<")


def test_diagram_of_the_kit_is_printed_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """To be changed and drawn again."""
    assert cli.main(["diagram", "request-firmware-chunks"]) == 0
    assert capsys.readouterr().out.startswith("@startuml")


@pytest.mark.needs("engine")
def test_folder_of_diagrams_is_drawn_and_then_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A source that changed makes its picture stale: status 1."""
    source = tmp_path / "a.puml"
    source.write_text("@startuml\nA -> B: hello\n@enduml\n", encoding="utf-8")
    assert cli.main(["diagrams", str(tmp_path)]) == 0
    assert cli.main(["diagrams", str(tmp_path), "--check"]) == 0
    source.write_text("@startuml\nA -> B: other\n@enduml\n", encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["diagrams", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out.startswith("stale")


# ------------------------------------------------------------------------------------------ follow


@pytest.mark.parametrize(("name", "status"), [("whole-update", 0), ("device-overrides-profile", 1), ("no-such", 2)])
def test_follow_says_by_its_status_whether_it_can_be_told(
    capsys: pytest.CaptureFixture[str], sample: Path, name: str, status: int
) -> None:
    """0 it follows, 1 it differs, 2 there is no such diagram; then it lists those there are."""
    assert cli.main(["follow", str(sample), name]) == status
    said = "".join(capsys.readouterr())
    assert {0: "follows whole-update", 1: "promised", 2: "there are device-overrides-profile"}[status] in said


def test_follow_lists_the_articles_diagrams_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Written out in the command line, so that the help stays quick; here it is held against the folder."""
    from otakit.cli_diagrams import ARTICLE  # noqa: PLC0415 - as above
    from otakit.diagrams import names  # noqa: PLC0415 - as above

    assert list(ARTICLE) == names()
    assert cli.main(["follow", "--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in names() if name not in shown] == []
