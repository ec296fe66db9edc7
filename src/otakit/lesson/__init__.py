"""What the lessons are made of: one exchange at a time, explained; predictions, hints and answers."""

from otakit.lesson.answers import answer, compare, hint
from otakit.lesson.beside import beside
from otakit.lesson.bits import changed_bits, flipped
from otakit.lesson.index import done, index
from otakit.lesson.next_button import next_button
from otakit.lesson.place import on_twin, own, where
from otakit.lesson.pretending import pretend
from otakit.lesson.settled import settled
from otakit.lesson.steps import steps
from otakit.lesson.talk import talk
from otakit.lesson.told import Told
from otakit.lesson.trouble import tell_in_one_line

__all__ = [
    "Told",
    "answer",
    "beside",
    "changed_bits",
    "compare",
    "done",
    "flipped",
    "hint",
    "index",
    "next_button",
    "on_twin",
    "own",
    "pretend",
    "settled",
    "steps",
    "talk",
    "where",
]

tell_in_one_line()
