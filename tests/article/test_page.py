"""The page: directives of its source resolved, everything else passed on, and its two forms."""

from __future__ import annotations

import pytest

from otakit.article.cut import Recorded
from otakit.article.page import diagrams_of, handed_over, inline, linked, resolved
from otakit.captured import CapturedPacket, Entry, Note, OpenedConnection
from otakit.errors import SettingsError
from otakit.protocol import packets as p
from otakit.protocol.messages import AttributesUpdate, Direction
from otakit.protocol.mqtt import encode

UML = ".. uml:: ../diagrams/made/x-y.puml\n   :caption: What is seen.\n\nmore"


def heard(number: int, at_ns: int, connection: int, body: object) -> CapturedPacket:
    raw = encode(p.Publish(AttributesUpdate.topic, AttributesUpdate(body).payload, 0, None), p.Version.MQTT_3_1_1)
    return CapturedPacket(number, at_ns, connection, Direction.TO_DEVICE, raw, len(raw))


@pytest.fixture
def run() -> Recorded:
    """Two devices; the operator acts twice."""
    entries: list[Entry] = [
        OpenedConnection(0, ("192.0.2.7", 1), ("192.0.2.1", 1883)),
        OpenedConnection(1, ("192.0.2.8", 1), ("192.0.2.1", 1883)),
        Note("operator", 1_000_000_000, {"did": "A to both"}),
        heard(1, 1_500_000_000, 0, {"fw_title": "pump", "fw_version": "A"}),
        heard(2, 1_750_000_000, 1, {"deleted": ["fw_url", "fw_tag"]}),
        Note("operator", 2_000_000_000, {"did": "B to D2"}),
        heard(3, 2_100_000_000, 1, {"fw_title": "pump", "fw_version": "B"}),
    ]
    return Recorded("run.pcapng", entries)


def test_other_lines_pass_unchanged(run: Recorded) -> None:
    """Whatever they are."""
    source = "Title\n=====\n\n.. note:: x\n\n   y\n"
    assert resolved(source, lambda _: run) == source


def test_an_example_becomes_a_block_at_its_place(run: Recorded) -> None:
    """As deep as the directive stood."""
    found = resolved("   * E:\n\n     .. example:: run\n        AttributesUpdate 1\n\nafter", lambda _: run).split("\n")
    assert found[2:5] == ["     .. code-block:: text", "", "        # run.pcapng, packet 1: AttributesUpdate"]
    assert found[-2:] == ["", "after"]


def test_a_directive_that_cannot_be_resolved_names_its_line(run: Recorded) -> None:
    """For who writes the source."""
    with pytest.raises(SettingsError, match=r"^line 3: \.\. example:: run: "):
        resolved("a\n\n.. example:: run\n   ChunkRequest 1\n", lambda _: run)
    with pytest.raises(SettingsError, match=r"^line 1: \.\. made-table:: nothing"):
        resolved(".. made-table:: nothing\n", lambda _: run)


def test_the_worked_example_has_a_row_for_each_action(run: Recorded) -> None:
    """What came to each device before the next action, and after how long."""
    text = resolved(".. worked-example:: run", lambda _: run)
    cells = [line.partition("- ")[2] for line in text.split("\n") if "- " in line][3:]
    assert cells == [
        "A to both",
        '``"fw_version":"A"``; after 0.50 s',
        "deleted ``fw_tag``, ``fw_url``; after 0.75 s",
        "B to D2",
        "nothing",
        '``"fw_version":"B"``; after 0.10 s',
    ]


def test_lessons_are_linked_by_number(run: Recorded) -> None:
    """One or several."""
    assert resolved(".. lesson:: 04", lambda _: run).startswith(
        "**Lesson:** `04 Request firmware chunks <../notebooks/04-"
    )
    assert resolved(".. lesson:: 09 10", lambda _: run).count(".ipynb>`__") == 2


def test_diagrams_are_named_in_order() -> None:
    """By the stem of their file."""
    assert diagrams_of(f"{UML}\n\n.. uml:: ../diagrams/z.puml\n") == ["x-y", "z"]


def test_inline_puts_the_text_into_the_directive() -> None:
    """Without the lines that begin and end a diagram: a directive adds its own."""
    page = handed_over(UML, lambda name, caption: inline(f"@startuml\nA -> B : {name}\n\nB -> A\n@enduml\n", caption))
    assert page == ".. uml::\n   :caption: What is seen.\n\n   A -> B : x-y\n\n   B -> A\n\nmore"


def test_linked_shows_a_file_with_words_for_who_cannot_see_it() -> None:
    """Title and caption are kept."""
    page = handed_over(UML, lambda name, caption: linked(f"p/{name}.svg", caption, "A title"))
    assert page == ".. figure:: p/x-y.svg\n   :alt: A title\n\n   What is seen.\n\nmore"


def test_links_to_lessons_become_their_names() -> None:
    """Another project has no notebooks of ours."""
    page = handed_over("**Lesson:** `04 Chunks <../notebooks/04-chunks.ipynb>`__.", lambda *_: [])
    assert page == "**Lesson:** *04 Chunks* (``04-chunks.ipynb`` of otakit)."
