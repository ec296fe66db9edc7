"""The stages on which each scenario is played: memory always, sockets where order, closing or MQTT sessions count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otakit.conformance.memory import MemoryStage
from otakit.conformance.own import OwnStage
from otakit.conformance.stage import Stage
from otakit.protocol.packets import Version

VERSIONS = {"v3": Version.MQTT_3_1_1, "v5": Version.MQTT_5}
SEEDS = range(4)
"""For scenarios in which ThingsBoard leaves an order or a choice open."""


def pytest_configure(config: pytest.Config) -> None:
    """Declares how a scenario says where it is played."""
    config.addinivalue_line("markers", "seeded: an order or a choice is open; played with several seeds")
    config.addinivalue_line("markers", "over_sockets: about order, closing or MQTT sessions; played on sockets too")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Plays each scenario on its stages, in both versions of MQTT."""
    if "stage" not in metafunc.fixturenames:
        return
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    places = [("memory", seed) for seed in (SEEDS if "seeded" in marks else [0])]
    places += [("sockets", 0)] if "over_sockets" in marks else []
    found = {
        f"{place}-{label}-{seed}": (place, version, seed)
        for place, seed in places
        for label, version in VERSIONS.items()
    }
    metafunc.parametrize("stage", list(found.values()), ids=list(found), indirect=True)


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A server for one scenario."""
    place, version, seed = request.param
    made: type[OwnStage] = MemoryStage
    if place == "sockets":
        from otakit.conformance.sockets import SocketStage  # noqa: PLC0415 - uvicorn takes its time to import

        made = SocketStage
    with made(version, seed) as there:
        yield there
