"""What the pictures of bytes, chunks and attribute updates find, in one sentence each; pure.

As `findings`, for `plots_bytes`, `plots_chunk_map` and `plots_updates`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from otakit.analyse.words import counted, duration
from otakit.explain import Field

MOST_KEYS = 4


def packet_bytes(fields: Sequence[Field], name: str) -> str:
    """Which field takes most of a packet."""
    if not fields:
        return "Nothing to show: no packet"
    total, taken = fields[-1].end, lengths(fields)
    if len(taken) == total:
        return f"{name}, {counted(total, 'byte')}: one for each field"
    most, count = max(taken.items(), key=lambda item: item[1])
    parts = sum(field.name == most for field in fields)
    what = f"its {parts} {most}s" if parts > 1 else f"the {most}"
    return f"{name}, {counted(total, 'byte')}: {what} {'take' if parts > 1 else 'takes'} {count:,}"


def lengths(fields: Sequence[Field]) -> dict[str, int]:
    """Bytes of each sort of field, in the order of the packet."""
    found: Counter[str] = Counter()
    for field in fields:
        found[field.name] += len(field.raw)
    return dict(found)


def chunk_map(chunks: pd.DataFrame) -> str:
    """How an image travelled: how many chunks of which length."""
    if chunks.empty:
        return "Nothing to show: no chunk was asked for"
    came = chunks[chunks["received_bytes"].fillna(0) > 0]
    if came.empty:
        return f"{counted(len(chunks), 'request')}, and no byte of an image came"
    first = came.drop_duplicates(["kind", "offset", "received_bytes"])
    sizes = Counter(int(size) for size in first["received_bytes"])
    groups = [f"{count} of {size:,}" if count > 1 else f"one of {size:,}" for size, count in sizes.most_common(4)]
    total = f"{counted(int(first['received_bytes'].sum()), 'byte')} in {counted(len(first), 'chunk')}"
    empty = int(is_empty(chunks).sum())
    tail = f"; {counted(empty, 'empty answer')}" if empty else ""
    return f"{total}: {', '.join(groups)}{tail}"


def is_empty(chunks: pd.DataFrame) -> pd.Series:
    """Which requests were answered without a byte: past the end, or with the server's cache lost."""
    return chunks["outcome"].isin(["ANSWERED", "EMPTY"]) & (chunks["received_bytes"].fillna(0) == 0)


def updates(packets: pd.DataFrame) -> str:
    """How many messages on attribute updates, with what, and how far apart."""
    if packets.empty:
        return "Nothing to show: no attribute update came"
    gone = sum(is_deletion(text) for text in packets["text"])
    sorts = [
        f"{count} {word}" for count, word in ((len(packets) - gone, "with values"), (gone, "with deletions")) if count
    ]
    apart = float(packets["at_s"].max() - packets["at_s"].min())
    when = f" within {duration(apart)}" if len(packets) > 1 else ""
    return f"{counted(len(packets), 'attribute update')}{when}: {', '.join(sorts)}"


def is_deletion(text: object) -> bool:
    """Whether an update says what was deleted."""
    return "deleted" in body_of(text)


def keys_of(text: object) -> str:
    """The keys that an update is about, the first few by name."""
    body = body_of(text)
    gone = body.get("deleted")
    names = [str(name) for name in gone] if isinstance(gone, list) else list(body)
    shown = ", ".join(names[:MOST_KEYS])
    return f"{shown} and {len(names) - MOST_KEYS} more" if len(names) > MOST_KEYS else shown


def body_of(text: object) -> dict[str, object]:
    """An update's JSON object; an empty one for what is none."""
    try:
        body = json.loads(str(text))
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
