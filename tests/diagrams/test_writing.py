"""Foreign text in a diagram is shown as it is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otakit.diagrams import engine, writing


@pytest.mark.needs("engine")
@example('**b** //i// __u__ --s-- ~~w~~ ""m"" ^^x^^ == [[l]] <b>b</b> <&check> <U+0041> \\n %date() $x & &#60; ~ #red')
@example("end note")
@example("{")
@example(": x")
@example("' comment")
@given(st.text(max_size=80))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    """Whatever creole, the preprocessor or the parser would make of it."""
    wanted = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    lines = ["@startuml", writing.arrow("A", "B", "Telemetry", writing.shown(text)), "@enduml"]
    drawn = [seen for _, seen in engine.answer(lines, "").texts]
    assert drawn[-1].strip() == (f"Telemetry: {wanted}" if wanted else "Telemetry")


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    """The recording has the rest."""
    assert writing.shown("x" * 500) == "x" * 109 + "…"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0412, "41 ms"), (1.5, "1.5 s"), (119.9, "119.9 s"), (3600, "60 min"), (0, "0 ms")]
)
def test_a_length_of_time_is_said_with_its_unit(seconds: float, text: str) -> None:
    """For people."""
    assert writing.duration(seconds) == text


def test_numbers_go_with_their_words() -> None:
    """One chunk, two chunks."""
    assert [writing.count(n, "chunk") for n in (1, 2, 1024)] == ["1 chunk", "2 chunks", "1,024 chunks"]
