"""Faults on purpose as data: what a link and a server may do to a device, and when.

`values` are the faults, `texts` their words, `link` a path with its delay and rate, `plan` a server's faults and
their tables, `counter` says which packet has earned which, `meddling` what becomes of that packet.
"""

from otakit.faults.counter import Counter, luck
from otakit.faults.link import EXPECTED, LinkSettings, parse_link
from otakit.faults.plan import ServerPlan, SlowLink, plan_of
from otakit.faults.tables import parse_plan
from otakit.faults.values import (
    DEFAULT_WITHHELD,
    FAULTS,
    Corrupt,
    Cut,
    Delay,
    Duplicate,
    EvictCache,
    Fault,
    LinkFault,
    Misstate,
    RateLimit,
    Reassign,
    RefuseChunk,
    RefuseConnect,
    Reorder,
    Silence,
    TakeOver,
    Truncate,
    Withhold,
)

__all__ = [
    "DEFAULT_WITHHELD",
    "EXPECTED",
    "FAULTS",
    "Corrupt",
    "Counter",
    "Cut",
    "Delay",
    "Duplicate",
    "EvictCache",
    "Fault",
    "LinkFault",
    "LinkSettings",
    "Misstate",
    "RateLimit",
    "Reassign",
    "RefuseChunk",
    "RefuseConnect",
    "Reorder",
    "ServerPlan",
    "Silence",
    "SlowLink",
    "TakeOver",
    "Truncate",
    "Withhold",
    "luck",
    "parse_link",
    "parse_plan",
    "plan_of",
]
