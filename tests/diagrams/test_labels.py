"""Arrows held against the message table, and one of them marked."""

from __future__ import annotations

import pytest

from otakit.diagrams.labels import arrow_of, arrows, check_labels, mark
from otakit.diagrams.source import Line
from otakit.errors import DiagramError
from otakit.protocol.messages import TABLE, Direction

GOOD = """@startuml
participant "Device" as TBDev order 10
participant "ThingsBoard Server" as TBSrv order 20
TBDev -> TBSrv : Subscribe: v1/devices/me/attributes/response/+
TBSrv --> TBDev : SubAck: granted
note left of TBDev
  TBDev -> TBSrv : Nonsense
end note
TBDev -> TBSrv ++ : AttributesRequest
TBSrv -[#red]-> TBDev -- : **AttributesResponse**: {}
TBDev <- TBSrv : AttributesUpdate
@enduml
"""


@pytest.mark.parametrize(
    ("text", "sender", "receiver", "label"),
    [
        ("A -> B : x", "A", "B", "x"),
        ("A->B", "A", "B", ""),
        ("A <-- B : x", "B", "A", "x"),
        ('"A b" ->> "C: d" : x: y', "A b", "C: d", "x: y"),
        ("A -[#red,dashed]> B ++ #blue : x", "A", "B", "x"),
        ("A -\\ B : x", "A", "B", "x"),
        ("A ->x B : lost", "A", "B", "lost"),
        ("[-> A : found", "", "A", "found"),
        ("A ->] : lost", "A", "", "lost"),
        ("A -> A : self", "A", "A", "self"),
        ("A -> B -- : back", "A", "B", "back"),
        ("中 -> 文 : x", "中", "文", "x"),
    ],
)
def test_an_arrow_is_read_however_it_is_written(text: str, sender: str, receiver: str, label: str) -> None:
    """Heads, dashes, colours, activations, quotes."""
    arrow = arrow_of(Line(1, text))
    assert arrow is not None
    assert (arrow.sender, arrow.receiver, arrow.label) == (sender, receiver, label)


@pytest.mark.parametrize("text", ["participant A", "note left : A -> B", "== a -> b ==", "loop 3 times", "A -- B", "x"])
def test_what_draws_no_arrow_is_none(text: str) -> None:
    """A note on one line keeps its text."""
    assert arrow_of(Line(1, text)) is None


def test_a_diagram_of_the_table_passes() -> None:
    """Bold names, activations and notes included."""
    check_labels(GOOD)
    assert [arrow.row_name for arrow in arrows(GOOD)][-1] == "AttributesUpdate"


@pytest.mark.parametrize(
    ("arrow", "says"),
    [
        ("TBDev -> TBSrv : ChunkReqest: 0", "is it ChunkRequest?"),
        ("TBDev -> TBSrv : Quark", "no name of the message table"),
        ("TBDev -> TBSrv", "an empty label"),
        ("TBSrv -> TBDev : ChunkRequest: 0", "goes to server, this arrow goes to device"),
        ("TBDev -> TBSrv : SubAck", "goes to device"),
        ("TBDev <-> TBSrv : ChunkRequest", "goes to server"),
        ("TBDev -> TBSrv : Assign", "operator to server"),
        ("TBDev -> TBSrv : Restart", "within device"),
        ("Foo -> TBSrv : Connect", "participant `Foo` is none of"),
        ("[-> TBSrv : Connect", "from or to nowhere"),
        ("TBDev1 -> TBDev2 : Connect", "goes to server"),
        ("return SubAck", "draw the answer as an arrow"),
    ],
)
def test_a_label_off_the_table_or_a_wrong_direction_is_refused_with_its_line(arrow: str, says: str) -> None:
    """And for a misspelt name with the nearest one."""
    with pytest.raises(DiagramError) as caught:
        check_labels(f"@startuml\n{arrow}\n@enduml")
    assert says in str(caught.value)
    assert caught.value.line == 2


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_every_row_can_be_drawn_in_each_of_its_directions(row: object) -> None:
    """The three voices reach every row of the table."""
    ends = {
        Direction.TO_SERVER: "TBDev -> TBSrv",
        Direction.TO_DEVICE: "TBSrv -> TBDev7",
        Direction.OPERATOR_TO_SERVER: "TBOper -> TBSrv",
        Direction.SERVER_TO_OPERATOR: "TBSrv -> TBOper",
        Direction.WITHIN_DEVICE: "TBDev -> TBDev",
        Direction.WITHIN_SERVER: "TBSrv -> TBSrv",
    }
    for way in row.directions:  # type: ignore[attr-defined]  # parametrize gives objects
        check_labels(f"{ends[way]} : {row.name}: x")  # type: ignore[attr-defined]  # as above


def test_one_arrow_is_marked_and_the_others_stay() -> None:
    """The second of two, and the diagram still passes."""
    source = "TBDev -> TBSrv : Telemetry: a\nTBDev -> TBSrv ++ : Telemetry: b\nTBSrv --> TBDev -- : PubAck"
    marked = mark(source, "Telemetry", 2).split("\n")
    assert marked[0] == "TBDev -> TBSrv : Telemetry: a"
    assert marked[1] == "TBDev -[#C00000]> TBSrv ++ : <color:#C00000><b>▶ Telemetry: b</b></color>"
    assert mark(source, "PubAck").split("\n")[2].startswith("TBSrv -[#C00000]-> TBDev -- : ")
    check_labels("\n".join(marked))


def test_every_line_of_a_long_label_is_marked() -> None:
    """The engine ends markup where a line of a label ends."""
    marked = mark("TBDev -> TBSrv : Subscribe: a,\\nb,\\nc", "Subscribe")
    label = marked.split(" : ", 1)[1]
    assert [part.startswith("<color:#C00000><b>") for part in label.split("\\n")] == [True] * 3
    assert [part.endswith("</b></color>") for part in label.split("\\n")] == [True] * 3


@pytest.mark.parametrize(("name", "nth"), [("ChunkRequest", 1), ("Subscribe", 2), ("Subscribe", 0)])
def test_an_arrow_that_is_not_there_cannot_be_marked(name: str, nth: int) -> None:
    """Says how many there are."""
    with pytest.raises(DiagramError, match="to mark: the diagram has"):
        mark(GOOD, name, nth)
