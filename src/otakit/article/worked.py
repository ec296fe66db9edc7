"""The worked example as a table: what the operator did, and what each device received then.

Knows the notes of the operator and the updates of attributes in a recording of several devices; refuses to
know how they came about. Pure; called by `page`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from otakit.article.cut import Recorded
from otakit.article.tables import code, list_table
from otakit.captured import Note, OpenedConnection
from otakit.exchange.decoded import DecodedPacket
from otakit.protocol.package import KEYS

NOTHING = "nothing"


def worked_example(recorded: Recorded) -> list[str]:
    """Action, then a column for each device.

    Raises:
        AssertionError: the recording has no action of an operator.
    """
    hosts = _hosts(recorded)
    devices = {host: f"D{number}" for number, host in enumerate(dict.fromkeys(hosts.values()), 1)}
    acts = [entry for entry in recorded.entries if isinstance(entry, Note) and entry.name == "operator"]
    assert acts, f"{recorded.name} has no action of an operator"
    ends = [*(act.at_ns for act in acts[1:]), 1 << 63]
    rows = []
    for act, end in zip(acts, ends, strict=True):
        updates = [
            each for each in recorded.packets if each.message == "AttributesUpdate" and act.at_ns <= each.at_ns < end
        ]
        cells = [_received([one for one in updates if hosts[one.connection] == host], act.at_ns) for host in devices]
        rows.append((str(act.fields["did"]), *cells))
    head = ("Action", *(f"{name} receives on ``v1/devices/me/attributes``" for name in devices.values()))
    return list_table(head, rows, (28, *(36 for _ in devices)))


def _hosts(recorded: Recorded) -> dict[int, str]:
    """Address of each connection, in the order of the addresses."""
    found = {each.number: each.client[0] for each in recorded.entries if isinstance(each, OpenedConnection)}
    return dict(sorted(found.items(), key=lambda pair: (pair[1], pair[0])))


def _received(updates: list[DecodedPacket], since_ns: int) -> str:
    if not updates:
        return NOTHING
    after = (updates[-1].at_ns - since_ns) / 1e9
    return f"{'; '.join(text for each in updates for text in _in_short(each))}; after {after:.2f} s"


def _in_short(update: DecodedPacket) -> Iterator[str]:
    """What one update says, without what is the same in all of them."""
    body = json.loads(update.text or "{}")
    if "fw_version" in body:
        yield code(f'"fw_version":"{body["fw_version"]}"')
    elif len(body.get("deleted", ())) == len(KEYS):
        yield f"deleted: all {len(KEYS)} keys"
    elif "deleted" in body:
        yield f"deleted {', '.join(code(str(key)) for key in sorted(body['deleted']))}"
