"""Two images' checksums side by side, and the picture of it."""

from __future__ import annotations

from typing import Any

import pytest

from otakit.analyse import plots
from otakit.errors import SettingsError
from otakit.lesson.bits import changed_bits, differing, flipped
from otakit.lesson.place import on_twin
from otakit.protocol.checksums import ALGORITHMS
from otakit.servers import Twin

IMAGE = bytes(range(250)) * 4


@pytest.mark.parametrize(("bit", "expected"), [(0, b"\x01\x00"), (7, b"\x80\x00"), (8, b"\x00\x01"), (15, b"\x00\x80")])
def test_one_bit_is_turned_and_no_other(bit: int, expected: bytes) -> None:
    assert flipped(b"\x00\x00", bit) == expected
    assert flipped(expected, bit) == b"\x00\x00"


@pytest.mark.parametrize("bit", [-1, 16])
def test_bit_that_is_not_there_is_refused(bit: int) -> None:
    with pytest.raises(SettingsError, match="bits 0 to 15"):
        flipped(b"\x00\x00", bit)


def test_bits_that_differ_are_counted_whatever_the_order_of_the_bytes() -> None:
    assert differing("00ff", "01fe") == 2


def test_each_algorithm_has_its_row() -> None:
    """As long as its checksum is, and none fails to notice a single bit."""
    table = changed_bits(IMAGE, flipped(IMAGE, 77))
    assert tuple(table["algorithm"]) == ALGORITHMS
    assert list(table["bits"]) == [128, 256, 384, 512, 32, 32, 128]
    assert (table["changed"] > 0).all()
    assert (table["before"] != table["after"]).all()


def test_picture_names_what_it_found() -> None:
    """In its title and in words for who cannot see it; it draws."""
    axes: Any = plots.changed_bits(changed_bits(IMAGE, flipped(IMAGE, 77)))
    assert axes.get_title(loc="left").startswith("All 7 checksums changed, between ")
    assert "CRC32" in plots.alt_text(axes)
    assert plots.png(axes.figure, sharpness=0.3).startswith(b"\x89PNG")


def test_picture_of_equal_images_and_of_none_says_so() -> None:
    same: Any = plots.changed_bits(changed_bits(IMAGE, IMAGE))
    assert same.get_title(loc="left") == "No checksum changed: the two images are the same"
    none: Any = plots.changed_bits(changed_bits(IMAGE, IMAGE).iloc[:0])
    assert plots.alt_text(none) == "Nothing to show: no checksum."
    assert all(plots.png(axes.figure, sharpness=0.3).startswith(b"\x89PNG") for axes in (same, none))


def test_checksum_that_did_not_notice_is_named() -> None:
    table = changed_bits(IMAGE, flipped(IMAGE, 77))
    table.loc[table["algorithm"] == "CRC32", ["changed", "after"]] = [0, table["before"][4]]
    assert plots.changed_bits(table).get_title(loc="left") == "CRC32 did not notice; the others did"


def test_faults_are_made_on_a_twin(twin: Twin) -> None:
    """The server itself, where it is one."""
    assert on_twin(twin) is twin
