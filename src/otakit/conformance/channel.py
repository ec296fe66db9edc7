"""What a peer stands on: somewhere for its bytes to go, and a time in which it waits."""

from __future__ import annotations

from typing import Protocol

from otakit.captured import Address


class Clock(Protocol):
    """The time in which a scenario happens: virtual, or the world's."""

    def now(self) -> int:
        """Nanoseconds since the epoch."""

    def passes(self, seconds: float) -> None:
        """Lets time pass."""


class Channel(Protocol):
    """Where a peer's bytes go and come from.

    Attributes:
        needs_barrier: nothing heard proves nothing until a PINGREQ sent behind it is answered.
    """

    needs_barrier: bool

    @property
    def addresses(self) -> tuple[Address, Address]:
        """The client's and the server's."""

    def send(self, data: bytes) -> None:
        """Sends bytes; a connection that is closed by now swallows them."""

    def hear(self, wait_s: float) -> bytes | None:
        """Bytes as soon as some are there; none when `wait_s` has passed; None once the other side has closed."""

    def drop(self) -> None:
        """Breaks the connection without a word."""
