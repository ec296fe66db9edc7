"""Does what happened follow what was drawn? True, or the first difference.

In reading order: threads and happened (what a diagram could tell), promise (one arrow), keeping (does an event keep
it), tree, growing, misread, refused and grammar (the whole diagram), left, used, moves and walk (what may still
come), verdict, follows.
"""

from otakit.diagrams.follow.follows import follows
from otakit.diagrams.follow.verdict import Verdict

__all__ = ["Verdict", "follows"]
