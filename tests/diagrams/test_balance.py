"""Groups, branches and blocks that must be closed."""

from __future__ import annotations

import pytest

from otakit.diagrams.balance import check_balance
from otakit.diagrams.source import cleaned, pages
from otakit.errors import DiagramError


def check(text: str, kind: str = "sequence") -> None:
    (page,) = pages(cleaned(text)[0])
    check_balance(page, kind)


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("A->B\nloop 3\nB->A", "sequence", 2),
        ("alt x\nA->B\nelse y\nopt z\nB->A\nend", "sequence", 1),
        ("box x\nparticipant A\nA->B", "sequence", 1),
        ("if (x) then (y)\n:a;", "activity", 1),
        ("while (x)\n:a;", "activity", 1),
        ("repeat\n:a;", "activity", 1),
        ("fork\n:a;\nfork again\n:b;", "activity", 1),
        ("class A {\nx", "entity", 1),
        ("!if (1)\nA->B", "sequence", 1),
        ("!procedure $x()\nA->B", "sequence", 1),
        ("!foreach $x in [1]\nA->B", "sequence", 1),
    ],
)
def test_what_is_never_closed_is_refused_where_it_opens(text: str, kind: str, line: int) -> None:
    """With the word that closes it."""
    with pytest.raises(DiagramError, match="never closed; write") as caught:
        check(text, kind)
    assert caught.value.line == line


@pytest.mark.parametrize(("text", "kind"), [("A->B\nend", "sequence"), (":a;\nendif", "activity")])
def test_what_closes_nothing_is_refused(text: str, kind: str) -> None:
    """An `end` too many."""
    with pytest.raises(DiagramError, match="closes nothing") as caught:
        check(text, kind)
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A -> B\nreturn x", 2),
        ("A -> B ++\nreturn x\nreturn y", 3),
        ("A -> B\ndeactivate B", 2),
        ("A -> B ++\nB --> A --\ndeactivate B", 3),
    ],
)
def test_an_answer_without_a_question_is_refused(text: str, line: int) -> None:
    """`return` and `deactivate` on what is not active are drawn without a word."""
    with pytest.raises(DiagramError) as caught:
        check(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "A -> B ++\nreturn x",
        "A -> B\nactivate B\nB --> A\ndeactivate B",
        "autoactivate on\nA -> B\nreturn x",
        'A -> "B c" ++\nreturn',
        "A -> B ++ #gold : x\nB -> C ++\nreturn\nreturn",
    ],
)
def test_life_lines_in_order_pass(text: str) -> None:
    """Opened by ++ or by activate, closed by return, -- or deactivate."""
    check(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("alt x\nA->B\nelse y\nloop 3\nB->A\nend loop\nend", "sequence"),
        ("loop -> B : a participant called loop", "sequence"),
        ("note over A\nloop\nend note\nA->B", "sequence"),
        ("group x [y]\nA->B\nend", "sequence"),
        ("box x\nparticipant A\nend box\nA->B", "sequence"),
        ("repeat\n:a;\nrepeat while (x)", "activity"),
        ("split\n:a;\nsplit again\n:b;\nend split", "activity"),
        ("state A {\nstate B\n}", "entity"),
        ("!procedure $begin()\nloop 3\n!endprocedure\n$begin()\nA->B\nend", "sequence"),
        ("!function $x() !return 1", "sequence"),
        ("group x", "entity"),
    ],
)
def test_what_is_closed_passes(text: str, kind: str) -> None:
    """Nested, in other kinds, opened by a macro, or only a word in a note."""
    check(text, kind)
