"""How many connections this process may hold: the limit of open files, raised as far as the system lets it."""

from __future__ import annotations

from otakit.errors import TransportError

OTHERS = 64
"""Descriptors for everything that is no connection."""


def room_for(connections: int) -> int:
    """Raises this process's own limit of open files so that so many connections fit.

    Returns:
        How many fit now; a large number where the system has no such limit (Windows).

    Raises:
        TransportError: the system allows fewer; the text says how to raise what it allows.
    """
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return 1 << 30
    wanted = connections + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raise TransportError(
            f"{connections:,} connections need {wanted:,} open files and this system allows {soft:,}; raise the hard "
            "limit (ulimit -Hn as root, LimitNOFILE= of a service, kern.maxfilesperproc on macOS)"
        )
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft - OTHERS
