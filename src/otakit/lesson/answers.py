"""Predictions, hints and answers of the exercises.

Knows what each exercise asks and how to see that an answer is right; refuses to punish: nothing here
raises because of what a reader wrote, and nothing shows a solution. The last one right marks its lesson as
done. The lessons call it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otakit.errors import SettingsError
from otakit.lesson.marks import mark_done
from otakit.lesson.said import Said

if TYPE_CHECKING:
    from otakit.lesson.exercise import Exercise


def compare(guess: object, seen: object, why: str) -> Said:
    """Puts a prediction beside what happened.

    Args:
        guess: what the reader wrote down; None when nothing.
        seen: what happened.
        why: one sentence.
    """
    if guess is None:
        return Said(f"Seen: {seen}. (No guess written down; the lesson goes on.) {why}")
    verdict = "as you said" if _same(guess, seen) else "not what you said, which is why we look"
    return Said(f"Your guess: {guess}. Seen: {seen}: {verdict}. {why}")


def _same(guess: object, seen: object) -> bool:
    """Whether two values are alike, letter case and kind of sequence aside."""
    if isinstance(guess, list | tuple) and isinstance(seen, list | tuple):
        return len(guess) == len(seen) and all(_same(*pair) for pair in zip(guess, seen, strict=True))
    if isinstance(guess, str) and isinstance(seen, str):
        return guess.strip().lower() == seen.strip().lower()
    return bool(guess == seen)


def answer(name: str, value: object) -> Said:
    """Looks at an answer: not answered yet, right and why, or where to look.

    Args:
        name: of the exercise, such as ``10a``.
        value: the reader's; ``...`` stands for no answer yet.

    Raises:
        SettingsError: there is no such exercise.
    """
    exercise = _exercise(name)
    if value is ...:
        return Said(f"{name}: not answered yet. hint({name!r}) helps, three times.")
    try:
        right = exercise.is_right(value)
    except Exception:  # noqa: BLE001 - a reader may hand over anything; whatever it breaks, it is not the answer
        right = False
    if not right:
        return Said(f"{name}: not yet. {exercise.look}")
    if name == _last_of(name[:2]):
        mark_done(name[:2])
    return Said(f"{name}: right, because {exercise.because}")


def hint(name: str) -> Said:
    """The next of the three hints of an exercise; the last one stays.

    Raises:
        SettingsError: there is no such exercise.
    """
    exercise = _exercise(name)
    given = _given.get(name, 0)
    _given[name] = min(given + 1, len(exercise.hints) - 1)
    return Said(f"{name}, hint {given + 1} of {len(exercise.hints)}: {exercise.hints[given]}")


def _last_of(lesson: str) -> str:
    from otakit.lesson.exercises import EXERCISES  # noqa: PLC0415 - as below

    return max(name for name in EXERCISES if name.startswith(lesson))


def _exercise(name: str) -> Exercise:
    from otakit.lesson.exercises import EXERCISES  # noqa: PLC0415 - the sentences load the frames, compare does not

    if name not in EXERCISES:
        raise SettingsError(f"there is no exercise {name!r}; there are {', '.join(sorted(EXERCISES))}")
    return EXERCISES[name]


_given: dict[str, int] = {}
