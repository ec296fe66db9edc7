"""Diagrams that cannot be followed: each says what is wrong, where, and what to do."""

from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otakit.diagrams.held import held_against
from otakit.errors import DiagramError, SettingsError
from otakit.protocol.messages import Direction, Telemetry

A = 'TBDev -> TBSrv : Telemetry: {"a":1}'

ASKED = "TBDev -> TBSrv : ChunkRequest: {}"

WRONG = {
    "an unclosed group": (f"loop\n{A}", 1, "write `end`"),
    "a group that closes nothing": (f"{A}\nend", 2, "never opened"),
    "an unknown participant": ("Pump -> TBSrv : Telemetry: x", 1, "participant `Pump` is none of TBDev"),
    "a row that the table does not have": ("TBDev -> TBSrv : Telemetri: x", 1, "is it Telemetry?"),
    "no label at all": ("TBDev -> TBSrv", 1, "an empty label"),
    "the wrong way": ("TBSrv -> TBDev : ChunkRequest: x", 1, "goes to server, this arrow goes to device"),
    "two heads": ("TBDev <-> TBSrv : PubAck: x", 1, "draw one arrow for each"),
    "nobody at one end": ("[-> TBSrv : Telemetry: x", 1, "name both participants"),
    "a return": (f"{A.replace(' :', ' ++ :')}\nreturn ok", 2, "draw the answer as an arrow"),
    "an else in a loop": (f"loop\n{A}\nelse\n{A}\nend", 1, "`else` belongs to alt and par"),
    "a return without a life line": (f"{A}\nreturn ok", 2, "draw the answer as an arrow"),
    "an else outside": (f"{A}\nelse\n{A}", 2, "stands in no fragment"),
    "a new page": (f"{A}\nnewpage\n{A}", 2, "begins another picture"),
    "an elseif": (f"alt\n{A}\nelseif x\n{A}\nend", 3, "`elseif x` cannot be read"),
    "an and of another tool": (f"par\n{A}\nand\n{A}\nend", 3, "`and` cannot be read"),
    "an if": (f"if (x) then\n{A}\nendif", 1, "cannot be read"),
    "an arrow of another tool": (f"{A}\nTBDev => TBSrv : Telemetry: x", 2, "arrows are written as TBDev -> TBSrv"),
    "an arrow at the same time": (f"{A}\n& {A}", 2, "cannot be read"),
    "an arrow with a stereotype": (A.replace(" :", " <<x>> :"), 1, "cannot be read"),
    "an arrow that slants": (A.replace("->", "->(10)"), 1, "cannot be read"),
    "an arrow with an anchor": (f"{{start}} {A}", 1, "cannot be read"),
    "an arrow behind a comment": (f"/' first '/ {A}", 1, "give the comment a line of its own"),
    "a number as ThingsBoard writes it": (ASKED.format("v2/fw/request/${id}/chunk/${n}"), 1, "as {any id}"),
    "a number left open": (ASKED.format("v2/fw/request/…/chunk/…"), 1, "`v2/fw/request/…/chunk/…` cannot be read"),
    "a number in angle brackets": (ASKED.format("v2/fw/request/<id>/chunk/<n>"), 1, "in braces"),
    "a filter for a topic": (ASKED.format("v2/fw/request/+/chunk/+"), 1, "is a filter"),
    "a name with a dash": (ASKED.format("v2/fw/request/{request-id}/chunk/{n}"), 1, "`{request-id}` is no name"),
    "a topic of another row": (ASKED.format("v2/fw/response/1/chunk/0"), 1, "not of ChunkRequest"),
    "a topic misspelt": (ASKED.format("v2/fw/reqest/1/chunk/0"), 1, "a topic of OtherPublish"),
    "a state misspelt": (A.replace('"a":1', '"fw_state":"DOWNLAODING"'), 1, "is it DOWNLOADING?"),
    "a state in small letters": (A.replace('"a":1', '"sw_state":"updated"'), 1, "is it UPDATED?"),
    "a state of nobody": (A.replace('"a":1', '"fw_state":"DONE"'), 1, "there are DOWNLOADED, DOWNLOADING"),
    "a word misspelt": (A.replace('{"a":1}', "fw_state DOWNLAODING"), 1, "is it DOWNLOADING?"),
    "keys without quotes": (A.replace('"a":1', "fw_state: UPDATED"), 1, "its keys stand in quotes"),
    "keys in other quotes": (A.replace('"a":1', "'fw_state': 'UPDATED'"), 1, "its keys stand in quotes"),
    "a key alone": (A.replace('"a":1', "fw_state"), 1, "its keys stand in quotes"),
    "a loop that never runs": (f"loop 0 times\n{A}\nend", 1, "write a number above 0"),
    "a loop in which nothing may wait": (f"loop at most 0 unanswered\n{A}\nend", 1, "write a number above 0"),
    "a reference": (f"{A}\nref over TBDev : the rest", 2, "draw them here"),
    "a reference of several lines": (f"{A}\nref over TBDev\nthe rest\nend ref", 2, "draw them here"),
    "a macro that does not end": (f"!procedure $ask()\n{A}", 1, "write `!endprocedure`"),
    "a macro": (f"!procedure $ask()\n{A}\n!endprocedure\n$ask()", 1, "write its lines out"),
    "a call of a macro": (f"{A}\n$ask()", 2, "write its lines out"),
    "a note that does not end": (f"{A}\nnote left of TBDev\ntext", 2, "write `end note`"),
    "two diagrams": (f"@startuml\n{A}\n@enduml\n@startuml\n{A}\n@enduml", None, "has 2 pictures"),
    "another kind": ("@startmindmap\n* a\n@endmindmap", None, "one sequence diagram"),
    "no arrow": ("@startuml\nparticipant TBDev\n@enduml", 1, "no arrow"),
    "nothing": (" \n", None, "the source is empty"),
    "an include without a folder": ("!include other.puml", 1, "paste it here"),
}


