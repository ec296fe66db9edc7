"""The report page: self-contained, complete, honest about what is missing, and safe whatever a recording holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import otakit
from otakit.captured import CapturedPacket, OpenedConnection
from otakit.errors import SettingsError
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Connect, Publish
from otakit.record.pcapng import entries_to_file
from otakit.report import Words, write_report
from otakit.report_rows import folded, update_card
from otakit.session import Session, example


class Page(HTMLParser):
    """Collects what a browser would load, and checks that every tag is closed."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.open, self.images, self.links = text, list[str](), list[dict[str, Any]](), list[str]()
        self.ids: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(found)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        self.links += [str(found[name]) for name in ("src", "href") if name in found]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The sample beside itself."""
    words = Words(names=("slow link", "fast link"), server="twin", files={"a.pcapng": "the recording"})
    path = write_report([example(), example()], tmp_path_factory.mktemp("report") / "report.html", words)
    return Page(path.read_text(encoding="utf-8"))


def test_page_loads_nothing_from_anywhere(page: Page) -> None:
    """Pictures are in it, links stay in it: it works without a network and can be sent."""
    assert all(link.startswith(("data:image/", "#")) for link in page.links)
    assert not re.search(r"<script|@import|url\(", page.text)


def test_every_link_of_the_page_has_its_section(page: Page) -> None:
    """The navigation leads somewhere."""
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_every_picture_has_its_words(page: Page) -> None:
    """Made from the data: the diagram, and two plots for each of the two runs."""
    assert len(page.images) == 5
    assert all(len(str(image["alt"])) > 60 for image in page.images)


@pytest.mark.parametrize(
    "text",
    ["Summary", "Both runs side by side", "Sequence diagram of the run", "Chunk latency", "Status timeline",
     "Exchanges", "Files", "slow link", "fast link", "pump 1.0.0 → 1.1.0", "panel 2.0.0 → 2.1.0", "UPDATED"],
)  # fmt: skip
def test_page_has_each_of_its_parts(page: Page, text: str) -> None:
    """Headings, runs, updates."""
    assert text in page.text


def test_page_is_for_light_and_dark_screens_for_narrow_ones_and_for_paper(page: Page) -> None:
    """All three are asked of the browser."""
    for query in ("prefers-color-scheme: dark", "max-width: 40rem", "@media print", "width=device-width"):
        assert query in page.text


def test_regular_chunks_are_folded_and_all_rows_are_there_too(page: Page) -> None:
    """Bold is what was repeated or unanswered."""
    assert "3 regular chunks" in page.text
    assert page.text.count("<details><summary>All ") == 2
    assert 'class="odd-one"' in page.text


def test_one_session_writes_its_own_page(tmp_path: Path) -> None:
    """Without a comparison, and with the recording's name."""
    text = otakit.example().report(tmp_path / "one.html").read_text(encoding="utf-8")
    assert "side by side" not in text
    assert "otakit.load(&#34;two-updates.pcapng&#34;)" in text or 'otakit.load("two-updates.pcapng")' in text
    Page(text)


def test_what_a_cut_recording_lacks_stands_on_its_page(tmp_path: Path) -> None:
    """In the recording's own words."""
    whole = example().path.read_bytes()
    (tmp_path / "cut.pcapng").write_bytes(whole[: len(whole) // 2])
    cut = otakit.load(tmp_path / "cut.pcapng")
    text = cut.report(tmp_path / "cut.html").read_text(encoding="utf-8")
    assert cut.cut
    assert cut.cut.split()[0] in text
    assert "STILL_RUNNING" in text


def recording(path: Path, *payloads: bytes) -> Session:
    """A recording that somebody else's device might have left."""
    packets = [encode(Connect()), *(encode(Publish("v1/devices/me/telemetry", payload)) for payload in payloads)]
    entries: list[Any] = [OpenedConnection(0, ("192.0.2.7", 1), ("192.0.2.1", 1883))]
    entries += [
        CapturedPacket(number, 10**18 + number, 0, Direction.TO_SERVER, raw, len(raw))
        for number, raw in enumerate(packets, 1)
    ]
    return Session(entries_to_file(entries, path))


def test_recording_without_an_update_says_so(tmp_path: Path) -> None:
    """No picture is missing, none is empty without a word."""
    text = recording(tmp_path / "idle.pcapng").report(tmp_path / "idle.html").read_text(encoding="utf-8")
    assert "This recording holds no update." in text
    assert "No device was brought to a package here." in text
    Page(text)


def test_what_a_device_says_cannot_write_into_the_page(tmp_path: Path) -> None:
    """Tags and quotes from the wire are text."""
    hostile = b'{"fw_state":"<script>alert(1)</script>\\" onload=\\"x","t":"</pre></details>"}'
    text = recording(tmp_path / "h.pcapng", hostile).report(tmp_path / "h.html").read_text(encoding="utf-8")
    assert "<script" not in text
    Page(text)


def test_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(SettingsError, match=r"report: cannot write .* choose another folder"):
        example().report(tmp_path / "nowhere" / "report.html")


def test_failed_update_has_its_reason_on_its_card() -> None:
    """And no figures that are not there."""
    row = dict.fromkeys(example().updates.columns) | {
        "kind": "firmware", "outcome": "FAILED", "reason": "checksum differs", "retries": 0, "chunks": 0,
        "bytes_wasted": 0, "bytes_received": 0,
    }  # fmt: skip
    card = update_card(row)
    assert (card["tone"], card["reason"], card["steps"]) == ("bad", "checksum differs", "nothing → unknown")
    assert "duration" not in dict(card["facts"])


def test_folding_keeps_first_last_and_irregular_chunks() -> None:
    """And order."""
    rows = [{"name": "ChunkRequest", "kind": "firmware", "mark": "odd-one" if n == 5 else "", "latency": "1.0", "n": n}
            for n in range(10)]  # fmt: skip
    kept = folded(rows)
    assert [row["n"] for row in kept if row["mark"] != "folded"] == [0, 5, 9]
    assert [row["said"] for row in kept if row["mark"] == "folded"] == ["4 regular chunks", "3 regular chunks"]
