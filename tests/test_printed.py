"""A recording as text: every frame, within the width of the terminal."""

from __future__ import annotations

import pytest

import otakit
from otakit.columns import COLUMNS
from otakit.printed import SHOWN, _cell, printed


def test_shown_columns_are_columns_of_their_frame() -> None:
    """A renamed column would print an error in place of a table."""
    assert SHOWN.keys() | {"updates"} == COLUMNS.keys()
    for frame, columns in SHOWN.items():
        assert columns.keys() <= {column.name for column in COLUMNS[frame]}


@pytest.mark.parametrize("frame", COLUMNS)
@pytest.mark.parametrize("width", [40, 200])
def test_no_line_is_wider_than_the_terminal(frame: str, width: int) -> None:
    """Wrapped lines make a table unreadable; the first two lines are prose and wrap by themselves."""
    lines = printed(otakit.example(), frame, width).splitlines()
    assert all(len(line) <= width for line in lines[2:])


@pytest.mark.parametrize("frame", SHOWN)
def test_each_row_of_a_frame_is_one_line(frame: str) -> None:
    """Also where a payload holds line breaks."""
    session = otakit.example()
    head, _, names, *rows = printed(session, frame, 500).splitlines()
    assert "packets" in head
    assert names.split()[0] in SHOWN[frame]
    assert len(rows) == len(getattr(session, frame))


def test_updates_are_shown_one_below_the_other() -> None:
    """With the outcome of each."""
    text = printed(otakit.example(), "updates", 80)
    assert text.count("\noutcome ") == len(otakit.example().updates)


def test_control_characters_of_a_peer_do_not_reach_the_terminal() -> None:
    """A title may be anything the wire can carry."""
    assert _cell("a\x1b[2Jb\r\nc") == "a·[2Jb c"
