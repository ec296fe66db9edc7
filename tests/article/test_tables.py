"""The article's tables follow the code: what it adds, they show or refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from otakit.article import tables
from otakit.article.cut import Recorded
from otakit.client import endings
from otakit.errors import SettingsError
from otakit.protocol.checksums import ALGORITHMS
from otakit.protocol.package import KEYS
from otakit.record.reader import Reader

RUNS = Path(__file__).resolve().parents[2] / "docs" / "runs"


def recorded(name: str) -> Recorded:
    return Recorded(f"{name}.pcapng", Reader(RUNS / f"{name}.pcapng").stream())


def first_cells(lines: list[str]) -> list[str]:
    return [line.removeprefix("   * - ").strip("`") for line in lines if line.startswith("   * - ")][1:]


def test_topics_stand_once_for_each_way() -> None:
    """Six functions; only the updates of attributes need a subscriber."""
    text = "\n".join(tables.topics())
    assert text.count("SUBSCRIBE, Client to Server") == 5
    assert text.count("**yes**") == 1
    assert "     - ``v2/fw/request/{requestId}/chunk/{chunkIndex}``" in text


def test_what_replacing_gives_is_found_by_replacing() -> None:
    """The topic of errors is the only one that it does not give."""
    lines = tables.renamed()
    (at,) = (at for at, line in enumerate(lines) if "**no**" in line)
    assert lines[at - 2 : at + 1] == [
        "   * - Filter and topic of errors",
        "     - | ``v2/fw/error``",
        "     - **no**: ``v2/sw/error`` stays silent",
    ]


def test_every_key_of_a_package_is_shown() -> None:
    """Nine, the seven that can be received first, with values from recordings."""
    lines = tables.keys(recorded("assigned-while-away"), recorded("url-package"))
    assert sorted(first_cells(lines)) == sorted(f"fw_{key}" for key in KEYS)
    assert "     - ``20000``" in lines
    assert '     - ``"blue"``' in lines


def test_a_key_without_a_value_in_the_recordings_is_refused() -> None:
    """An example is never made up."""
    with pytest.raises(SettingsError, match="no recording has a value of fw_url"):
        tables.keys(recorded("assigned-while-away"))


def test_statuses_begin_with_the_servers_own() -> None:
    """Then those of the device, in their order."""
    names = ["QUEUED", "INITIATED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED", "FAILED"]
    assert first_cells(tables.statuses()) == names


def test_checksums_are_computed() -> None:
    """The little-endian print of CRC32 among them."""
    lines = tables.checksums()
    assert first_cells(lines) == list(ALGORITHMS)
    assert "     - ``2639f4cb``" in lines


def test_a_word_of_the_code_without_a_sentence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth error word cannot stay untold."""
    monkeypatch.setitem(endings.WORDS, "SOMETHING_NEW", "a reason")
    with pytest.raises(KeyError, match="SOMETHING_NEW"):
        tables.errors()


def test_limits_are_those_of_the_settings() -> None:
    """With the server's own names."""
    text = "\n".join(tables.limits())
    assert "65,536 bytes" in text
    assert "``TB_QUEUE_CORE_OTA_PACK_INTERVAL_MS`` and ``TB_QUEUE_CORE_OTA_PACK_SIZE``" in text


def test_a_cell_of_several_lines_stays_in_its_cell() -> None:
    """Indented as its first line."""
    assert tables.list_table(("a",), [("x\ny",)], (1,))[-2:] == ["   * - x", "       y"]
