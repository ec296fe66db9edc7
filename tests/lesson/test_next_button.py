"""The button for steps, without a browser: what a press does, and what stands in for it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otakit.lesson.steps import Steps, steps
from otakit.run import peer_of
from otakit.servers import Device

module: Any = importlib.import_module("otakit.lesson.next_button")  # its function has the same name
pytestmark = [pytest.mark.needs("engine"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # ipywidgets' own


class Places:
    """What was shown, place by place."""

    def __init__(self) -> None:
        self.shown: list[list[dict[str, Any]]] = []

    def __call__(self) -> Any:
        here: list[dict[str, Any]] = []
        self.shown.append(here)
        return type("Place", (), {"show": lambda _self, bundle: here.append(bundle)})()


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Places:
    """As if in a notebook."""
    found = Places()
    monkeypatch.setattr(module, "Place", found)
    monkeypatch.setattr(module, "in_notebook", lambda: True)
    return found


def buttons(by_hand: Steps) -> Any:
    """The button and its line, shown."""
    made = module._Buttons(by_hand, pytest.importorskip("ipywidgets"))
    made.show()
    return made


def test_press_takes_one_step_and_shows_it_as_a_cell_would(device: Device, places: Places) -> None:
    """The line beside the button says what was asked and what came."""
    with steps(device) as by_hand:
        shown = buttons(by_hand)
        shown._button.click()
        assert "Step 1: Connect → ConnAck" in shown._line.value
    (step_place, _) = places.shown
    assert "device → server" in step_place[-1]["text/html"]
    assert "Step 1: Connect" in step_place[-1]["text/plain"]


def test_button_and_plain_code_take_turns(device: Device, places: Places) -> None:
    """Both carry out the steps of one update."""
    with steps(device) as by_hand:
        shown = buttons(by_hand)
        assert next(by_hand).number == 1
        shown._button.click()
        assert next(by_hand).number == 3
    assert len(places.shown[0]) == 2


def test_press_after_the_last_step_says_how_it_ended(device: Device, places: Places) -> None:
    """As often as it is pressed, and the last step stays on the page."""
    by_hand = steps(device)
    shown = buttons(by_hand)
    by_hand.to_end()
    for _ in range(2):
        shown._button.click()
        assert shown._line.value.startswith("That was the last step: firmware UPDATED.")
    assert len(places.shown[0]) == 1


@pytest.mark.usefixtures("places")
def test_server_that_is_not_there_is_said_beside_the_button(device: Device) -> None:
    """No traceback in a place that nobody sees."""
    peer = peer_of(device)
    peer.address = ("127.0.0.1", 1)
    shown = buttons(steps(peer))
    shown._button.click()
    assert "127.0.0.1:1" in shown._line.value
    assert shown._line.value.startswith("TransportError: ")


def test_page_that_runs_no_widgets_tells_the_plain_way(device: Device, places: Places) -> None:
    """A printed notebook shows text in place of the button."""
    with steps(device) as by_hand:
        buttons(by_hand)
    assert places.shown[1][0]["text/plain"] == module.PLAIN


def test_without_ipywidgets_it_tells_the_plain_way(
    device: Device, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a notebook whose kernel lacks it."""
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with steps(device) as by_hand:
        assert repr(module.next_button(by_hand)) == module.PLAIN
    assert places.shown == []


def test_outside_a_notebook_it_tells_the_plain_way(device: Device) -> None:
    """A terminal shows no button, whatever is installed."""
    with steps(device) as by_hand:
        assert repr(module.next_button(by_hand)) == module.PLAIN


PLAIN_CODE = """
import sys
sys.modules["ipywidgets"] = sys.modules["IPython"] = None
import otakit
from otakit.lesson import next_button

server = otakit.server()
device = server.add_device("pump-7")
server.assign(server.upload("firmware", "pump", "1.1.0", bytes(20_000)), to=device)
print(repr(otakit.update(device)))
print(repr(otakit.start_update(device.reset("1.0.0")).watch()))
device.reset("1.0.0")
steps = otakit.steps(device)
print(next_button(steps))
print(next(steps))
print(repr(steps.to_end()))
"""


def test_all_that_a_widget_shows_is_text_where_there_are_none(tmp_path: Path) -> None:
    """`update`, `watch` and `steps` in a script, without ipywidgets and IPython."""
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_CODE], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("firmware UPDATED, software NO_PACKAGE>") == 3
    assert done.stdout.count("firmware: UPDATED, 19.5/19.5 KiB, chunk 5/5") == 2
    assert module.PLAIN in done.stdout
    assert "Step 1: Connect → ConnAck" in done.stdout
    assert "MQTT 3.1.1" in done.stdout
