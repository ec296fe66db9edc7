"""What stages have in common that start the twin themselves: knobs as needed, names as they are."""

from __future__ import annotations

from abc import abstractmethod

from otakit.conformance.stage import Stage
from otakit.errors import SettingsError
from otakit.protocol.packets import Version
from otakit.twin.settings import TwinSettings

UNLESS_STATED: dict[str, object] = {"dispatch_spacing_s": 0}
"""Section 19's own knobs."""


class OwnStage(Stage):
    """A twin that is started for one scenario."""

    def __init__(self, version: Version, seed: int) -> None:
        super().__init__(version)
        self.seed = seed
        self._knobs = dict(UNLESS_STATED)

    @property
    def settings(self) -> TwinSettings:
        """The knobs that the scenario needs, ThingsBoard's own values elsewhere."""
        return TwinSettings(**self._knobs)  # type: ignore[arg-type]  # the class refuses what it does not know

    def needs(self, **knobs: object) -> None:
        """Notes the knobs that the twin will be started with.

        Raises:
            SettingsError: it is started already.
        """
        if self._is_started():
            raise SettingsError("needs() is the first line of a scenario: the twin is started by now")
        self._knobs |= knobs

    def unique(self, name: str) -> str:
        """The name: nobody else is here."""
        return name

    @abstractmethod
    def _is_started(self) -> bool: ...
