"""The runner against a twin in another process: what it plays, writes, removes, and how it ends."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import find_defects as finding

from otakit.conformance import command
from otakit.conformance.asked import Asked, understood
from otakit.conformance.judging import Outcome, Row
from otakit.conformance.leftovers import leftovers
from otakit.conformance.playing import Playing
from otakit.conformance.remote import PREFIX, RemoteStage
from otakit.conformance.runner import Login, Runner
from otakit.conformance.scenarios import HOME
from otakit.errors import ServerRefused, SettingsError, TransportError
from otakit.protocol.packets import Version
from otakit.record.reader import read
from otakit.servers import Server, ThingsBoard

ROOT = Path(__file__).resolve().parent.parent
V3, V5 = Version.MQTT_3_1_1, Version.MQTT_5
KNOBS: dict[str, Any] = {"cache_entries": 4, "core_delay_s": 0.02, "dispatch_latency_s": 0.02}
HEAD = "from otakit.protocol.mqtt import encode\n\n\n"
CALM = '''
def test_scenario_01_calm(stage):
    """A device connects, and no more."""
    stage.fixture().profile
    stage.device()
'''
NEEDY = '''
def test_scenario_02_needy(stage):
    """Silence is short."""
    stage.needs(inactivity_s=10)
    assert stage.device().connack is not None
'''
WRONG = '''
def test_scenario_03_wrong(stage):
    """Nobody is ever accepted."""
    found = stage.device().connack.reason_code
    assert found == 5
'''
ENDLESS = '''
def test_scenario_04_endless(stage):
    """It never ends."""
    stage.fixture().token
    while True:
        stage.passes(0.05)
        stage.rest("GET", "/api/deviceProfileInfo/default")
'''


@pytest.fixture(autouse=True, scope="module")
def _marks(request: pytest.FixtureRequest) -> None:
    """As in the tests of the defects."""
    for name in ("seeded", "over_sockets"):
        request.config.addinivalue_line("markers", f"{name}: of a scenario")


@pytest.fixture(scope="module")
def there() -> Iterator[dict[str, Any]]:
    """A healthy twin in another process, with another seed and other knobs."""
    with finding.another_process(seed=77, **KNOBS) as found:
        yield found


@pytest.fixture(scope="module")
def defective() -> Iterator[dict[str, Any]]:
    """A twin in another process, with three defects."""
    with finding.another_process("session present 0", "a saved package keeps its cached bytes", "409 missing") as found:
        yield found


@pytest.fixture
def asked(there: dict[str, Any], tmp_path: Path) -> Callable[..., Asked]:
    """A command line for it."""

    def made(*words: str) -> Asked:
        server = (f"SERVER={there['url']}", "MQTT={}:{}".format(*there["mqtt"]), f"OUT={tmp_path / 'out'}")
        return understood([*server, *words])

    return made


@pytest.fixture
def login(there: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Login:
    """Its administrator, in the environment too."""
    monkeypatch.setenv("OTAKIT_USER", there["user"])
    monkeypatch.setenv("OTAKIT_PASSWORD", there["password"])
    return Login(there["user"], there["password"])


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Path]:
    """A folder of scenarios of one's own."""

    def written(*texts: str) -> Path:
        for place, text in enumerate(texts):
            (tmp_path / f"test_own_{abs(hash(str(tmp_path)))}_{place}.py").write_text(HEAD + text)
        return tmp_path

    return written


def play(asked: Asked, login: Login, folder: Path = HOME, **options: Any) -> list[Row]:
    """All rows of a run that is tidied up."""
    runner = Runner(asked, login, folder=folder, **options)
    try:
        return list(runner.play(lambda _words, _done, _of: None))
    finally:
        runner.close()


def remaining(there: dict[str, Any]) -> int:
    """How much of any run is on the server."""
    with ThingsBoard(there["url"], "{}:{}".format(*there["mqtt"]), there["user"], there["password"]) as server:
        return len(leftovers(server.operator))


# ------------------------------------------------------------------------------------ what is played


def test_healthy_twin_in_another_process_is_the_same_and_nothing_stays_there(
    asked: Callable[..., Asked], login: Login, there: dict[str, Any]
) -> None:
    """Real scenarios, both versions of MQTT, another seed and other knobs on the other side."""
    rows = play(asked("ONLY=12,21,39"), login)
    assert [(row.name, row.version) for row in rows] == [
        (str(number), version) for number in (12, 21, 39) for version in (V3, V5)
    ]
    assert [row for row in rows if row.outcome is not Outcome.SAME] == []
    assert remaining(there) == 0


