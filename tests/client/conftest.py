"""Packages, jobs and a scripted client for the tests of this directory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otakit.client import machine
from otakit.client.events import ImageChecked, Installed, PackageOffered, Reported, Resumed, RoomMade, Status
from otakit.client.job import Job, State
from otakit.client.settings import Settings
from otakit.client.vocabulary import Action
from otakit.protocol.checksums import checksum_of
from otakit.protocol.messages import ChunkResponse, Kind
from otakit.protocol.package import Package

IMAGE = bytes(range(250)) * 40
FW = Kind.FIRMWARE


@pytest.fixture
def image() -> bytes:
    return IMAGE


@pytest.fixture
def package() -> Package:
    return Package(FW, "pump", "1.1.0", len(IMAGE), checksum_of("SHA256", IMAGE), "SHA256")


class Driven:
    """A job that hears events by hand; actions are kept in order."""

    def __init__(self, settings: Settings) -> None:
        self.job = Job(FW, settings, ("pump", "1.0.0"))
        self.actions: list[Action] = []
        self.now = 0
        self.request_ids = 0

    def hears(self, *events: Any) -> list[Action]:
        new: list[Action] = []
        for event in events:
            _, actions = machine.step(self.job, event, self.now)
            new += actions
        self.actions += new
        return new

    def asks(self) -> list[int]:
        """Indices of all chunks that may be asked for now."""
        asked = []
        while (request := self.job.question(self.now, self.request_ids + 1)) is not None:
            self.request_ids = max(self.request_ids, request.request_id)
            asked.append(request.index)
        return asked

    def chunk(self, index: int, data: bytes | None = None) -> ChunkResponse:
        size = self.job.chunks().chunk_bytes
        content = IMAGE[index * size : (index + 1) * size] if data is None else data
        return ChunkResponse(FW, self.job.request_id or 0, index, content)

    def downloads(self) -> None:
        for _ in range(2 * self.job.chunks().count):
            for index in self.asks() if self.job.state is State.DOWNLOADING else ():
                self.hears(self.chunk(index))

    def comes_to(self, state: State, package: Package) -> Driven:
        """The healthy way to a state."""
        way: list[Callable[[], object]] = [
            lambda: None,
            lambda: self.hears(PackageOffered(package)),
            lambda: self.hears(RoomMade(FW)),
            self.downloads,
            lambda: self.hears(ImageChecked(FW, package.checksum or "")),
            lambda: self.hears(Reported(Status.VERIFIED)),
            lambda: self.hears(Reported(Status.UPDATING)),
            lambda: self.hears(Installed(FW)),
            lambda: self.hears(Resumed()),
        ]
        for step in way:
            step()
            if self.job.state is state:
                return self
        raise AssertionError(f"{state} is not on the healthy way")


@pytest.fixture
def driven() -> Callable[..., Driven]:
    return lambda **settings: Driven(Settings(**settings))
