"""Predictions and answers: never punished, never shown."""

from __future__ import annotations

import pytest

from otakit.errors import SettingsError
from otakit.lesson.answers import answer, compare, hint
from otakit.lesson.exercises import EXERCISES

WRONG = [None, 0, -1, "", "no", (), ("firmware",), object(), float("nan"), [1, 2, 3], {"a": 1}]


def test_without_a_guess_the_lesson_goes_on() -> None:
    """What was seen and why, and no reproach."""
    assert repr(compare(None, 5, "Why.")) == "Seen: 5. (No guess written down; the lesson goes on.) Why."


@pytest.mark.parametrize(("guess", "seen"), [(5, 5), ("Updated", "UPDATED"), (["a", "b"], ("A", "B"))])
def test_a_right_guess_is_recognised_in_any_spelling(guess: object, seen: object) -> None:
    """Letter case and brackets are not what was asked."""
    assert "as you said" in repr(compare(guess, seen, "Why."))


@pytest.mark.parametrize("guess", [4, "five", [5], object()])
def test_a_wrong_guess_stands_beside_what_was_seen(guess: object) -> None:
    """Both are printed."""
    said = repr(compare(guess, 5, "Why."))
    assert "Seen: 5: not what you said" in said
    assert str(guess) in said


@pytest.mark.parametrize("name", EXERCISES)
def test_no_answer_yet_names_the_hints(name: str) -> None:
    """An ellipsis stands in the lesson."""
    assert repr(answer(name, ...)) == f"{name}: not answered yet. hint({name!r}) helps, three times."


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("value", WRONG, ids=[f"{type(value).__name__}-{place}" for place, value in enumerate(WRONG)])
def test_nothing_that_a_reader_hands_over_raises(name: str, value: object) -> None:
    """It is not yet right, and there is somewhere to look."""
    assert repr(answer(name, value)).startswith(f"{name}: not yet. ")


def test_three_hints_and_then_the_last_again() -> None:
    """One a call."""
    said = [repr(hint("10a")) for _ in range(4)]
    assert [text[:17] for text in said[:3]] == [f"10a, hint {n} of 3:" for n in (1, 2, 3)]
    assert said[3] == said[2]


def test_an_unknown_exercise_is_named() -> None:
    """With those that there are."""
    with pytest.raises(SettingsError, match=r"99z.*10a"):
        answer("99z", 1)
