"""What passed in one scenario, in the order in which it passed: the only thing that is compared.

Holds values only: packets with their side, connections that the server closed, REST calls with their
answers. A stage writes it down while the scenario runs; `compare` reads two of them, `keeping` makes a
recording of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from otakit.protocol.messages import Direction


@dataclass(frozen=True, slots=True)
class Passed:
    """One whole MQTT packet.

    Attributes:
        at_ns: nanoseconds of the stage's clock.
        connection: counts from 0 in a scenario, in the order of opening.
        raw: its bytes, secrets included; no repr shows them.
    """

    at_ns: int
    connection: int
    direction: Direction
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """The server closed a connection."""

    at_ns: int
    connection: int


@dataclass(frozen=True, slots=True)
class Called:
    """One HTTP call with its answer.

    Attributes:
        path: with its query; holds an access token in the device's HTTP door.
        body: the answer, whole.
    """

    at_ns: int
    method: str
    path: str = field(repr=False)
    status: int
    body: bytes = field(repr=False)
    content_type: str = ""


Event = Passed | Closed | Called


def _no_names() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that passed in one scenario.

    Attributes:
        names: what this run had to call by a name or token of its own, and the neutral word for it.
    """

    events: tuple[Event, ...]
    names: Mapping[str, str] = field(default_factory=_no_names, repr=False)
