"""One suite of the operator's verbs against both doors: the twin in this process, and a ThingsBoard elsewhere.

The ThingsBoard elsewhere is a twin in a process of its own. Against a real one the same suite runs by
``OTAKIT_SERVER=… python -m otakit.conformance.operator_suite``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from otakit.conformance.operator_suite import SUITE, refuses, same
from otakit.errors import SettingsError
from otakit.servers import Server, ThingsBoard, Twin
from otakit.twin import TwinSettings

Ask = Callable[[], object]


@pytest.fixture(scope="module")
def twin() -> Iterator[Server]:
    """The twin in this process."""
    with Twin(settings=TwinSettings(dispatch_spacing_s=0)) as server:
        yield server


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Server]:
    """A ThingsBoard by its address."""
    with subprocess.Popen([sys.executable, "-m", "otakit.twin"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        there = json.loads(process.stdout.readline())
        try:
            mqtt = "{}:{}".format(*there["mqtt"])
            with ThingsBoard(there["url"], mqtt=mqtt, user=there["user"], password=there["password"]) as server:
                yield server
        finally:
            process.terminate()


@pytest.mark.parametrize("door", ["twin", "elsewhere"])
@pytest.mark.parametrize("part", [run for _, run in SUITE], ids=[name for name, _ in SUITE])
def test_verb(door: str, part: Callable[[Server], None], request: pytest.FixtureRequest) -> None:
    """What the part's own sentence says; nothing is left behind."""
    server: Server = request.getfixturevalue(door)
    part(server)
    same(server.operator.devices(), [])
    same(server.operator.pages("/api/otaPackages"), [])
    same(len(server.operator.profiles()), 1)


def test_suite_says_where_a_server_does_otherwise(twin: Server) -> None:
    """It would be worth nothing if it could not fail."""
    with pytest.raises(AssertionError, match="expected 1, got 2"):
        same(2, 1)
    with pytest.raises(AssertionError, match="nothing was refused"):
        refuses(SettingsError, "x", lambda: None)

    def refused() -> None:
        raise SettingsError("it has the secret")

    with pytest.raises(AssertionError, match="shows a secret"):
        refuses(SettingsError, "it has", refused, "secret")
    with pytest.raises(AssertionError, match="expected an error that says 'y'"):
        refuses(SettingsError, "y", refused)
