"""tb-mqtt-client 1.13.14, the client most people use, at the twin: it updates, and fails where it is known to.

It sleeps a second at each of its states, so its runs go side by side: one healthy, one whose answer is
withheld, one whose announced checksum is wrong. What "for ever" means is decided by the others: they come to
their end while it does not.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from otakit.protocol.messages import Direction

DEVICE = Path(__file__).parent / "devices" / "tb_mqtt_device.py"
PLANS = {
    "healthy": "none",
    "withheld": "answer 3 withheld",
    "misstated": "checksum wrong in each attributes",
}
CHUNKS = 5
STATES = ["IDLE", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]
UP, DOWN = Direction.TO_SERVER, Direction.TO_DEVICE


@pytest.fixture(scope="module")
def runs(peer_python: str, tmp_path_factory: pytest.TempPathFactory, benches: Any, until: Any) -> Iterator[Any]:
    """All three at once; over when the healthy one is done and the misstated one has begun its second download."""
    with ExitStack() as held:
        made = {name: held.enter_context(benches(plan)) for name, plan in PLANS.items()}
        for bench in made.values():
            folder = tmp_path_factory.mktemp("tb")
            command = [peer_python, str(DEVICE), bench.host, str(bench.port), bench.token]
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            held.callback(process.wait)
            held.callback(process.kill)
            bench.process, bench.folder = process, folder
        until(lambda: made["healthy"].heard.count("Telemetry") >= len(STATES), "UPDATED of the healthy device")
        until(lambda: made["misstated"].heard.count("ChunkRequest") > CHUNKS, "the second download")
        for bench in made.values():
            bench.alive = bench.process.poll() is None
            bench.said = bench.session()
        yield made


def test_it_updates_itself_end_to_end(runs: Any, kept: Any) -> None:
    """Its default handler stores the image under the package's title and calls that UPDATED."""
    healthy = runs["healthy"]
    assert (healthy.folder / "pump").read_bytes() == bytes(i % 251 for i in range(20_000))
    said = healthy.said.packets.query("message == 'Telemetry'")["text"]  # each an array of one
    assert [json.loads(text)[0]["fw_state"] for text in said] == STATES
    assert healthy.stored("fw_state")[-1] == "UPDATED"
    kept(healthy.said, "tb-mqtt-client")


def test_its_filter_is_refused_and_chunks_come_all_the_same(runs: Any) -> None:
    """It subscribes to `v2/fw/response/+` and never reads the SUBACK (thingsboard-client-sdk 268)."""
    packets = runs["healthy"].said.packets
    asked = packets.query("message == 'Subscribe' and topic == 'v2/fw/response/+'")
    answer = packets[(packets["message"] == "SubAck") & (packets["packet_id"] == asked["packet_id"].iloc[0])]
    assert list(answer["reason"]) == ["0x8F"]
    assert (packets["message"] == "ChunkResponse").sum() == CHUNKS


def test_it_waits_for_ever_for_an_answer_that_is_withheld(runs: Any, kept: Any) -> None:
    """It has no deadline: the third request is its last, though it lives and the connection stays open."""
    withheld = runs["withheld"]
    assert withheld.alive
    assert withheld.heard.count("ChunkRequest", UP) == 3
    assert withheld.heard.count("ChunkResponse", DOWN) == 2
    assert withheld.stored("fw_state")[-1] == "DOWNLOADING"
    kept(withheld.said, "tb-mqtt-client-withheld")


def test_it_downloads_again_and_again_when_the_checksum_is_wrong(runs: Any) -> None:
    """FAILED, and the same image once more, without a limit or a pause."""
    misstated = runs["misstated"]
    assert misstated.heard.count("ChunkRequest", UP) > CHUNKS
    assert "FAILED" in misstated.stored("fw_state")
    assert "Checksum verification failed!" in misstated.stored("fw_error")
