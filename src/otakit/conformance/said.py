"""One thing that a server said, and the question that it answers: what is put into order and compared.

Values only; `lines` and `calls` make them, `orders` and `compare` read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Sort(Enum):
    """What a line is to the order of lines."""

    ACKNOWLEDGEMENT = "acknowledgement"
    ATTRIBUTES = "attributes"
    CHUNK = "chunk"
    VALUES = "values"
    DELETED = "deleted"
    READ = "read"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Asked:
    """One packet of the device, as the lines after it name it.

    Attributes:
        number: counts the device's packets on this connection.
        words: equal for requests that ask the same.
        at_once: answered on the connection's own thread, hence in the order of the requests.
    """

    number: int
    words: str
    at_once: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that the server said.

    Attributes:
        words: for people, and equal when two servers said the same.
        sort: what it is to the order of lines.
        asked: what it answers; None for what the server says of its own accord.
        is_end: nothing can follow it.
        after: what the device had said last, for people.
    """

    words: str
    at_ns: int
    sort: Sort = Sort.OTHER
    asked: Asked | None = None
    is_end: bool = False
    after: str = ""
