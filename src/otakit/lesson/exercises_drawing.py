"""The exercises of the lessons on drawing a run (09) and on measuring it (11)."""

from __future__ import annotations

from typing import Any

from otakit.lesson.exercise import Exercise, near
from otakit.session import example


def _caught_at_downloaded(value: Any) -> bool:
    """A verdict whose first difference is the status that was left out."""
    return not value and "DOWNLOADED" in str(value.promised) and "VERIFIED" in value.shown(value.seen)


def _failed_branch_is_followed(value: Any) -> bool:
    """The failed run follows the text, and a run that ended well does not."""
    text, session = value
    ended = session.statuses.query("writer == 'device'")["status"].iloc[-1]
    return bool(ended == "FAILED" and session.follows(text) and not example().follows(text))


def _late_chunk(value: Any) -> bool:
    """The answer that the link held back; answers are counted from 1, chunks from 0."""
    index, why = value
    return bool(index == LATE_ANSWER - 1 and str(why).strip().lower() == "the link")


LATE_ANSWER = 20
"""What lesson 11 tells the link to hold back."""

EXERCISES = {
    "09a": Exercise(
        _caught_at_downloaded,
        "the diagram promises DOWNLOADED before the check, and VERIFIED came in its place.",
        "Hand over the verdict of a client that leaves out DOWNLOADED, and nothing else, held against whole-update.",
        (
            "pretend(device, leave_out=...) takes the word of any status.",
            "What follows returns is the verdict: of the client's session, against the same diagram as before.",
            "Two calls, one after the other: pretend with the word DOWNLOADED, then follows with 'whole-update'.",
        ),
    ),
    "09b": Exercise(
        _failed_branch_is_followed,
        "the run that failed follows your diagram, and a run that ended well does not.",
        "A pair: the text, whose arrows are Telemetry with the statuses up to FAILED, and the session of a run that "
        "ended in FAILED; session.follows(text) shows the first difference.",
        (
            'An arrow is one line: TBDev -> TBSrv : Telemetry: {"fw_state":"DOWNLOADED"}',
            "A link that corrupts an answer spoils the checksum: link='40 ms, answer 3 corrupted' of otakit.update.",
            "Three arrows: DOWNLOADING, DOWNLOADED, FAILED. Put the device back to 1.0.0 before its update.",
        ),
    ),
    "11a": Exercise(
        _late_chunk,
        "the link held that answer back; answers are counted from 1 and chunks from 0, all are of one size, and those "
        "behind it came before it.",
        "A pair: the index of the row with the largest latency_s, and one of the three reasons.",
        (
            "late.chunks has the column latency_s; sort_values puts the rows in its order, .iloc[-1] is the last row.",
            "Is it larger than the others? Did others, asked for after it, come before it? Then it was no queue.",
            "The index of the last row when sorted by latency_s, and 'the link'.",
        ),
    ),
    "11b": Exercise(
        lambda value: near(value, (1 + 50) * 0.1),
        "the first chunk goes alone; 199 others in groups of four need 50 round trips; each takes 0.1 s at least.",
        "Count round trips: the first chunk alone, the others four at a time; the last group may be smaller.",
        (
            "With one in flight it would be 200 round trips of 0.1 s.",
            "With four in flight, four chunks share a round trip, except for the first chunk, which goes alone.",
            "1 + 199 / 4, rounded up, times 0.1 s.",
        ),
    ),
}
