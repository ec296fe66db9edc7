"""What a part of the operator's suite is made of: names of its own, claims, and the end that takes all back."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

from otakit.conformance.remote import PREFIX
from otakit.errors import OtakitError
from otakit.servers import Server

IMAGE = bytes(index % 251 for index in range(20_000))
DISPATCH_S = 90.0
"""A busy ThingsBoard tells devices of their packages one after the other."""
LOOK_AGAIN_S = 0.05
Part = Callable[[Server], None]
SUITE: list[tuple[str, Part]] = []
"""Every part with its name; a part raises where the server or its verbs do otherwise."""


class Differs(AssertionError):
    """A verb did otherwise; the text says what was expected and what came."""


def part(function: Part) -> Part:
    """Puts a part into the suite; what it makes is taken back behind it."""

    def run(server: Server) -> None:
        with server.taking_back():
            function(server)

    SUITE.append((function.__name__, run))
    return run


def same(found: object, wanted: object) -> None:
    """Says where two values differ."""
    if found != wanted:
        raise Differs(f"expected {wanted!r}, got {found!r}")


def refuses(error: type[OtakitError], words: str, action: Callable[[], object], secret: str = "") -> None:
    """Whether an action is refused with an error that names the reason, and shows no secret."""
    try:
        action()
    except error as refused:
        if words not in str(refused):
            raise Differs(f"expected an error that says {words!r}, got {refused}") from refused
        if secret and secret in str(refused):
            raise Differs("the error shows a secret") from None
    else:
        raise Differs(f"expected {error.__name__} that says {words!r}, and nothing was refused")


def named(what: str) -> str:
    """A name that nobody else has."""
    return f"{PREFIX}{what}-{secrets.token_hex(4)}"


def eventually(look: Callable[[], object], wanted: object, within_s: float = 30.0) -> None:
    """A real server's storage may be a moment behind its answers."""
    end = time.monotonic() + within_s
    while (found := look()) != wanted:
        if time.monotonic() > end:
            raise Differs(f"expected {wanted!r} within {within_s:g} s, got {found!r}")
        threading.Event().wait(LOOK_AGAIN_S)
