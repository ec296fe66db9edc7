"""Frames → what they show, in one sentence: the titles of the plots and the texts of their descriptions.

Knows frames and words, no pictures; `plots` puts these sentences over its axes and into ``alt``.
"""

from __future__ import annotations

import math

import pandas as pd

from otakit.analyse import timing
from otakit.analyse.words import counted, duration, listed, share, times, volume

NOTHING = "Nothing to show"
STEADY = 0.15
"""Halves of a run whose medians differ by less than this share are called steady."""
TERMINAL = ("UPDATED", "FAILED")


def answered(chunks: pd.DataFrame) -> pd.DataFrame:
    """The requests that brought an answer."""
    return chunks[chunks["latency_s"].notna()]


def has_both_kinds(frame: pd.DataFrame) -> bool:
    """Whether rows must be told apart by their kind."""
    return len(frame["kind"].dropna().unique()) > 1


def asked_again(chunks: pd.DataFrame) -> dict[str, int]:
    """Chunks asked for more than once → how often; named ``20``, or ``software chunk 20`` beside firmware."""
    both = has_both_kinds(chunks)
    counts: dict[str, int] = {}
    repeated = chunks[chunks["attempt"] > 1]
    for kind, index, attempt in zip(repeated["kind"], repeated["index"], repeated["attempt"], strict=True):
        name = f"{kind} chunk {index}" if both else str(index)
        counts[name] = max(counts.get(name, 0), int(attempt))
    return counts


def reconnects(chunks: pd.DataFrame) -> list[tuple[float, int]]:
    """Seconds and chunk index of each first request of an update on another connection than those before."""
    found = []
    for _, rows in chunks.groupby("update", dropna=False, sort=False):
        seen: set[int] = set()
        for at_s, index, connection in zip(rows["asked_s"], rows["index"], rows["connection"], strict=True):
            if seen and connection not in seen:
                found.append((float(at_s), int(index)))
            seen.add(connection)
    return sorted(found)


def _again_sentence(chunks: pd.DataFrame) -> str:
    again = asked_again(chunks)
    if not again:
        return ""
    if len(set(again.values())) == 1 and len(again) <= 3:
        verb = "was" if len(again) == 1 else "were each"
        noun = "" if has_both_kinds(chunks) else f"chunk{'s' * (len(again) > 1)} "  # else the names say it themselves
        return f"{noun}{listed(list(again))} {verb} asked for {times(next(iter(again.values())))}"
    return f"{counted(len(again), 'chunk')} were asked for again"


def latency(chunks: pd.DataFrame) -> str:
    """What the latencies of a run show."""
    if chunks.empty:
        return f"{NOTHING}: no chunk was asked for"
    known = answered(chunks)
    if known.empty:
        return f"{counted(len(chunks), 'chunk request')} and no answer"
    received = known.groupby(["kind", "index"], observed=True).ngroups
    (median,) = timing.percentiles(known["latency_s"], (0.5,))
    parts = [f"{counted(received, 'chunk')}, half within {duration(median)}" if received > 1 else _single(known)]
    if again := _again_sentence(chunks):
        parts.append(again)
    elif received > 1:
        slowest = known.iloc[int(known["latency_s"].argmax())]
        whose = f"{slowest['kind']} chunk" if has_both_kinds(known) else "chunk"
        parts.append(f"the slowest ({whose} {slowest['index']}) took {duration(slowest['latency_s'])}")
    if met := reconnects(chunks):
        parts.append(counted(len(met), "reconnect"))
    return "; ".join(parts)


def _single(known: pd.DataFrame) -> str:
    return f"1 chunk, answered after {duration(float(known['latency_s'].iloc[0]))}"


def latency_over_time(chunks: pd.DataFrame) -> str:
    """Whether the latency holds while the run goes on."""
    known = answered(chunks)
    if len(known) < 4:
        return latency(chunks)
    span = float(known["answered_s"].max() - known["asked_s"].min())
    middle = len(known) // 2
    first, second = (
        timing.percentiles(half, (0.5,))[0] for half in (known["latency_s"][:middle], known["latency_s"][middle:])
    )
    if abs(second - first) <= STEADY * first:
        (median,) = timing.percentiles(known["latency_s"], (0.5,))
        line = f"Latency holds at {duration(median)} for {duration(span)}"
    else:
        way = "rises" if second > first else "falls"
        line = f"Latency {way} from {duration(first)} to {duration(second)} in {duration(span)}"
    vain = vain_waits(chunks)
    if len(vain) == 1:
        return f"{line}; 1 request waited {duration(vain[0])} in vain"
    return f"{line}; {len(vain):,} requests waited in vain, up to {duration(max(vain))}" if vain else line