def letters(tape: Callable[..., Any], count: int = 1) -> Any:
    film = tape().connect()
    for _ in range(count):
        film.publish(Direction.TO_SERVER, Telemetry({"a": 1}))
    return film.entries


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_followed_says_why_and_where(tape: Callable[..., Any], wrong: str) -> None:
    """With the line, and what to write instead."""
    source, line, text = WRONG[wrong]
    with pytest.raises(DiagramError, match=re.escape(text)) as raised:
        held_against(letters(tape), source + "\n")
    assert raised.value.line == line


def test_nested_too_deeply(tape: Callable[..., Any]) -> None:
    """Told before Python's own limit."""
    source = "loop\n" * 500 + A + "\nend" * 500
    with pytest.raises(DiagramError, match="line 102: nested deeper than 100 fragments"):
        held_against(letters(tape), source)


DRAWN = """\
@startuml
/' block
TBDev -> TBSrv : nonsense
'/
/' one '/ /' two '/
!pragma teoz true
!theme plain
skin rose
skinparam sequence {
  ArrowColor red
}
SkinParam monochrome true
Title
TBDev -> TBSrv : nonsense
End Title
left header TBDev -> TBSrv : nonsense
mainframe sd
hide footbox
scale 2
autonumber "<b>[000]"
sprite $x [4x4/16] {
0000
}
box "Field" #LightBlue
participant TBDev [
  = Device
  ----
  TBDev -> TBSrv : nonsense
] #gold
end box
database "The server" as TBSrv <<server>> order 20
create actor TBOper
== TBDev -> TBSrv : nonsense ==
Note over TBDev, TBSrv
TBDev -> TBSrv : nonsense
End Note
hnote across : TBDev -> TBSrv : nonsense
/ note over TBSrv : u
...
... 5 minutes ...
|||
||45||
activate TBDev #red
ARROW
note right : TBDev -> TBSrv : nonsense
deactivate TBDev
autonumber stop
destroy TBSrv
caption x
legend right
TBDev -> TBSrv : nonsense
endlegend
url of TBDev is [[http://example.org]]
@enduml
"""


def test_what_draws_no_arrow_is_passed_over(tape: Callable[..., Any]) -> None:
    """All that the engine draws, in its own spelling: words in capitals, too."""
    verdict = held_against(letters(tape), DRAWN.replace("ARROW", A))
    assert verdict
    assert verdict.kept == 1


# ---- files ---------------------------------------------------------------------------------------------------


def test_a_file_may_include_another_of_its_folder(tape: Callable[..., Any], tmp_path: Path) -> None:
    """As it may when it is drawn."""
    (tmp_path / "inner.puml").write_text(f"@startuml\n{A}\n@enduml\n", encoding="utf-8")
    (tmp_path / "outer.puml").write_text(f"@startuml\n!include inner.puml\n{A}\n@enduml\n", encoding="utf-8")
    assert held_against(letters(tape, 2), tmp_path / "outer.puml")
    verdict = held_against(letters(tape, 1), str(tmp_path / "outer.puml"))
    assert str(verdict.promised) == f"line 3: {A.partition(' : ')[2]}"


