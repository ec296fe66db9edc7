"""The doctor names what is missing and what to do, and never breaks itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from importlib import metadata

import pytest

from otakit import doctor
from otakit.doctor import Finding


def _found(name: str) -> Finding:
    return next(finding for finding in doctor.examine() if finding.name == name)


def test_everything_needed_is_here() -> None:
    """On a machine that was set up."""
    missing = [finding for finding in doctor.examine() if finding.is_needed and not finding.is_fine]
    assert not missing


def test_package_outside_its_bounds_is_named_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody upgraded by hand."""
    monkeypatch.setattr(metadata, "version", lambda _name: "0.0.1")
    said = " ".join(finding.said for finding in doctor.examine() if not finding.is_fine)
    assert "paho-mqtt 0.0.1 is not" in said


def test_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that repairs it."""

    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    finding = next(each for each in doctor.examine() if each.said.startswith("not installed"))
    assert "pandas" in finding.said
    assert "kit.py" in finding.advice


def test_port_in_use_is_no_fault_but_has_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lessons take any free port; only `otakit twin` has a usual one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(doctor, "PORTS", {port: "a test"})
        finding = _found(f"port {port}")
    assert not finding.is_fine
    assert not finding.is_needed
    assert "--mqtt-port" in finding.advice


def test_examination_that_breaks_is_itself_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises is what the user has to read."""

    def _engine() -> Iterator[Finding]:
        raise RuntimeError("no memory for it")
        yield

    monkeypatch.setattr(doctor, "EXAMINATIONS", (_engine,))
    (finding,) = doctor.examine()
    assert not finding.is_fine
    assert "no memory for it" in finding.said


def test_report_puts_advice_under_its_finding_and_counts() -> None:
    """Readable without colours."""
    text = doctor.written([Finding("a", "good"), Finding("b", "bad", is_fine=False, advice="do c")])
    first, second, advice, _, summary = text.splitlines()
    assert first.startswith("ok")
    assert second.startswith("MISSING")
    assert advice.strip() == "→ do c"
    assert summary == "1 to repair, see the arrows."
