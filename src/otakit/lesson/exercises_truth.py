"""The exercises of lessons 05 to 08: statuses, checksums, software beside firmware, device and profile."""

from __future__ import annotations

from typing import Any

from otakit.lesson.exercise import Exercise
from otakit.protocol.checksums import checksum_of

LESSON_IMAGE = bytes(range(250)) * 80
"""The 20,000 bytes of the lessons' image."""
APPLICATION = b"panel application 2.1.0\n" * 375
"""The 9,000 bytes of the software in lesson 07."""
HEAD_BYTES = 16
PAIRS = (("1.0", "1.0.1"), ("1.1", "1.10"), ("1.10", "1.1"), ("2.0", "2.0"), ("2.0", "2.1"))
"""Running and offered versions of exercise 05b."""


def _skipped_by_prefix(value: Any) -> bool:
    wanted = {pair for pair in PAIRS if pair[1].startswith(pair[0]) and pair[0] != pair[1]}
    return len(value) == len(wanted) and {tuple(pair) for pair in value} == wanted


def _begins_with_zeros(value: Any) -> bool:
    return isinstance(value, bytes) and checksum_of("CRC32", value).startswith("00")


def _heads_in_turn(value: Any) -> bool:
    """The first bytes of firmware, software and firmware."""
    return [bytes(head) for head in value] == [
        image[:HEAD_BYTES] for image in (LESSON_IMAGE, APPLICATION, LESSON_IMAGE)
    ]


def _moved(value: Any) -> bool:
    """Both messages of a package that is in force now: the package itself, and its unused keys deleted."""
    told = [body["fw_version"] for body in value if "fw_version" in body]
    deleted = [body for body in value if "fw_tag" in body.get("deleted", ()) and "fw_title" not in body["deleted"]]
    return told == ["F4"] and len(deleted) == 1


EXERCISES = {
    "05a": Exercise(
        lambda value: list(value) == ["VERIFIED"],
        "history keeps one value for each key and millisecond, and the later one replaced the earlier: a device that "
        "reports twice within a millisecond loses a status, unless it gives each a later time.",
        "Write both with the same ts and read fw_state back: the list holds the values of that one time, no other.",
        (
            "Call server.write_telemetry twice, first with DOWNLOADED, then with VERIFIED, both times with ts.",
            'server.telemetry(device, "fw_state")["fw_state"] is a list of pairs: milliseconds and value.',
            "Keep the values whose milliseconds are ts: [value for at, value in … if at == ts].",
        ),
    ),
    "05b": Exercise(
        _skipped_by_prefix,
        "each offered version begins with all letters of the running one: such a client never takes the bug fix after "
        "its own release. Only the exact comparison of title and version is right.",
        "Wanted are the pairs where offered.startswith(running) is true and the two are not equal.",
        (
            "Try '1.0.1'.startswith('1.0') and '1.1'.startswith('1.10').",
            "A pair whose two versions are equal is rightly skipped, so it is not wanted.",
            "A list of pairs, each as it stands in pairs: two of the five.",
        ),
    ),
    "06a": Exercise(
        lambda value: value == checksum_of("CRC32", LESSON_IMAGE),
        "the same 32 bits as four bytes, the lowest first, each as two digits.",
        "Eight digits in small letters: what server.upload prints for this image with algorithm CRC32.",
        (
            "zlib.crc32(image) is the number; number.to_bytes(4, …) makes its four bytes.",
            "ThingsBoard prints the lowest byte first: the order is called little.",
            "bytes.hex() writes two digits for each byte, zeros included.",
        ),
    ),
    "06b": Exercise(
        _begins_with_zeros,
        "about one image in 256 begins like that. A client that leaves leading zeros out, as the vendor's Python "
        "client does, compares six digits or fewer with eight and refuses a good image.",
        "Hand over bytes, not a text: some whose checksum_of('CRC32', image) begins with 00.",
        (
            "Any bytes will do: count upwards, and make an image of each number, such as str(number).encode().",
            "checksum_of('CRC32', image) prints as ThingsBoard does; startswith('00') tells.",
            "next(image for image in (…) if checksum_of('CRC32', image).startswith('00')) stops at the first one.",
        ),
    ),
    "07a": Exercise(
        lambda value: value == "v2/sw/response/8/chunk/3",
        "the answer repeats kind, request id and index of its request; that is all that tells two downloads apart.",
        "It is the topic of the request with one word changed.",
        (
            "The request goes to v2/sw/request/8/chunk/3.",
            "ThingsBoard answers under response where the device wrote request.",
            "A text with six parts, five slashes between them; sw stays.",
        ),
    ),
    "07b": Exercise(
        _heads_in_turn,
        "each request had an id of its own, so none was answered with another image's bytes: one counter for both "
        "kinds is all it takes.",
        "A list of three payloads, each 16 bytes: of the firmware, the software, and the firmware again.",
        (
            "ids = itertools.count(1) counts; next(ids) gives the next number, whoever asks.",
            "line.request_chunk(next(ids), 0, 16, kind='software') asks; .payload has the bytes.",
            "Connect anew and see that both packages are assigned: round 3 took the software's assignment back.",
        ),
    ),
    "08a": Exercise(
        lambda value: list(value) == ["F2", "F3", "F3", None],
        "the device's own package comes first, its profile's second, and without both nothing is in force.",
        "Go through the pairs one by one: the first of the two that is not None.",
        (
            "In round 2 D1 had F2 and its profile F3: which one was in D1's attributes?",
            "Only a device without a package of its own has its profile's.",
            "A list of four: two of them are F3, one is None.",
        ),
    ),
    "08b": Exercise(
        _moved,
        "the move changes what is in force, so D1 is told of F4 by the usual two messages; no message says that it "
        "moved.",
        "A list of two messages as told.heard('D1') gives it: one with fw_version F4, one with the unused keys.",
        (
            "Make a second profile with server.add_profile, upload F4 with profile=…, and assign F4 to that profile.",
            "Then told.begin(profile=f3), told.move('D1', other), and told.after('D1 moves').",
            "After that told.heard('D1') is what D1 was told.",
        ),
    ),
}
