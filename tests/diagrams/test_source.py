"""Source text: limits, pages, includes, lines that say something; all without an engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.diagrams.source import MAX_LINE_CHARACTERS, MAX_LINES, Line, cleaned, included, joined, pages, statements
from otakit.errors import DiagramError


def lines_of(text: str) -> list[Line]:
    return cleaned(text)[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("\n  \n", "empty"),
        ("A -> B\n" * 200_000, "longer than 1,000,000 bytes"),
        ("\n" * (MAX_LINES + 1), "more than 20,000"),
        ("A -> B : " + "x" * MAX_LINE_CHARACTERS, "more than 4,000"),
    ],
)
def test_text_beyond_a_limit_is_refused(text: str, says: str) -> None:
    """Each limit is named, with what to do."""
    with pytest.raises(DiagramError, match=says):
        cleaned(text)


def test_control_characters_and_lone_surrogates_are_taken_out_and_told() -> None:
    """XML has no room for them, and the engine would pass them on."""
    lines, warnings = cleaned("A -> B : x\x00y\ud800z\x1b")
    assert lines[0].text == "A -> B : xyz"
    assert warnings == ["3 control characters removed"]


def test_line_endings_of_every_system_give_the_same_lines() -> None:
    """CRLF, CR and LF."""
    assert lines_of("a\r\nb\rc\nd") == lines_of("a\nb\nc\nd")


def test_text_without_startuml_is_one_diagram_with_the_same_line_numbers() -> None:
    """As in a Sphinx directive or a notebook cell."""
    (page,) = pages(lines_of("A -> B\nB -> A"))
    assert page.text == ["@startuml", "A -> B", "B -> A", "@enduml"]
    assert [line.number for line in page.lines] == [1, 1, 2, 2]


def test_two_diagrams_in_one_text_are_two_pages() -> None:
    """The engine would drop the second without a word."""
    found = pages(lines_of("@startuml\nA->B\n@enduml\n' between\n@startuml\nB->A\n@enduml"))
    assert [page.text[1] for page in found] == ["A->B", "B->A"]


def test_newpage_cuts_and_keeps_participants_and_look() -> None:
    """The second page has the participants of the first and its own title."""
    text = "@startuml\nparticipant A order 2\nskinparam shadowing false\nA->B\nnewpage Second\nB->A\n@enduml"
    first, second = pages(lines_of(text))
    assert first.text[-1] == "@enduml"
    assert second.text == [
        "@startuml",
        "participant A order 2",
        "skinparam shadowing false",
        "title Second",
        "B->A",
        "@enduml",
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("hello\n@startuml\nA->B\n@enduml", 1, "text outside a diagram"),
        ("@startuml\nA->B\n@enduml\nB->A", 4, "text outside a diagram"),
        ("@startuml\nA->B", 1, "never ended"),
        ("@startuml\nA->B\n@startuml\n@enduml", 1, "no @enduml before the next"),
        ("A->B\n@enduml", 2, "never began"),
        ("@startuml\nA->B\n@endjson", 3, "ends what"),
        ("@startsalt\n{}\n@endsalt", 1, "not supported"),
    ],
)
def test_a_diagram_that_does_not_begin_or_end_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    """Where it begins, or where the foreign text stands."""
    with pytest.raises(DiagramError, match=says) as caught:
        pages(lines_of(text))
    assert caught.value.line == line


@pytest.mark.parametrize(
    "include",
    ["!include /etc/passwd", "!include x.puml", "!includeurl http://a/b", "!import x.zip", "!INCLUDE <C4/C4>",
     "!includesub a!B", "!theme x from /tmp", "!include https://a/b.puml"],
)  # fmt: skip
def test_every_include_is_refused_without_a_root(include: str) -> None:
    """Nothing outside the text is read."""
    with pytest.raises(DiagramError, match="read") as caught:
        included(lines_of(f"A -> B\n{include}"), None)
    assert caught.value.line == 2


def test_included_lines_remember_their_file() -> None:
    """An error in an included file names that file and its line."""
    inner = [Line(1, "@startuml", "style.puml"), Line(2, "foo", "style.puml"), Line(3, "@enduml", "style.puml")]
    found = included(lines_of("A -> B\n!include style.puml\nB -> A"), lambda _name: inner)
    assert [(line.number, line.file) for line in found] == [(1, ""), (2, "style.puml"), (3, "")]
    assert "in style.puml" in str(found[1].error("wrong"))


def test_a_file_that_includes_itself_ends() -> None:
    """Depth is limited."""
    with pytest.raises(DiagramError, match="deeper than eight"):
        included(lines_of("!include a"), lambda _name: [Line(1, "!include a", "a")])


def test_continued_lines_count_as_the_first_of_them() -> None:
    """The engine counts a line that ends in a backslash and the next as one."""
    assert joined(lines_of("A -> B : x\\\ny\nfoo")) == [Line(1, "A -> B : xy"), Line(3, "foo")]


def test_text_inside_notes_comments_legends_and_styles_says_nothing() -> None:
    """Only what is drawn as a statement remains."""
    text = (
        "' A -> B\nnote left\nA -> B\nend note\nnote left of A : one line\nhnote over A\nx\nendhnote\n/' A->B\nC '/\n"
        "legend\nA->B\nendlegend\ntitle\nA->B\nend title\n<style>\na {\n}\n</style>\nskinparam note {\n  x {\n }\n}\n"
        'ref over A, B\nA->B\nend ref\nnote over "A:B"\nA->B\nend note\nA -> B : said'
    )
    assert [line.text for line in statements(lines_of(text))] == ["note left of A : one line", "A -> B : said"]


@pytest.mark.parametrize(
    ("block", "says"),
    [("note left\nx", "end note"), ("legend\nx", "end legend"), ("/' x", "'/"), ("<style>\na", "</style>"),
     ("skinparam x {\na", "}"), ("ref over A\nx", "end ref"), ("title\nx", "end")],
)  # fmt: skip
def test_a_block_of_text_that_is_never_closed_is_refused_at_its_first_line(block: str, says: str) -> None:
    """The engine would swallow the rest."""
    with pytest.raises(DiagramError, match=r"never closed") as caught:
        list(statements(lines_of(f"A -> B\n{block}")))
    assert caught.value.line == 2
    assert says in str(caught.value)


@given(st.text(max_size=400))
def test_any_text_gives_pages_or_one_error(text: str) -> None:
    """Never another exception, whatever comes."""
    try:
        for page in pages(joined(included(cleaned(text)[0], None))):
            list(statements(page.lines))
    except DiagramError:
        return