def test_defects_of_another_process_are_found_by_the_whole_runner(
    defective: dict[str, Any], login: Login, tmp_path: Path
) -> None:
    """On the wire, in the rules, at the REST door: each in the scenario that is about it, none in another."""
    mqtt = "{}:{}".format(*defective["mqtt"])
    rows = play(Asked(defective["url"], mqtt, (5, 19, 24, 35), (), (V5,), out=str(tmp_path)), login)
    found = {row.name: row.outcome for row in rows}
    assert found == {"5": Outcome.SAME, **dict.fromkeys(("19", "24", "35"), Outcome.DIFFERENT)}


def test_whole_update_is_a_row_and_reaches_updated(
    asked: Callable[..., Asked], login: Login, there: dict[str, Any], tmp_path: Path
) -> None:
    """Our own client, from CONNECT to the image that runs."""
    (row,) = play(asked("ONLY=update", "VERSION=5"), login)
    assert (row.name, row.outcome, row.why, row.difference) == ("update", Outcome.SAME, "", None)
    (folder,) = (tmp_path / "out").iterdir()
    assert all(read(folder / path).cut is None for path in row.recordings)
    assert remaining(there) == 0


def test_suite_is_played_call_by_call(
    asked: Callable[..., Asked], login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call of the operator is a row; one that fails on the server says why."""

    def fails_there(server: Server) -> None:
        if not server.is_twin:
            raise ServerRefused("the server answered 500", 500)

    calls = [("a profile is made", lambda server: server.add_profile(f"{PREFIX}x")), ("it works", fails_there)]
    monkeypatch.setattr("otakit.conformance.extras.suite", lambda: calls)
    good, bad = play(asked("ONLY=suite"), login)
    assert (good.sentence, good.outcome) == ("a profile is made", Outcome.SAME)
    assert (bad.outcome, bad.why) == (
        Outcome.DIFFERENT,
        "the claim fails on the server: ServerRefused: the server answered 500",
    )


def test_scenario_that_needs_a_knob_says_which_setting_it_wants(
    asked: Callable[..., Asked], login: Login, own: Callable[..., Path]
) -> None:
    """ThingsBoard's own name of it; with KNOBS=… the user says that it is set, and the scenario is played."""
    folder = own(NEEDY)
    (row,) = play(asked("ONLY=2", "VERSION=3"), login, folder)
    assert row.outcome is Outcome.NOT_APPLICABLE
    assert "TB_TRANSPORT_SESSIONS_INACTIVITY_TIMEOUT" in row.why
    (row,) = play(asked("ONLY=2", "VERSION=3", "KNOBS=inactivity_s=10"), login, folder)
    assert row.outcome is Outcome.SAME


def test_claim_that_fails_is_told_in_words_and_the_run_goes_on(
    asked: Callable[..., Asked], login: Login, own: Callable[..., Path]
) -> None:
    """What was claimed, and the values in it."""
    wrong, calm = play(asked("ONLY=1,3", "VERSION=3"), login, own(WRONG, CALM))[::-1]
    assert wrong.outcome is Outcome.DIFFERENT
    assert wrong.why == "the claim fails on both: found == 5 does not hold; found is 0"
    assert calm.outcome is Outcome.SAME


def test_scenario_that_does_not_end_is_broken_off_and_removed(
    asked: Callable[..., Asked], login: Login, own: Callable[..., Path], there: dict[str, Any]
) -> None:
    """At its deadline; the next one is played."""
    rows = play(asked("ONLY=1,4", "VERSION=5"), login, own(CALM, ENDLESS), deadline_s=1.0)
    assert [row.outcome for row in rows] == [Outcome.SAME, Outcome.DIFFERENT]
    assert "did not end within 1 s" in rows[1].why
    assert remaining(there) == 0


# --------------------------------------------------------------------------------------- the command


def said(asked: Asked) -> tuple[int, str]:
    """Exit status and what is printed."""
    out = io.StringIO()
    return command.run(asked, Console(file=out, width=200)), out.getvalue()


def test_table_and_recordings_are_written_without_a_secret(
    asked: Callable[..., Asked], login: Login, tmp_path: Path
) -> None:
    """Markdown for people, CSV for machines, both sides of each scenario as recordings that open in Wireshark."""
    status, printed = said(asked("ONLY=9,34"))
    assert status == command.SAME
    assert "4 same, 0 different, 0 not applicable" in printed
    (folder,) = (tmp_path / "out").iterdir()
    table = (folder / "table.md").read_text(encoding="utf-8")
    assert "ThingsBoard 4.3.1.3" in table
    assert "| 9 | " in table
    rows = list(csv.DictReader(io.StringIO((folder / "table.csv").read_text(encoding="utf-8"))))
    assert [(row["scenario"], row["MQTT"], row["outcome"]) for row in rows[:2]] == [
        ("9", "3.1.1", "same"),
        ("9", "5", "same"),
    ]
    pairs = rows[0]["recordings"].split()
    assert [path.rpartition(".")[0].rpartition(".")[2] for path in pairs] == ["server", "twin"]
    recordings = sorted(folder.glob("recordings/*.pcapng"))
    assert len(recordings) == 8
    for path in recordings:
        assert read(path).cut is None
        assert login.password.encode() not in path.read_bytes().replace(b"tenant_", b"")


def test_token_is_in_no_file(
    asked: Callable[..., Asked], login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the table nor in a recording, also where it stands in the path of a call."""
    seen: set[str] = set()
    original = RemoteStage.rest

    def rest(stage: RemoteStage, method: str, path: str, **options: object) -> Any:
        answer = original(stage, method, path, **options)
        if path.endswith("/credentials") and isinstance(answer.body, dict):
            seen.add(answer.body["credentialsId"])
        return answer

    monkeypatch.setattr(RemoteStage, "rest", rest)
    said(asked("ONLY=34,39", "VERSION=3"))
    assert seen
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [(path, token) for path in files for token in seen if token.encode() in path.read_bytes()]


def test_difference_ends_with_one_and_shows_both_sides(defective: dict[str, Any], login: Login, tmp_path: Path) -> None:
    """In the terminal as in the files."""
    words = ["SERVER={url}".format(**defective), "MQTT={}:{}".format(*defective["mqtt"]), f"OUT={tmp_path}"]
    status, printed = said(understood([*words, "ONLY=24", "VERSION=3"]))
    assert status == command.DIFFERENT
    for side, present in (("server:", 0), ("twin:  ", 1)):
        assert f"{side} CONNACK 0x00 (accepted), session present {present}" in printed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a thread cut off leaves its socket
def test_interrupted_run_tidies_up_and_keeps_what_it_has(
    asked: Callable[..., Asked], login: Login, there: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a scenario: 130, nothing left on the server, a table that says so."""
    original, once = Playing.wait, iter([True])

    def wait(playing: Playing, seconds: float) -> bool:
        is_under_way = len(playing.transcript.names) > 1  # it has made things
        if is_under_way and next(once, False):
            raise KeyboardInterrupt
        return original(playing, min(seconds, 0.01))

    monkeypatch.setattr(Playing, "wait", wait)
    status, _ = said(asked("ONLY=1"))
    assert status == command.INTERRUPTED
    assert next(once, None) is None
    (folder,) = (tmp_path / "out").iterdir()
    assert "ended early: interrupted" in (folder / "table.md").read_text(encoding="utf-8")
    assert remaining(there) == 0


def test_clean_removes_what_a_killed_run_left_and_nothing_else(
    asked: Callable[..., Asked], login: Login, there: dict[str, Any]
) -> None:
    """By the beginning of the name; a device of somebody else stays."""
    killed = RemoteStage(there["url"], "{}:{}".format(*there["mqtt"]), login.user, login.password)
    killed.fixture().assign_profile(killed.fixture().a)
    killed.fixture().assign(killed.fixture().b, dispatched=False)
    killed._operator.close()
    with ThingsBoard(there["url"], "{}:{}".format(*there["mqtt"]), login.user, login.password) as server:
        server.add_device("somebody's")
        assert remaining(there) == 4
        _, printed = said(asked("ONLY=9", "VERSION=3"))
        assert "4 things of an earlier run are still there" in printed
        status, printed = said(asked("CLEAN=1"))
        assert (status, remaining(there)) == (command.SAME, 0)
        assert "4 of 4 things" in printed
        assert server.operator.device_named("somebody's") is not None
        server.clean_up()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"server": "http://127.0.0.1:9"}, "nobody answers"),
        ({"server": "127.0.0.1"}, "http://host:8080"),
        ({"mqtt": "127.0.0.1:9"}, "nobody answers"),
        ({"password": "wrong"}, "password is wrong"),
        ({"only": "77"}, "no scenario 77"),
    ],
)
def test_run_that_cannot_begin_is_one_clear_line_and_status_two(
    wrong: dict[str, str],
    words: str,
    there: dict[str, Any],
    login: Login,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong address, a refused login, a number that is not there."""
    monkeypatch.setenv("OTAKIT_PASSWORD", wrong.get("password", login.password))
    mqtt = "{}:{}".format(*there["mqtt"])
    given = [
        f"SERVER={wrong.get('server', there['url'])}",
        f"MQTT={wrong.get('mqtt', mqtt)}",
        f"ONLY={wrong.get('only', '9')}",
    ]
    with pytest.raises(SystemExit) as ended:
        command.main(given)
    assert ended.value.code == command.CANNOT_RUN
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_address_that_speaks_no_mqtt_is_named(there: dict[str, Any], login: Login, tmp_path: Path) -> None:
    """The HTTP door in place of the MQTT door: found before anything is played."""
    asked = Asked(there["url"], "{}:{}".format(*there["http"]), (9,), (), (V3,), out=str(tmp_path))
    with pytest.raises(TransportError, match="no MQTT server"):
        Runner(asked, login)


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """And ends well when it was asked for."""
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in ("SERVER", "MQTT", "ONLY", "VERSION", "KNOBS", "CLEAN", "OTAKIT_USER"):
        assert name in text


def test_verb_of_make_hands_its_options_on_and_teaches_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make conformance SERVER=… ONLY=…` is the command; alone it says how."""
    spec = importlib.util.spec_from_file_location("kit_of_conformance", ROOT / "kit.py")
    assert spec is not None
    assert spec.loader is not None
    kit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kit)
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(kit, "set_up", lambda _kind: None)

    def run(*words: str) -> int:
        ran.append(words)
        return 0

    monkeypatch.setattr(kit, "run", run)
    assert kit.main(["conformance", "SERVER=http://h:8080", "ONLY=5,12", "--clean"]) == 0
    assert kit.main(["conformance"]) == 0
    start = ("-m", "otakit.conformance")
    assert ran == [(*start, "SERVER=http://h:8080", "ONLY=5,12", "--clean"), (*start, "help")]