def vain_waits(chunks: pd.DataFrame) -> list[float]:
    """Seconds that each unanswered request was waited for, until its chunk was asked for again."""
    return [wait for wait in chunks.pipe(waits)["waited_s"] if not math.isnan(wait)]


def waits(chunks: pd.DataFrame) -> pd.DataFrame:
    """The requests without an answer, with `waited_s`: until the same chunk was asked for again (NaN: it was not)."""
    lost = chunks[chunks["outcome"].isin(["UNANSWERED", "OPEN"])].copy()
    lost["waited_s"] = [
        _next_request(chunks, kind, offset, asked) - asked
        for kind, offset, asked in zip(lost["kind"], lost["offset"], lost["asked_s"], strict=True)
    ]
    return lost


def _next_request(chunks: pd.DataFrame, kind: str, offset: int, asked_s: float) -> float:
    same = chunks[(chunks["kind"] == kind) & (chunks["offset"] == offset) & (chunks["asked_s"] > asked_s)]
    return float(same["asked_s"].min()) if len(same) else math.nan


def distribution(chunks: pd.DataFrame) -> str:
    """The three percentiles in a sentence."""
    known = answered(chunks)
    if len(known) < 2:
        return latency(chunks)
    p50, p95, p99 = timing.percentiles(known["latency_s"])
    line = f"Half of {counted(len(known), 'answer')} within {duration(p50)}"
    return f"{line}, 95 % within {duration(p95)}, 99 % within {duration(p99)}"


def timeline(statuses: pd.DataFrame, chunks: pd.DataFrame) -> str:
    """How each kind's update went, by its statuses."""
    if statuses.empty and chunks.empty:
        return f"{NOTHING}: no status was written"
    if statuses.empty:
        return f"{volume(int(chunks['received_bytes'].sum()))} received, and no status was written"
    kinds = list(dict.fromkeys(statuses["kind"]))
    several = len(kinds) > 1
    return "; ".join(_course(kind, statuses[statuses["kind"] == kind], chunks, several=several) for kind in kinds)


def _course(kind: str, statuses: pd.DataFrame, chunks: pd.DataFrame, *, several: bool) -> str:
    who = f"{kind} " if several else ""
    last = statuses.iloc[-1]
    title = " ".join(str(part) for part in (last["title"], last["version"]) if not pd.isna(part))
    if title and last["status"] == "UPDATED":
        who = f"{title}: "
    device = statuses[statuses["writer"] == "device"]
    start = float((device if len(device) else statuses)["at_s"].iloc[0])
    took = float(last["at_s"]) - start
    if last["status"] not in TERMINAL:
        own = chunks[chunks["kind"] == kind]
        got = volume(int(own["received_bytes"].sum())) if len(own) else "nothing"
        return f"{who}{last['status']} is the last status; {got} received"
    where = _longest(statuses, float(last["at_s"]))
    reason = "" if pd.isna(last["error"]) or last["status"] != "FAILED" else f": {_short(str(last['error']))}"
    after = f" after {duration(took)}" if took > 0 else ""
    return f"{who}{last['status']}{after}{where if last['status'] == 'UPDATED' else reason}"


def _longest(statuses: pd.DataFrame, until_s: float) -> str:
    device = statuses[statuses["writer"] == "device"]
    spent = timing.time_in_status(zip(device["at_s"], device["status"], strict=True), until_s)
    spent = {status: seconds for status, seconds in spent.items() if status not in TERMINAL}
    total = sum(spent.values())
    if not spent or total <= 0:
        return ""
    longest = max(spent, key=lambda status: spent[status])
    return f", {share(spent[longest], total)} of it {longest}"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def packets(packets: pd.DataFrame) -> str:
    """How many packets, of which sort, how many bytes each way."""
    if packets.empty:
        return f"{NOTHING}: no packet was captured"
    span = float(packets["at_s"].max() - packets["at_s"].min())
    down = packets["direction"] == "to device"
    bytes_down, bytes_up = int(packets["length"][down].sum()), int(packets["length"][~down].sum())
    chunks = int(packets["message"].isin(["ChunkRequest", "ChunkResponse"]).sum())
    most = f", {share(chunks, len(packets))} of them for chunks" if chunks else ""
    line = f"{counted(len(packets), 'packet')} in {duration(span)}{most}" if len(packets) > 1 else "1 packet"
    return f"{line}; {volume(bytes_down)} down, {volume(bytes_up)} up"


def sorts(packets: pd.DataFrame) -> list[str]:
    """The sort of each packet: its type, and of a PUBLISH its message too."""
    return [
        f"{kind} {message}" if kind == "PUBLISH" and not pd.isna(message) else str(kind)
        for kind, message in zip(packets["type"], packets["message"], strict=True)
    ]
