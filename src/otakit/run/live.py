"""A picture that grows while the update runs, such as bytes as a staircase, the statuses above it.

Knows when to draw again; the picture itself is `analyse.plots`'. Outside a notebook the bars of
`run.progress` stand in for it. `Handle.watch` calls it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from otakit.client.vocabulary import Progress
from otakit.protocol.messages import Kind
from otakit.run.progress import Notebook, Place, Quiet, display_for, in_notebook, is_worth_a_line
from otakit.session import Session

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAW_S = 1.0  # a picture takes some tenths of a second, which the update should have for itself


class Live(Notebook):
    """The table of the progress, and under it a picture of the growing session."""

    def __init__(self, session: Session, plot: Callable[[Session], Axes]) -> None:
        super().__init__()
        self._session, self._plot = session, plot
        self._picture = Place()
        self._drawn_s = 0.0

    def show(self, progress: Mapping[Kind, Progress]) -> None:
        """Redraws both, the picture at most once a second."""
        super().show(progress)
        if any(map(is_worth_a_line, progress.values())) and time.monotonic() - self._drawn_s >= DRAW_S:
            self._draw()

    def end(self) -> None:
        """Draws the last picture."""
        self._draw()

    def _draw(self) -> None:
        from otakit.analyse.plots_style import shown  # noqa: PLC0415 - matplotlib takes half a second

        self._picture.show(*shown(self._plot(self._session).figure))
        self._drawn_s = time.monotonic()


def live_display(session: Session, plot: Callable[[Session], Axes]) -> Quiet:
    """The picture in a notebook, bars elsewhere."""
    return Live(session, plot) if in_notebook() else display_for(True)
