"""How many connections this process may hold: the limit of open files, raised as far as the system lets it."""

from __future__ import annotations

from otakit.errors import TransportError

OTHERS = 64
"""Descriptors for everything that is no connection."""
NO_LIMIT = 1 << 30
MANY = 65_536
"""A service asks for room for so many, where it does not know how many will come."""
FEW = 1_000
HOW = "ulimit -Hn as root, LimitNOFILE= of a service, kern.maxfilesperproc on macOS"


def room_for(connections: int) -> int:
    """Raises this process's own limit of open files so that so many connections fit.

    Returns:
        How many fit now; a large number where the system has no such limit (Windows).

    Raises:
        TransportError: the system allows fewer; the text says how to raise what it allows.
    """
    fits = _raised(connections + OTHERS) - OTHERS
    if fits < connections:
        raise TransportError(
            f"{connections:,} connections need {connections + OTHERS:,} open files and this system allows "
            f"{fits + OTHERS:,}; raise the hard limit ({HOW})"
        )
    return fits


def too_few() -> str | None:
    """Raises the limit for a service; a sentence when only few devices fit all the same."""
    fits = _raised(MANY) - OTHERS
    return None if fits >= FEW else f"no more than {fits:,} devices fit: this system limits open files ({HOW})"


def _raised(wanted: int) -> int:
    """The limit, raised to what is wanted as far as the system lets it."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return NO_LIMIT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return NO_LIMIT
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
