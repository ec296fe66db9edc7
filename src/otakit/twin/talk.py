"""What a connection is to the sockets: bytes in, bytes out, an end.

`conversation.Conversation` is one; faults on purpose stand around it with the same face.
"""

from __future__ import annotations

from typing import Protocol


class Talk(Protocol):
    """One connection, from its first byte to its last. Pure: time is passed in."""

    @property
    def closing(self) -> bool:
        """Whether the connection is to be closed once everything is sent."""

    def receive(self, data: bytes, now: int) -> None:
        """Hears bytes, in slices of any size; `now` in nanoseconds since the epoch."""

    def take(self) -> list[bytes]:
        """The packets that are to be sent now; empties it."""

    def lost(self) -> None:
        """The network connection is gone."""
