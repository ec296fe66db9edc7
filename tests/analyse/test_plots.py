"""Pictures: every story draws, under any style, and says in words what it shows."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.style
import pytest
from matplotlib import _pylab_helpers
from matplotlib.figure import Figure
from PIL import Image

from otakit.analyse import findings, plots, plots_style
from otakit.analyse.frames import Frames
from otakit.captured import Entry

Stories = dict[str, list[Entry]]
Talk = Callable[..., Any]
Draw = Callable[[Frames], Any]
DRAW: dict[str, Draw] = {
    "by index": lambda frames: plots.latency_by_index(frames.chunks),
    "over time": lambda frames: plots.latency_over_time(frames.chunks),
    "distribution": lambda frames: plots.latency_distribution(frames.chunks),
    "latency": lambda frames: plots.chunk_latency(frames.chunks),
    "timeline": lambda frames: plots.status_timeline(frames.statuses, frames.chunks),
    "packets": lambda frames: plots.packets_over_time(frames.packets),
}
EACH = pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
STORIES = ("withheld", "late", "empty", "superseded", "both", "reconnect", "foreign")


def picture(draw: Draw, frames: Frames) -> bytes:
    return plots.png(draw(frames).figure, sharpness=0.3)  # small: what counts is that it draws


@EACH
@pytest.mark.parametrize("story", STORIES)
def test_every_story_draws_without_a_warning(stories: Stories, story: str, draw: Draw) -> None:
    """Warnings are errors here: no missing glyph, no layout that fails, no empty legend."""
    assert picture(draw, Frames(stories[story])).startswith(b"\x89PNG")


@EACH
def test_nothing_to_show_is_a_picture_that_says_so(draw: Draw) -> None:
    axes = draw(Frames())
    assert plots.alt_text(axes).startswith("Nothing to show: ")
    assert picture(draw, Frames()).startswith(b"\x89PNG")


@EACH
@pytest.mark.parametrize("rows", [1, 2])
def test_first_rows_of_a_live_run_draw(talk: Talk, draw: Draw, rows: int) -> None:
    """One request without an answer, then the answer: the first pictures of every live plot."""
    conversation = talk().connect().runs().offered().status("DOWNLOADING").ask(0)
    if rows == 2:
        conversation.chunk(0)
    assert picture(draw, Frames(conversation.entries)).startswith(b"\x89PNG")


@EACH
def test_dark_style_changes_nothing(stories: Stories, draw: Draw) -> None:
    """The ground is white and the ink dark whatever style somebody has chosen."""
    frames = Frames(stories["both"])
    light = picture(draw, frames)
    with matplotlib.style.context("dark_background"):
        assert picture(draw, frames) == light
    corner = Image.open(io.BytesIO(light)).convert("RGB").getpixel((1, 1))
    assert corner == (255, 255, 255)


@EACH
def test_pictures_leave_nothing_behind(stories: Stories, draw: Draw) -> None:
    """No figure is kept by pyplot, no setting changed."""
    before = dict(mpl.rcParams)
    picture(draw, Frames(stories["withheld"]))
    assert dict(mpl.rcParams) == before
    assert not _pylab_helpers.Gcf.figs


def test_pictures_can_be_drawn_in_threads_at_once(stories: Stories) -> None:
    """A live display draws while the notebook does."""
    frames, drawn = Frames(stories["both"]), []
    draw = DRAW["timeline"]
    threads = [threading.Thread(target=lambda: drawn.append(picture(draw, frames))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == 4
    assert len(set(drawn)) == 1


@EACH
def test_picture_shows_itself_with_its_words(stories: Stories, draw: Draw) -> None:
    """As the last value of a cell: HTML for JupyterLab, PNG with metadata for what prints notebooks."""
    axes = draw(Frames(stories["withheld"]))
    data, metadata = axes._repr_mimebundle_()
    alt = plots.alt_text(axes.figure)
    assert metadata["image/png"]["alt"] == data["text/plain"] == alt
    assert f'alt="{alt}"' in data["text/html"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert axes.figure._repr_mimebundle_()[0]["text/plain"] == alt


def test_words_in_the_picture_cannot_break_out_of_it(talk: Talk) -> None:
    """A status from the wire becomes text in HTML, never markup."""
    frames = Frames(talk().connect().runs().offered().status('"><script>alert(1)</script>').entries)
    data, _ = DRAW["timeline"](frames)._repr_mimebundle_()
    assert "<script>" not in data["text/html"]


def test_title_is_the_finding_and_axes_carry_units(stories: Stories) -> None:
    chunks = Frames(stories["withheld"]).chunks
    axes = plots.latency_by_index(chunks)
    assert axes.get_title(loc="left") == findings.latency(chunks)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Chunk index", "Latency (ms)")
    assert plots.latency_over_time(chunks).get_xlabel() == "Time since the first packet (s)"


def test_description_names_what_was_asked_for_again(stories: Stories) -> None:
    alt = plots.alt_text(plots.chunk_latency(Frames(stories["withheld"]).chunks).figure)
    assert "Asked for again: 2." in alt
    assert "99th percentile" in alt


def test_retry_and_missing_answer_have_marks_of_their_own(stories: Stories) -> None:
    """Shape and words tell them apart, not only colour."""
    axes = plots.latency_by_index(Frames(stories["withheld"]).chunks)
    legend = axes.get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["answered", "asked again, answered", "no answer, waited 5.05 s"]


def test_one_withheld_answer_does_not_dwarf_the_rest(stories: Stories) -> None:
    """Five seconds in vain stand at the edge; the axis fits the answers of ten milliseconds."""
    axes = plots.latency_by_index(Frames(stories["withheld"]).chunks)
    assert axes.get_ylim()[1] < 20


def test_timeline_has_a_lane_for_each_status_the_servers_above(talk: Talk) -> None:
    conversation = talk().connect().update()
    for number, status in enumerate(("QUEUED", "INITIATED")):
        conversation.note(
            "server_status", kind="fw", status=status, ts_ms=conversation.entries[1].at_ns // 10**6 - 9 + number
        )
    frames = Frames(conversation.entries)
    lanes = [label.get_text() for label in plots.status_timeline(frames.statuses, frames.chunks).get_yticklabels()]
    assert lanes == ["QUEUED", "INITIATED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]


def test_what_the_server_wrote_hours_before_does_not_squeeze_the_rest(talk: Talk) -> None:
    conversation = talk().connect().update()
    conversation.note(
        "server_status", kind="fw", status="QUEUED", ts_ms=conversation.entries[1].at_ns // 10**6 - 7_200_000
    )
    frames = Frames(conversation.entries)
    left, right = plots.status_timeline(frames.statuses, frames.chunks).get_xlim()
    assert -0.5 * right < left < 0


def test_hostile_statuses_draw(talk: Talk) -> None:
    """Formulas, line breaks, emoji, thousands of words."""
    conversation = talk().connect().runs().offered()
    for status in (r"$\frac{1}{0}$", "a\nb", "🚀" * 30, "x" * 5_000, ""):
        conversation.status(status)
    conversation.status("FAILED", fw_error="$x_1$ \\ 固件 \x07")
    assert picture(DRAW["timeline"], Frames(conversation.entries)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "shown"), [("a  b\nc", "a b c"), ("$x$", r"\$x\$"), ("\x07", "▯"), ("x" * 500, "x" * 159 + "…")]
)
def test_text_is_made_drawable(text: str, shown: str) -> None:
    assert plots_style.drawable(text) == shown


@pytest.mark.needs("chinese-font")
def test_chinese_title_is_drawn_as_it_is() -> None:
    assert plots_style.drawable("水泵固件") == "水泵固件"


def test_missing_chinese_font_gives_boxes_and_no_warning(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without one still draws."""
    monkeypatch.setattr(plots_style, "CHINESE", ())
    for cached in (plots_style.families, plots_style._characters):
        cached.cache_clear()
    try:
        assert plots_style.drawable("水泵 1.1.0") == "▯▯ 1.1.0"
        status = talk().connect().runs().offered(title="水泵").status("UPDATED", current_fw_title="水泵")
        assert picture(DRAW["timeline"], Frames(status.entries)).startswith(b"\x89PNG")
    finally:
        for cached in (plots_style.families, plots_style._characters):
            cached.cache_clear()


def test_axes_of_ones_own_are_drawn_into(stories: Stories) -> None:
    """Two runs side by side in one figure."""
    figure = Figure()
    axes = figure.subplots(1, 2)
    frames = Frames(stories["withheld"])
    assert plots.latency_by_index(frames.chunks, axes[0]) is axes[0]
    assert plots.packets_over_time(frames.packets, axes[1]) is axes[1]
    assert "Scatter plot" in plots.alt_text(figure)
