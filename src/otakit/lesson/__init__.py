"""What the lessons are made of: one exchange at a time, explained; predictions, hints and answers."""

from otakit.lesson.answers import answer, compare, hint
from otakit.lesson.index import done, index
from otakit.lesson.place import own, where
from otakit.lesson.steps import steps
from otakit.lesson.talk import talk

__all__ = ["answer", "compare", "done", "hint", "index", "own", "steps", "talk", "where"]
