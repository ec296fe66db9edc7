"""An image streamed to disk while it is hashed."""

from __future__ import annotations

import random
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from otakit.client.disk import ImageFile
from otakit.errors import ImageError
from otakit.protocol.checksums import ALGORITHMS, checksum_of


@given(size=st.integers(1, 40_000), chunk=st.integers(1, 5000), seed=st.integers(0, 2**32))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_in_any_order_and_twice_give_file_and_checksum(tmp_path: Path, size: int, chunk: int, seed: int) -> None:
    """Those behind a gap are read back from the file once it is closed."""
    chance = random.Random(seed)
    image = chance.randbytes(size)
    offsets = list(range(0, size, max(chunk, size // 60 + 1)))
    step = max(chunk, size // 60 + 1)
    order = offsets + chance.sample(offsets, len(offsets) // 3)
    chance.shuffle(order)
    with ImageFile(tmp_path / "x.image", size, "SHA256") as file:
        for offset in order:
            file.write(offset, image[offset : offset + step])
        assert file.hexdigest() == checksum_of("SHA256", image)
    assert (tmp_path / "x.image").read_bytes() == image


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_fed_as_the_bytes_come(tmp_path: Path, algorithm: str) -> None:
    """The same checksum as over the whole."""
    image = bytes(range(256)) * 50
    with ImageFile(tmp_path / "x.image", len(image), algorithm) as file:
        for offset in range(0, len(image), 1000):
            file.write(offset, image[offset : offset + 1000])
        assert file.hexdigest() == checksum_of(algorithm, image)


def test_memory_does_not_grow_with_the_image(tmp_path: Path) -> None:
    """Not even when the first chunk comes last."""
    size, step, data = 24 << 20, 1 << 16, bytes(1 << 16)
    expected = checksum_of("MD5", bytes(size))
    tracemalloc.start()
    with ImageFile(tmp_path / "x.image", size, "MD5") as file:
        for offset in range(step, size, step):
            file.write(offset, data)
        file.write(0, data)
        assert file.hexdigest() == expected
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


def test_missing_bytes_have_no_checksum(tmp_path: Path) -> None:
    """It says how many are there."""
    with ImageFile(tmp_path / "x.image", 100, "MD5") as file:
        file.write(0, bytes(40))
        with pytest.raises(ImageError, match="40 of 100 bytes are there"):
            file.hexdigest()


def test_without_room_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says how much is needed and free."""

    def usage(_path: object) -> Any:
        return type("Usage", (), {"free": 5000})

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(ImageError, match="5000 bytes are free, the image needs 9000"):
        ImageFile(tmp_path / "x.image", 9000, "MD5")
    assert not (tmp_path / "x.image").exists()


def test_what_an_older_update_left_is_overwritten(tmp_path: Path) -> None:
    """Longer leftovers never become part of an image."""
    (tmp_path / "x.image").write_bytes(bytes(500))
    with ImageFile(tmp_path / "x.image", 3, "MD5") as file:
        file.write(0, b"abc")
    assert (tmp_path / "x.image").read_bytes() == b"abc"
