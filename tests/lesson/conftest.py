"""A twin with one device whose package is assigned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otakit.servers import Device, Twin

IMAGE = bytes(range(250)) * 80  # 20,000 bytes: five chunks of 4,096, the last one short


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin() as server:
        yield server


@pytest.fixture
def device(twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    """A device that runs 1.0.0 and is assigned 1.1.0; recordings go into the test's own folder."""
    monkeypatch.chdir(tmp_path)
    found = twin.add_device("pump-7")
    twin.assign(twin.upload("firmware", "pump", "1.1.0", IMAGE), to=found)
    return found.reset("1.0.0")