# -------------------------------------------------------------------------------------- what is asked


def test_options_are_understood() -> None:
    """Numbers and words in ONLY, versions, knobs with commas of their own."""
    asked = understood(
        ["SERVER=http://h", "ONLY=5,update", "VERSION=3.1.1", "KNOBS=device_messages=20:1,600:60,inactivity_s=10"]
    )
    assert (asked.numbers, asked.extras, asked.versions) == ((5,), ("update",), (V3,))
    assert dict(asked.knobs) == {"device_messages": "20:1,600:60", "inactivity_s": 10.0}
    assert understood(["SERVER=http://h"]).numbers is None


@pytest.mark.parametrize(
    "word",
    ["ONLY=x", "VERSION=4", "KNOBS=nope=1", "KNOBS=inactivity_s=soon", "KNOBS=inactivity_s=0", "SPEED=9", "hello"],
)
def test_option_that_cannot_be_understood_is_named(word: str) -> None:
    """One sentence that has the word in it."""
    with pytest.raises(SettingsError, match=word.partition("=")[0]):
        understood(["SERVER=http://h", word])
    with pytest.raises(SettingsError, match="SERVER"):
        understood([])


def test_wrong_login_is_no_traceback_of_a_secret(there: dict[str, Any], tmp_path: Path) -> None:
    """Neither the error nor the login shows the password."""
    wrong = Login("somebody", "s3cret-word")
    asked = Asked(there["url"], "{}:{}".format(*there["mqtt"]), (9,), (), out=str(tmp_path))
    with pytest.raises(ServerRefused) as refused:
        Runner(asked, wrong)
    assert "s3cret-word" not in f"{refused.value} {wrong!r} {json.dumps(str(refused.value))}"
