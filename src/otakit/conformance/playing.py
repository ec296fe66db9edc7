"""One scenario, played on one stage before a deadline: what passed and what became of its claims.

Knows threads and which error means what; refuses to know what is compared. Whatever happens, the stage is
closed, and with that what it made on the server is removed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from otakit.conformance.claims import claim_of
from otakit.conformance.fixture import FixtureRefused
from otakit.conformance.judging import Played
from otakit.conformance.neutral import Neutral
from otakit.conformance.stage import NotApplicable, Stage
from otakit.conformance.tokens import own_words
from otakit.conformance.transcript import Transcript

DEADLINE_S = 180.0
"""Seconds a scenario may take in all; its own waits end long before."""
CLOSING_S = 60.0
Made = Callable[[], Stage]


class Playing:
    """A scenario under way, in a thread of its own.

    Args:
        play: the scenario.
        made: makes the stage; called in the thread.

    Attributes:
        was_broken_off: its stage was closed before it came to its end.
    """

    def __init__(self, play: Callable[[Stage], None], made: Made) -> None:
        self._play, self._made = play, made
        self._stage: Stage | None = None
        self._missing: str | None = None
        self._failed: str | None = None
        self._trouble: str | None = None
        self.was_broken_off = False
        self._closing = threading.Lock()
        self._begun = time.monotonic()
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="otakit-scenario", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits so long at most; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def age_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._begun

    @property
    def transcript(self) -> Transcript:
        """What has passed so far."""
        return self._stage.transcript() if self._stage is not None else Transcript(())

    def played(self, deadline_s: float = DEADLINE_S) -> Played:
        """Waits for the end, and breaks it off at the deadline."""
        if not self.wait(max(0.0, deadline_s - self.age_s)):
            self._failed = f"it did not end within {deadline_s:g} s"
            self.break_off()
        transcript = self.transcript
        failed = self._failed or self._trouble
        if failed is not None:  # a claim may quote an answer that has a token in it
            failed = Neutral(own_words(transcript)).text(failed)
        return Played(transcript, failed, self._missing, self._seconds)

    def break_off(self) -> None:
        """Closes the stage under the scenario, which ends at its next step, and waits for that."""
        self.was_broken_off = True
        self._close()
        self._thread.join(CLOSING_S)

    def _run(self) -> None:
        try:
            self._stage = self._made()
            self._play(self._stage)
        except NotApplicable as missing:
            self._missing = str(missing)
        except FixtureRefused as error:
            self._failed = self._failed or f"the scenario could not begin: {error}"
        except BaseException as error:  # noqa: BLE001 - whatever it is, the next scenario goes on
            self._failed = self._failed or claim_of(error)
        finally:
            self._seconds = time.monotonic() - self._begun
            self._close()

    def _close(self) -> None:
        with self._closing:
            if self._stage is None:
                return
            try:
                self._stage.close()
            except BaseException as error:  # noqa: BLE001 - told in the table, and the next scenario goes on
                self._trouble = self._trouble or claim_of(error)


def closed_quietly(playing: Playing | None) -> None:
    """Breaks off what is under way, for an end that has a reason of its own."""
    if playing is not None:
        with suppress(Exception):
            playing.break_off()
