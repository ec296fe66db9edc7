"""Text to pictures: what comes out, what is refused, and that nothing else ever happens."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import otakit
from otakit.diagrams import engine, names, render
from otakit.diagrams.plantuml import diagram, source_of
from otakit.errors import DiagramError, SettingsError

pytestmark = pytest.mark.needs("engine")
SVG = "{http://www.w3.org/2000/svg}"
SMALL = 'title 升级 **now**\nparticipant Device as A\nA -> B : hello 中文\nnote over A : mono ""x""\nB --> A : ok'
ENGINE_ERROR = re.compile(r"#33FF02|\[From textarea|Diagram not supported")


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_sequence_is_drawn_with_its_words_as_text() -> None:
    """Participants, labels and notes stay text, Chinese too."""
    drawn = render(SMALL)
    assert {"Device", "B", "hello 中文", "ok"} <= set(texts(drawn.svg))
    assert (drawn.title, drawn.drawn_by, drawn.warnings) == ("升级 now", "engine", ())
    assert drawn.text.splitlines()[0] == "Device → B: hello 中文"


def test_the_picture_has_ground_title_description_and_role() -> None:
    """It can be read on a dark page, and by who does not see it."""
    root = ET.fromstring(render(SMALL).svg)
    assert root.get("role") == "img"
    assert [child.tag.removeprefix(SVG) for child in root][:3] == ["title", "desc", "rect"]
    assert root[0].text == "升级 now"
    assert "Device → B: hello 中文" in (root[1].text or "")
    assert root[2].get("fill") == "#FFFFFF"


def test_every_text_has_its_length_and_a_family_that_browsers_know() -> None:
    """The same widths everywhere; no `monospaced`, and the source is not repeated inside."""
    svg = render(SMALL).svg
    written = [node for node in ET.fromstring(svg).iter(f"{SVG}text") if "".join(node.itertext()).strip()]
    assert all(node.get("textLength") for node in written)
    assert "monospaced" not in svg
    assert 'font-family="monospace"' in svg
    assert "<?plantuml" not in svg


def test_no_text_leaves_the_picture() -> None:
    """What the table of widths says fits into the view box."""
    for name in names():
        root = ET.fromstring(diagram(name).svg)
        width = float(root.get("width", 0))
        for node in root.iter(f"{SVG}text"):
            left = float(node.get("x", 0))
            assert left >= 0, (name, "".join(node.itertext()))
            assert left + float(node.get("textLength", 0)) <= width, (name, "".join(node.itertext()))


def test_the_same_text_gives_the_same_bytes_in_a_new_engine() -> None:
    """Pictures are committed and compared."""
    before = render(SMALL + "\n' first").svg
    engine.close()
    assert before.replace("x", "y") == render(SMALL + "\n' first").svg.replace("x", "y")
    engine.close()
    again = engine.answer(["@startuml", *SMALL.split("\n"), "@enduml"], "p-").svg
    assert again == engine.answer(["@startuml", *SMALL.split("\n"), "@enduml"], "p-").svg


def test_ids_of_two_diagrams_do_not_meet_on_one_page() -> None:
    """Each picture's ids begin with its own prefix."""
    first, second = render("[*] --> A\nA --> B"), render("[*] --> A\nA --> C")
    ids = [set(re.findall(r' id="([^"]+)"', one.svg)) for one in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize(
    "text",
    [
        "[*] --> Idle\nIdle --> Busy : go\nBusy --> [*]",
        "class A {\n x : int\n}\nA <|-- B",
        "start\nif (x) then (y)\n:a;\nelse (n)\n:b;\nendif\nstop",
        "@startmindmap\n* a\n** b\n@endmindmap",
        '@startjson\n{"a": 1}\n@endjson',
        "@startgantt\n[a] lasts 3 days\n@endgantt",
        "!theme plain\nA -> B : <&check> icon",
        "A -> B\n...\nref over A, B : x\nA -> B\ncreate C\nB -> C\ndestroy C\nhnote over A : h\n||20||",
    ],
)
def test_other_kinds_are_drawn_too(text: str) -> None:
    """States, classes, activities, mind maps, JSON, Gantt; icons and themes that came along."""
    drawn = render(text)
    assert drawn.drawn_by == "engine"
    assert not ENGINE_ERROR.search(drawn.svg)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("A -> B\nfoo bar", 2, "foo bar"),
        ("@startuml\n\n' c\nA -> B\n!bad\n@enduml", 5, ""),
        ("A -> B\r\nfoo bar\r\n", 2, "foo bar"),
        ("A -> B : x\\\ny\nfoo bar", 3, "foo bar"),
        ("A -> B\nloop 3\nB -> A", 2, "never closed"),
        ("participant A\nclass Foo\nA -> B", 2, "class Foo"),
        ("A -> B : <:smile:>", 1, "emoji"),
        ("A -> B\nreturn x", 2, "answers nothing"),
        ("@startuml\n@enduml", 1, "mpty"),
    ],
)
def test_a_mistake_is_an_error_with_its_line(text: str, line: int, says: str) -> None:
    """Never a picture of green and red text."""
    with pytest.raises(DiagramError) as caught:
        render(text)
    assert caught.value.line is not None
    assert abs(caught.value.line - line) <= (1 if "@startuml\n@enduml" in text else 0)
    assert says in str(caught.value)


