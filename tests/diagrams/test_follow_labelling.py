"""The rules of labelling: every example of `docs/labelling.md` means what the page says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otakit.diagrams.follow import follows
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Telemetry

UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "labelling.md").read_text(encoding="utf-8")
FROM_SERVER = ("ConnAck", "AttributesUpdate", "OtaError", "ChunkResponse")


def rows(title: str) -> Iterator[list[str]]:
    """The cells of the table whose first column has this title."""
    inside = False
    for line in PAGE.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        inside = line.startswith("|") and (inside or cells[0] == title)
        if inside and cells[0] != title and not cells[0].startswith("---"):
            yield cells


def code(cell: str) -> list[str]:
    """All that stands in code type."""
    return re.findall(r"`([^`]+)`", cell)


LABELS = [(code(label)[0], code(kept)[0], code(broken)[0]) for _, label, kept, broken in rows("in a label")]
FRAGMENTS = [
    (code(example)[0], word, is_kept)
    for _, example, kept, broken in rows("fragment")
    for cell, is_kept in ((kept, True), (broken, False))
    for word in code(cell)
]


def test_the_rules_fit_on_half_a_page() -> None:
    """Of sixty-six lines; and each of them has an example."""
    assert len(PAGE.split("\n")) <= 34
    assert (len(LABELS), len({example for example, _, _ in FRAGMENTS})) == (8, 7)


@pytest.mark.parametrize(("label", "kept", "broken"), LABELS)
def test_a_label_is_kept_by_its_example_and_broken_by_the_other(
    tape: Callable[..., Any], label: str, kept: str, broken: str
) -> None:
    """One arrow, one packet."""
    way = "TBSrv -> TBDev" if label.split(":", maxsplit=1)[0] in FROM_SERVER else "TBDev -> TBSrv"
    for said, is_kept in ((kept, True), (broken, False)):
        film = tape()
        film.connection = 0
        if said.startswith("ConnAck"):
            film.packet(UP, p.Connect()).packet(DOWN, p.ConnAck(int(said.split()[1])))
        else:
            topic, _, payload = said.partition(" ")
            if "/response/" in topic:
                film.packet(UP, p.Publish(topic.replace("response", "request"), b"3"))
            film.packet(UP if way.startswith("TBDev") else DOWN, p.Publish(topic, payload.encode()))
        source = f"loop\n{way} : {label}\nend"
        assert bool(follows(film.entries, source)) is is_kept, said


def source_of(example: str) -> str:
    """The example as PlantUML: a letter is an arrow."""
    words = re.findall(r"(?:loop|opt|par|break|critical|else|end)\b(?: 2 times| at any time)?|\b[a-c]\b", example)
    assert " ".join(words) == example
    return "\n".join(map(arrow, words))


def arrow(word: str) -> str:
    """One line."""
    return f'TBDev -> TBSrv : Telemetry: {{"{word}":1}}' if re.fullmatch("[a-c]", word) else word


def letters(tape: Callable[..., Any], word: str) -> Any:
    """A session that says these letters."""
    film = tape().connect()
    for letter in word.split():
        film.publish(UP, Telemetry({letter: 1}))
    return film.entries


@pytest.mark.parametrize(("example", "word", "is_kept"), FRAGMENTS)
def test_a_fragment_is_kept_or_broken_as_the_page_says(
    tape: Callable[..., Any], example: str, word: str, *, is_kept: bool
) -> None:
    """Its letters are arrows."""
    assert bool(follows(letters(tape, word), source_of(example))) is is_kept
