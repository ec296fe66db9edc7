"""The exercises of the lessons: how an answer is seen to be right, why it is, and three hints each.

Right answers are computed from what the lesson itself looks at, so none stands here in clear. Read by
`lesson.answers`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from otakit.lesson import exercises_drawing, exercises_truth, exercises_wire
from otakit.lesson.exercise import Exercise, near
from otakit.session import Session, example


@cache
def _sample() -> Session:
    return example()


def _own_file_runs(value: Any) -> bool:
    """A session in which one more firmware reached the device."""
    updates = value.updates
    done = updates[(updates["kind"] == "firmware") & (updates["outcome"] == "UPDATED")]
    return bool(len(done)) and str(done["to_version"].iloc[-1]) not in ("1.0.0", "1.1.0")


def _bytes_of_overhead(value: Any) -> bool:
    packets = _sample().packets
    chunks = packets[packets["message"] == "ChunkResponse"]
    return near(value, int(packets["length"].sum()) - int(chunks["payload_bytes"].sum()))


def _slowest_chunk(value: Any) -> bool:
    chunks = _sample().chunks
    answered = chunks[chunks["latency_s"].notna()]
    row = answered.sort_values("latency_s").iloc[-1]
    kind, index = value
    return bool(str(kind) == row["kind"] and int(index) == row["index"])


def _seconds_in_vain(value: Any) -> bool:
    """From the unanswered request to its repetition."""
    chunks = _sample().chunks
    again = chunks[chunks["attempt"] == 2].iloc[0]
    first = chunks[(chunks["kind"] == again["kind"]) & (chunks["index"] == again["index"]) & (chunks["attempt"] == 1)]
    return near(value, float(again["asked_s"] - first["asked_s"].iloc[0]))


EXERCISES = {
    "00a": Exercise(
        _own_file_runs,
        "its last firmware update ended in UPDATED, with a version that this lesson had not used.",
        "Hand over the session of your own update: ended in UPDATED, to a version other than 1.0.0 and 1.1.0.",
        (
            "Three verbs are enough: server.upload, server.assign, otakit.update.",
            "server.upload takes the path of a file where the lesson gave bytes; take a version of your own.",
            "Assign what upload returned to the device, update it, and hand over what update returned.",
        ),
    ),
    "00b": Exercise(
        lambda value: near(value, 153_600 * 8 / 600_000),
        "no byte arrives faster than its bits; headers, acknowledgements and the first round trips come on top.",
        "Eight bits a byte, and 600,000 bits a second; the answer is in seconds.",
        (
            "len(image) is the number of bytes.",
            "A link's rate is given in bits: a byte has eight.",
            "Divide the bits of the image by the bits of a second.",
        ),
    ),
    "10a": Exercise(
        _bytes_of_overhead,
        "all packets together are longer than the image bytes in them by just that: headers, topics, acknowledgements.",
        "Take the lengths of all packets and the payloads of the ChunkResponse packets only.",
        (
            "packets has the columns length (the whole packet) and payload_bytes.",
            "Rows of image bytes are those whose column message is 'ChunkResponse'.",
            "The answer is a sum over all rows less a sum over the rows of image bytes.",
        ),
    ),
    "10b": Exercise(
        _slowest_chunk,
        "no answered request has a larger latency_s; it was asked for together with others and came behind them.",
        "Look for the largest latency_s in chunks, and give the pair (kind, index).",
        (
            "sort_values puts the rows in the order of a column; one row has no latency at all: dropna leaves it out.",
            ".iloc[-1] is the last row; its kind and index are wanted.",
            "A pair is written with a comma between round brackets: the kind as text, the index as number.",
        ),
    ),
    "10c": Exercise(
        _seconds_in_vain,
        "so long the device waited, its deadline for a chunk, before it asked again.",
        "Two rows of chunks have the same kind and index: take the difference of their asked_s.",
        (
            "The repetition is the row whose attempt is 2.",
            "The first request has the same kind and index, attempt 1 and outcome UNANSWERED.",
            "Subtract the asked_s of the unanswered row from that of the row with attempt 2.",
        ),
    ),
    **exercises_drawing.EXERCISES,
    **exercises_truth.EXERCISES,
    **exercises_wire.EXERCISES,
}
