"""The committed diagrams: held against the message table, current, complete, and named as the article's rows."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from otakit.diagrams.folder import draw_folder
from otakit.diagrams.labels import arrows, check_labels, mark
from otakit.diagrams.plantuml import names, source_of

ROOT = Path(__file__).resolve().parents[2]
DIAGRAMS = ROOT / "diagrams"
ROWS = {
    "request-firmware-attributes": {"Subscribe", "SubAck", "AttributesRequest", "PubAck", "AttributesResponse"},
    "subscribe-firmware-attributes-updates": {"Subscribe", "SubAck", "AttributesUpdate", "Dispatch"},
    "request-firmware-chunks": {"Subscribe", "ChunkRequest", "ChunkResponse", "OtaError", "Check", "Write", "PingReq"},
    "report-firmware-status": {"Telemetry", "PubAck", "Store", "Install", "Restart", "Confirm", "RollBack"},
    "update-software": {"ChunkRequest", "ChunkResponse", "OtaError", "Telemetry", "Install", "AttributesRequest"},
    "device-overrides-profile": {"Assign", "Unassign", "RestAnswer", "Dispatch", "AttributesUpdate"},
    "whole-update": {"Upload", "Assign", "Connect", "AttributesRequest", "AttributesUpdate", "ChunkRequest", "Restart"},
}
SEED = (  # the participants as the article's first draft has them
    'participant "Device" as TBDev order 10',
    'participant "ThingsBoard Server" as TBSrv order 20',
)


def test_there_is_one_diagram_for_each_row_of_the_article() -> None:
    """Those and no other."""
    assert names() == sorted(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_its_arrows_are_rows_of_the_message_table(name: str) -> None:
    """In an allowed direction; the rows that the section is about are there."""
    source = source_of(name)
    check_labels(source)
    assert ROWS[name] <= {arrow.row_name for arrow in arrows(source)}


@pytest.mark.parametrize("name", ROWS)
def test_it_has_a_title_of_its_own_and_says_what_goes_wrong(name: str) -> None:
    """Prerequisites, alternatives and errors are drawn, nothing is left to do."""
    source = source_of(name)
    assert sum(line.startswith("title ") for line in source.split("\n")) == 1
    assert "TODO" not in source
    assert "alt " in source
    assert "wrong" in source


def test_the_first_two_keep_participants_aliases_and_orders_of_the_seed() -> None:
    """Letter by letter."""
    for name in ("request-firmware-attributes", "subscribe-firmware-attributes-updates"):
        assert set(SEED) == {line for line in source_of(name).split("\n") if line.startswith("participant")}


@pytest.mark.needs("engine")
def test_every_committed_picture_is_current() -> None:
    """A changed source without its new picture fails here: python kit.py diagrams."""
    stale = [str(outcome) for outcome in draw_folder(DIAGRAMS, check=True) if outcome.state != "current"]
    assert not stale


def generate() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_diagrams_of_the_clients_states_are_those_of_its_tables() -> None:
    """A changed table without its new diagram fails here: python docs/generate.py."""
    for name, text in generate().made().items():
        assert (DIAGRAMS / "made" / name).read_text(encoding="utf-8") == text, f"{name}: run python docs/generate.py"


def test_a_state_diagram_tells_every_row_of_its_table() -> None:
    """As an arrow, or as a line in a state's box."""
    module = generate()
    text = module.made()["client-states.puml"]
    for row in module.machine.TABLE:
        own = [line for line in text.split("\n") if line.startswith(row.state.name)]
        assert any(row.hears.__name__ in line and (row.goes_to.name in line or ":" in line) for line in own), row


@pytest.mark.needs("engine")
def test_each_arrow_of_each_diagram_can_be_marked_and_drawn() -> None:
    """What a stepping lesson shows."""
    from otakit.diagrams.plantuml import render  # noqa: PLC0415 - pulls the engine's modules in

    source = source_of("request-firmware-attributes")
    seen: dict[str, int] = {}
    for arrow in arrows(source):
        seen[arrow.row_name] = seen.get(arrow.row_name, 0) + 1
        drawn = render(mark(source, arrow.row_name, seen[arrow.row_name]))
        assert drawn.svg.split("</desc>")[1].count("▶") == 1