def test_words_of_an_error_inside_a_note_are_no_error() -> None:
    """The engine's error picture is recognised by order and colour, not by words."""
    render("A -> B : PlantUML version 1\nnote over A : [From textarea (line 3) ]\\nSyntax Error?")


def test_several_pages_come_under_each_other() -> None:
    """Nothing is dropped."""
    drawn = render("A -> B : one\nnewpage\nB -> A : two")
    assert {"one", "two"} <= set(texts(drawn.svg))
    assert drawn.text.splitlines() == ["A → B: one", "B → A: two"]
    assert "one" in texts(render("@startuml\nA->B : one\n@enduml\n@startuml\nB->A : two\n@enduml").svg)


def test_advice_of_the_engine_is_a_warning_and_not_in_the_picture() -> None:
    """The yellow banner."""
    drawn = render("skinparam ParticipantPadding 20\nA -> B")
    assert "Please use" not in drawn.svg
    assert drawn.warnings == ("the engine advises: Please use CSS style instead of skinparam ParticipantPadding",)


def test_what_stays_empty_offline_is_a_warning() -> None:
    """Environment and files are not read, and the user hears of it."""
    assert "stays empty" in render('A -> B : %getenv("HOME")').warnings[0]
    assert "x" in [text.strip() for text in texts(render('A -> B : x %getenv("HOME")').svg)]


def test_a_loop_without_end_is_stopped_with_its_line() -> None:
    """By the engine itself, or by the limit of time."""
    with pytest.raises(DiagramError):
        render("!while (1==1)\nA -> B\n!endwhile")


def test_nesting_without_measure_is_one_sentence() -> None:
    """Where the engine's stack ends."""
    with pytest.raises(DiagramError, match="nested too deeply"):
        render("\n".join([*["group x"] * 5000, "A -> B", *["end"] * 5000]))


def test_include_reads_below_the_root_and_nowhere_else(tmp_path: Path) -> None:
    """Links are resolved first; an error in the included file names it."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.puml").write_text("A -> B : secret")
    (root / "part.puml").write_text("@startuml\nB -> A : included\n@enduml")
    (root / "wrong.puml").write_text("A -> B\nfoo bar")
    assert "included" in texts(render("A -> B\n!include part.puml", root=root).svg)
    with pytest.raises(DiagramError, match="lies outside"):
        render("A -> B\n!include ../secret.puml", root=root)
    with pytest.raises(DiagramError, match=r"line 2: .*\(in wrong.puml\)"):
        render("!include wrong.puml", root=root)
    with pytest.raises(DiagramError, match="cannot include"):
        render("!include nothing.puml", root=root)


def test_a_hostile_svg_stays_text() -> None:
    """No script, no markup of the user's in the picture."""
    svg = render('A -> B : <script>alert(1)</script> & "x" [[javascript:alert(1) link]]').svg
    assert not list(ET.fromstring(svg).iter(f"{SVG}script"))
    assert "javascript:" not in svg.replace("A → B", "").split("</desc>")[1]


@settings(max_examples=80)
@example("@startuml\n@enduml")
@example("A -> B : ]]>")
@example("@startuml\n!include a\n@enduml")
@example("\ufeff@startuml\nA->B\n@enduml")
@given(
    st.text(max_size=120)
    | st.lists(
        st.sampled_from(
            ["A -> B", "A -> B : x", "loop", "end", "note left", "end note", "participant A", "@startuml", "@enduml",
             "newpage", "title x", "!if (1)", "!endif", "class Foo", "[*] --> A", "skinparam x y", "<style>", "}", "{",
             "start", ":a;", "if (a) then", "endif", "autonumber", "return x", "activate A", "|", "\x00", "中 -> 文"]
        ),
        max_size=8,
    ).map("\n".join)
)  # fmt: skip
def test_any_text_gives_a_picture_or_one_error(text: str) -> None:
    """Never an exception of the engine, never the engine's own error picture, always valid XML."""
    try:
        drawn = render(text)
    except DiagramError:
        return
    assert not ENGINE_ERROR.search(drawn.svg)
    ET.fromstring(drawn.svg)


def test_a_diagram_of_the_article_is_found_by_its_name() -> None:
    """Any other text is drawn as it is; an unknown name is told the known ones."""
    assert otakit.diagram("request-firmware-chunks").title == "Request firmware chunks"
    assert source_of("whole-update.puml") == source_of("whole-update")
    assert diagram("A -> B : x").title == "Sequence diagram"
    with pytest.raises(SettingsError, match="there are device-overrides-profile, report-firmware-status"):
        diagram("request-firmware-chunk")
