"""Pictures of bytes, of the chunk map and of attribute updates: they draw, and say in words what they show."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from otakit.analyse import findings_wire as findings
from otakit.analyse import plots
from otakit.explain import Field, explain
from otakit.protocol import mqtt
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction

SUBSCRIBE = p.Subscribe(1, (("v2/fw/response/+", 1), ("v2/fw/response/+/chunk/+", 1)))
CHUNK = p.Publish("v2/fw/response/1/chunk/0", bytes(range(256)) * 16, 1, 5)


def fields(packet: p.Packet, direction: Direction = Direction.TO_SERVER) -> list[Field]:
    return explain(mqtt.encode(packet), direction)


def png(axes: Any) -> bytes:
    return plots.png(axes.figure, sharpness=0.3)


def texts(axes: Any) -> set[str]:
    return {text.get_text() for text in axes.texts}


def chunks(*rows: tuple[int, int, str, int]) -> pd.DataFrame:
    """Index, received bytes, outcome and attempt of requests for chunks of 4,096 bytes."""
    return pd.DataFrame(
        [
            {"kind": "firmware", "request_id": 1, "index": index, "offset": 4096 * index, "received_bytes": size,
             "outcome": outcome, "attempt": attempt}
            for index, size, outcome, attempt in rows
        ]
    )  # fmt: skip


def updates(*texts: str) -> pd.DataFrame:
    rows = [{"message": "AttributesUpdate", "at_s": 1 + 0.25 * place, "text": text} for place, text in enumerate(texts)]
    return pd.DataFrame([{"message": "Connect", "at_s": 0.0, "text": ""}, *rows])


WHOLE = [(0, 4096, "ANSWERED", 1), (1, 3616, "ANSWERED", 1)]


def test_every_byte_of_a_packet_has_its_square() -> None:
    """And each field its number, where it begins and beside its name."""
    found = fields(SUBSCRIBE)
    shown = texts(plots.packet_bytes(found, "Subscribe"))
    assert {"82", "2b", "8"} <= shown
    assert "topic filter: v2/fw/response/+/chunk/+" in shown
    assert findings.packet_bytes(found, "Subscribe") == "Subscribe, 50 bytes: its 2 topic filters take 40"


def test_a_long_field_shows_its_beginning_and_how_much_is_left_out() -> None:
    """A chunk would need 256 rows."""
    axes = plots.packet_bytes(fields(CHUNK, Direction.TO_DEVICE), "ChunkResponse")
    assert "+4,032" in texts(axes)
    assert "payload 4,096" in plots.alt_text(axes)
    assert png(axes).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        (WHOLE, "7,712 bytes in 2 chunks: one of 4,096, one of 3,616"),
        ([*WHOLE, (2, 0, "ANSWERED", 1)], "7,712 bytes in 2 chunks: one of 4,096, one of 3,616; 1 empty answer"),
        ([*WHOLE, (0, 4096, "ANSWERED", 2)], "7,712 bytes in 2 chunks: one of 4,096, one of 3,616"),
        ([(0, 0, "UNANSWERED", 1)], "1 request, and no byte of an image came"),
        ([(place, 10, "ANSWERED", 1) for place in range(40)], "400 bytes in 40 chunks: 40 of 10"),
    ],
)
def test_the_chunk_map_says_how_an_image_travelled(rows: list[tuple[int, int, str, int]], finding: str) -> None:
    """A chunk that came twice counts once; many requests draw without words."""
    axes = plots.chunk_map(chunks(*rows))
    assert axes.get_title(loc="left") == finding
    assert finding in plots.alt_text(axes)
    assert png(axes).startswith(b"\x89PNG")


def test_an_empty_answer_is_told_from_none() -> None:
    """Past the end something came: nothing."""
    assert "0 bytes" in texts(plots.chunk_map(chunks(*WHOLE, (2, 0, "ANSWERED", 1))))
    assert "no chunk" in texts(plots.chunk_map(chunks(*WHOLE, (2, 0, "UNANSWERED", 1))))


def test_values_and_deletions_stand_in_two_lanes() -> None:
    """With their keys; the title says how far apart they came."""
    axes = plots.updates_over_time(updates('{"deleted":["fw_tag"]}', '{"a":1,"b":2,"c":3,"d":4,"e":5}'))
    assert axes.get_title(loc="left") == "2 attribute updates within 250 ms: 1 with values, 1 with deletions"
    assert {"fw_tag", "a, b, c, d and 1 more"} <= texts(axes)
    assert png(axes).startswith(b"\x89PNG")


@pytest.mark.parametrize("text", ["no JSON", "[1]", '{"deleted":"x"}', "{}"])
def test_an_update_that_is_none_still_draws(text: str) -> None:
    """Whatever the server said."""
    assert png(plots.updates_over_time(updates(text))).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "axes",
    [plots.packet_bytes([], "x"), plots.chunk_map(chunks()), plots.updates_over_time(updates())],
    ids=["bytes", "map", "updates"],
)
def test_nothing_to_show_is_a_picture_that_says_so(axes: Any) -> None:
    """And why."""
    assert plots.alt_text(axes).startswith("Nothing to show: ")
