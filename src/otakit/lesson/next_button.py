"""A button for ``next(steps)``: each press carries out one exchange and shows it under the button.

Knows how a press becomes a step on the page; refuses to know what a step is. An extra for readers in a
notebook: ``next(steps)`` in a cell does the same, and is what stands in for the button elsewhere. Called
by the lessons.
"""

from __future__ import annotations

import importlib
from html import escape
from typing import Any

from otakit.errors import OtakitError
from otakit.lesson.said import Said
from otakit.lesson.steps import Steps
from otakit.run.progress import Place, in_notebook

PLAIN = "next(steps) in a cell takes one step; run that cell again for the next one."
HINT = "Press Next, or run next(steps) in a cell: each takes one step."
WAITING = "Each step is shown here."
# ipywidgets knows no live regions: this empty picture makes the line that holds it one, and every later text of that
# line is read out when the reader's software has finished its sentence
LIVE = (
    '<img alt="" hidden src="data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22/>" '
    "onload=\"this.parentElement.setAttribute('role', 'status')\">"
)


def next_button(steps: Steps) -> Said | None:
    """Shows a button that takes one step a press, and below it the step.

    Args:
        steps: of `otakit.steps`; ``next(steps)`` in a cell goes on from wherever the button is, and the other way.

    Returns:
        In place of the button what to do, where there is no notebook or no ipywidgets.
    """
    try:
        widgets = importlib.import_module("ipywidgets") if in_notebook() else None
    except ImportError:
        widgets = None
    if widgets is None:
        return Said(PLAIN)
    _Buttons(steps, widgets).show()
    return None


class _Buttons:
    """The button, a line that says what it did, and the place of the step."""

    def __init__(self, steps: Steps, widgets: Any) -> None:
        self._steps = steps
        self._place = Place()
        self._line = widgets.HTML(LIVE + escape(HINT))
        self._button = widgets.Button(description="Next", tooltip="Takes one step of the update", button_style="info")
        self._button.on_click(self._pressed)
        self._box = widgets.HBox([self._button, self._line], layout=widgets.Layout(align_items="center"))

    def show(self) -> None:
        """Puts them under the cell."""
        bundle = {**self._box._repr_mimebundle_(), "text/plain": PLAIN}
        Place().show(bundle)
        self._place.show({"text/html": f"<p>{WAITING}</p>", "text/plain": WAITING})

    def _pressed(self, _button: Any) -> None:
        try:
            step = next(self._steps)
        except StopIteration:
            self._end()
        except OtakitError as error:
            self._say(f"{type(error).__name__}: {error}")
        else:
            self._place.show(step._repr_mimebundle_())
            self._say(step.title)

    def _end(self) -> None:
        """The button stays, so that the keyboard's place is not lost."""
        outcome = self._steps.session.outcome or {}
        ends = ", ".join(f"{kind} {word}" for kind, word in outcome.items() if word != "NO_PACKAGE")
        self._say(f"That was the last step: {ends or 'nothing was assigned'}. steps.session has it all.")

    def _say(self, text: str) -> None:
        self._line.value = escape(text)
