"""An update by hand, over a socket: one exchange a step, shown byte by byte; reading slowly changes nothing."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

import pytest

import otakit
from otakit.client.settings import Settings
from otakit.errors import TransportError
from otakit.lesson.step import hex_rows
from otakit.lesson.steps import steps
from otakit.run import Peer, peer_of
from otakit.servers import Device
from otakit.session import Session

PLAIN = ["Connect", "Subscribe", "RpcRequest", "Telemetry", "AttributesRequest", "Telemetry", *["ChunkRequest"] * 5]
LONGEST_S = 20


def until(is_so: Callable[[], bool]) -> None:
    """Waits for something that other threads bring about."""
    ends = time.monotonic() + LONGEST_S
    while not is_so():
        assert time.monotonic() < ends, "it never came"
        threading.Event().wait(0.02)


def said(session: Session) -> list[tuple[str, str, str]]:
    """Every packet without its times and without signs of life."""
    packets = session.packets
    packets = packets[~packets["type"].isin(["PINGREQ", "PINGRESP"])]
    rows = zip(packets["direction"].astype(str), packets["type"].astype(str), packets["topic"].astype(str), strict=True)
    return sorted(rows)  # the order of an acknowledgement and an answer is the server's choice


def test_each_step_is_one_exchange_of_the_update(device: Device) -> None:
    """From CONNECT to the last status, in order."""
    questions = [step.question.row for step in steps(device) if step.question is not None]
    assert questions[: len(PLAIN)] == PLAIN
    assert questions[-1] == "Disconnect"
    assert device.running() == ("pump", "1.1.0")


def test_step_shows_every_byte_of_its_packets_and_the_marked_arrow(device: Device) -> None:
    """As text and as HTML, with what each field means."""
    by_hand = steps(device)
    found = [next(by_hand) for _ in range(7)][-1]
    by_hand.close()
    assert found.title == "Step 7: ChunkRequest → ChunkResponse: asks for one chunk of the image"
    text, html = repr(found), found._repr_mimebundle_()["text/html"]
    assert "payload: 4096 (the chunk size, in bare digits: 4,096 bytes are asked for)" in text
    assert "chunk 0 of the firmware image" in text
    assert html.count("<table>") == 2
    assert "▶ ChunkRequest" in found.diagram.source
    assert "▶ ChunkResponse" in found.diagram.source


def test_no_step_shows_the_token(device: Device) -> None:
    """The first packet carries it."""
    with steps(device) as by_hand:
        first = next(by_hand)
    assert device.token not in repr(first)
    assert device.token not in first._repr_mimebundle_()["text/html"]
    assert device.token.encode() not in by_hand.session.path.read_bytes()


def test_to_end_finishes_and_returns_the_session(device: Device) -> None:
    """After any number of steps; then the iterator is exhausted."""
    by_hand = steps(device)
    next(by_hand)
    session = by_hand.to_end()
    assert session.outcome == {"firmware": "UPDATED", "software": "NO_PACKAGE"}
    assert session.cut is None
    with pytest.raises(StopIteration):
        next(by_hand)


def test_who_reads_long_gets_the_same_packets_while_the_connection_is_kept_alive(device: Device) -> None:
    """A pause far beyond every deadline, in the middle of the download: signs of life, and nothing else."""
    impatient = Settings(chunk_deadline_s=0.8, request_deadline_s=0.8, keep_alive_s=1)
    quick = steps(device, settings=impatient).to_end()
    device.reset("1.0.0")
    slow = steps(device, settings=impatient)
    for _ in range(8):
        next(slow)
    until(lambda: list(slow.session.packets["type"]).count("PINGRESP") >= 2)
    assert said(slow.to_end()) == said(quick)


def test_a_pause_stands_in_no_step(device: Device) -> None:
    """Signs of life are in the recording, not in what is shown."""
    by_hand = steps(device, keep_alive_s=1)
    next(by_hand)
    until(lambda: "PINGRESP" in set(by_hand.session.packets["type"]))
    assert [packet.row for packet in next(by_hand).packets] == ["Subscribe", "SubAck"]
    by_hand.close()


def test_closing_in_the_middle_keeps_what_passed(device: Device) -> None:
    """Twice is once; the recording is whole, the device runs what it ran."""
    by_hand = steps(device)
    for _ in range(8):
        next(by_hand)
    by_hand.close()
    by_hand.close()
    assert by_hand.session.cut is None
    assert len(by_hand.session.chunks) == 2
    assert device.running() == ("pump", "1.0.0")


def test_steps_that_nobody_holds_any_more_let_their_connection_go(device: Device) -> None:
    """A cell that is run again makes new ones."""
    before = threading.active_count()
    by_hand = steps(device)
    next(by_hand)
    del by_hand
    gc.collect()
    until(lambda: threading.active_count() <= before)


def test_server_that_is_not_there_is_said_and_ends_the_steps(device: Device) -> None:
    """One clear error, then nothing more."""
    peer: Peer = peer_of(device)
    peer.address = ("127.0.0.1", 1)
    by_hand = steps(peer)
    with pytest.raises(TransportError, match=r"127\.0\.0\.1:1"):
        next(by_hand)
    with pytest.raises(StopIteration):
        next(by_hand)


def test_the_package_offers_steps() -> None:
    """Under its own name."""
    assert otakit.steps is steps


def test_a_long_field_shows_its_beginning_and_how_much_is_left_out() -> None:
    """Four rows at most."""
    assert hex_rows(bytes(4096))[-1] == "… 4,048 more bytes"
    assert len(hex_rows(bytes(64))) == len(hex_rows(bytes(65))) == 4


def test_step_is_html_for_any_theme_and_width(device: Device) -> None:
    """No heading of its own for the table of contents; tables that scroll by key, bytes that break between halves."""
    with steps(device) as by_hand:
        html = next(by_hand)._repr_mimebundle_()["text/html"]
    assert "<h" not in html
    assert html.count("class='wide' role='group'") == 2
    assert "<code><span>2a 2a 2a 2a 2a 2a 2a 2a</span> <span>2a 2a 2a 2a 2a 2a 2a 2a</span><br>" in html
    assert "color:#000" not in html
