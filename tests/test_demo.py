"""The main job: both runs, what they leave behind, and an end that tells whether all went well."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pandas as pd
import pytest

import otakit
from otakit import demo
from otakit.demo import made_image, run_demo
from otakit.errors import ImageError, SettingsError
from otakit.servers import Device

LINK = "10 ms, 8 Mbit/s, answer 3 withheld"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small images and short deadlines: what is tested is the job, not the waiting."""
    monkeypatch.setattr(demo, "FIRMWARE_BYTES", 60_000)
    monkeypatch.setattr(demo, "SOFTWARE_BYTES", 20_000)
    monkeypatch.setattr(demo, "CHUNK_DEADLINE_S", 1.0)


def test_demo_updates_both_kinds_twice_and_leaves_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recordings, frames and report, and words about each."""
    assert run_demo(tmp_path, link=LINK)
    said = capsys.readouterr().out
    assert "It is a twin" in said
    assert f"link: {LINK}" in said
    assert re.search(r"[1-9]\d* retr", said)
    for name in ("run", "run-without-link"):
        session = otakit.load(tmp_path / f"{name}.pcapng")
        assert session.outcome == {"firmware": "UPDATED", "software": "UPDATED"}
        assert session.cut is None
        frame = pd.read_parquet(tmp_path / "frames" / name / "chunks.parquet")
        assert len(frame) == len(session.chunks)
        assert str(tmp_path / f"{name}.pcapng") in said
    assert otakit.load(tmp_path / "run.pcapng").updates["retries"].sum() >= 1
    assert "Both runs side by side" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert str(tmp_path / "report.html") in said


def test_both_kinds_share_one_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are downloaded at the same time; the software is announced 0.6 s after the firmware."""
    monkeypatch.setattr(demo, "FIRMWARE_BYTES", 120_000)
    run_demo(tmp_path, link="10 ms, 400 kbit/s")
    chunks = otakit.load(tmp_path / "run.pcapng").chunks
    spans = chunks.groupby("kind", observed=True)["asked_s"].agg(["min", "max"])
    assert spans["min"].max() < spans["max"].min()
    first = chunks[chunks["connection"] == 0]
    assert set(first["kind"]) == {"firmware", "software"}


def test_without_a_link_there_is_one_run_and_nothing_of_an_earlier_demo(tmp_path: Path) -> None:
    """What an earlier one left must not look like this one's."""
    old = tmp_path / "run-without-link.pcapng"
    old.write_bytes(b"old")
    (tmp_path / "frames" / "run-without-link").mkdir(parents=True)
    assert run_demo(tmp_path, link="none")
    assert not old.exists()
    assert [path.name for path in (tmp_path / "frames").iterdir()] == ["run"]


def test_a_file_of_the_user_s_is_the_firmware(tmp_path: Path) -> None:
    """Byte for byte."""
    image = tmp_path / "my image.bin"
    image.write_bytes(bytes(range(256)) * 50)
    assert run_demo(tmp_path / "out", image=image, link="none")
    updates = otakit.load(tmp_path / "out" / "run.pcapng").updates
    assert updates[updates["kind"] == "firmware"]["package_bytes"].iloc[0] == 12_800


@pytest.mark.parametrize(("content", "said"), [(None, "no such file"), (b"", "empty")])
def test_an_image_that_cannot_be_used_is_one_clear_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Which file, and what is wrong."""
    image = tmp_path / "image.bin"
    if content is not None:
        image.write_bytes(content)
    with pytest.raises(ImageError, match=rf"image\.bin.*{said}"):
        run_demo(tmp_path / "out", image=image)


def test_a_link_that_cannot_be_read_is_said_before_anything_starts(tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(SettingsError, match="cannot read 'fast'"):
        run_demo(tmp_path / "out", link="fast")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    """With the option that helps."""
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"out: cannot be used .*--out"):
        run_demo(tmp_path / "out")


def test_a_running_image_that_is_not_the_uploaded_one_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the statuses say: the slot's own bytes decide."""
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"other bytes")
    monkeypatch.setattr(demo, "image_of", lambda _device, _kind: damaged)
    assert not run_demo(tmp_path / "out", link="none")
    assert "not its checksum" in capsys.readouterr().out


def test_an_update_that_fails_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its reason, and with a report all the same."""
    monkeypatch.setattr(demo, "OLD", demo.OLD)
    real = Device.reset

    def breaks(self: Device, version: str, kind: object = "firmware", **rest: object) -> Device:
        found = real(self, version, kind, **rest)  # type: ignore[arg-type]
        monkeypatch.setattr(self.hardware, "confirm", fails)
        return found

    def fails(*_: object) -> None:
        raise RuntimeError("it does not start")

    monkeypatch.setattr(Device, "reset", breaks)
    assert not run_demo(tmp_path, link="none")
    said = capsys.readouterr().out
    assert "FAILED" in said
    assert "it does not start" in said
    assert (tmp_path / "report.html").exists()


def test_made_images_are_the_same_on_every_machine() -> None:
    """Their checksums could be written down, and here they are."""
    assert hashlib.sha256(made_image("firmware", 3 << 19)).hexdigest().startswith("4d64f762890bc7a93fc94c12b5843e0d6f9")