@pytest.mark.parametrize(
    ("name", "text"),
    [("../secret.puml", "outside"), ("self.puml", "does a file include itself?"), ("none.puml", "cannot include")],
)
def test_an_include_that_is_not_allowed_names_its_line(
    tape: Callable[..., Any], tmp_path: Path, name: str, text: str
) -> None:
    """Outside the folder, of itself, of nothing."""
    (tmp_path / "secret.puml").write_text(A, encoding="utf-8")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "self.puml").write_text(f"@startuml\n{A}\n!include {name}\n@enduml\n", encoding="utf-8")
    with pytest.raises(DiagramError, match="line 3") as raised:
        held_against(letters(tape), folder / "self.puml")
    assert text in str(raised.value)


def test_an_error_in_an_included_file_names_that_file(tape: Callable[..., Any], tmp_path: Path) -> None:
    """The line counts there."""
    (tmp_path / "inner.puml").write_text("\nTBDev -> TBSrv : Telemetri: x\n", encoding="utf-8")
    (tmp_path / "outer.puml").write_text("!include inner.puml\n", encoding="utf-8")
    with pytest.raises(DiagramError, match=r"line 2: .*\(in inner.puml\)"):
        held_against(letters(tape), tmp_path / "outer.puml")


@pytest.mark.parametrize(
    ("name", "text"), [("no-such-diagram", "there are device-overrides-profile"), ("nowhere/at.puml", "cannot be read")]
)
def test_an_unknown_name_lists_what_there_is(tape: Callable[..., Any], name: str, text: str) -> None:
    """And a file that is not there is said to be so."""
    with pytest.raises(SettingsError, match=text):
        held_against(letters(tape), name)


def test_a_name_may_have_its_ending() -> None:
    """As in a folder; where there is no such file."""
    assert held_against([], "whole-update.puml").name == "whole-update"


def test_a_file_that_is_no_text_is_refused(tape: Callable[..., Any], tmp_path: Path) -> None:
    """Without a traceback of Python's."""
    (tmp_path / "picture.puml").write_bytes(b"\x89PNG\xff")
    with pytest.raises(SettingsError, match="save it as UTF-8"):
        held_against(letters(tape), tmp_path / "picture.puml")


def test_a_huge_file_is_not_read_to_its_end(tape: Callable[..., Any], tmp_path: Path) -> None:
    """Recording and diagram are easily confused."""
    with (tmp_path / "large.puml").open("wb") as file:
        file.truncate(50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(SettingsError, match=r"is longer than 1,000,000 bytes; is it a diagram\?"):
            held_against(letters(tape), tmp_path / "large.puml")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


# ---- sizes ---------------------------------------------------------------------------------------------------


def test_ten_thousand_lines_are_followed(tape: Callable[..., Any]) -> None:
    """One difference among them is found where it is."""
    source = "\n".join([A] * 9_999 + [A.replace('"a"', '"b"')])
    entries = letters(tape, 200)
    began = time.process_time()
    verdict = held_against(entries, source)
    assert (verdict.kept, verdict.promised.line if verdict.promised else 0) == (200, 201)
    assert time.process_time() - began < 20


def test_a_diagram_with_too_many_readings_is_refused(tape: Callable[..., Any]) -> None:
    """In a moment, and it says what would tell them apart."""
    source = "\n".join(["par", *(f"loop\n{A}\n{A}\nend\nelse" for _ in range(12)), A, "end"])
    with pytest.raises(DiagramError, match="can be read in too many ways; tell its alternatives apart"):
        held_against(letters(tape, 30), source)


def test_many_readings_of_a_long_recording_are_refused_in_time(tape: Callable[..., Any]) -> None:
    """Few for each packet are too many for a thousand: 40 would have taken 20 seconds, 200 some minutes."""
    source = "\n".join(["loop", *(f"opt\n{A}\nend" for _ in range(40)), "end"])
    entries = letters(tape, 1_000)
    began = time.process_time()
    with pytest.raises(DiagramError, match=r"line \d+: one packet may keep this arrow or others"):
        held_against(entries, source)
    assert time.process_time() - began < 10
