"""Scenario 33 of section 19."""

from __future__ import annotations

import pytest

from otakit.conformance.fixture import identifier
from otakit.conformance.stage import Stage

URL = "https://example.org/pump-2.0.bin"


@pytest.mark.over_sockets
def test_scenario_33_package_behind_a_url(stage: Stage) -> None:
    """Of a package behind a URL the device hears the address; no door of the server has its bytes."""
    fx = stage.fixture()
    package = fx.describe_package("2.0", usesUrl=True, url=URL)
    device = stage.device(listens=True)
    fx.assign(package)
    flat, deleted = sorted(device.updates(2), key=lambda body: "deleted" in body)
    assert flat == {"fw_title": fx.title, "fw_version": "2.0", "fw_url": URL}
    assert sorted(deleted["deleted"]) == ["fw_checksum", "fw_checksum_algorithm", "fw_size", "fw_tag"]
    device.says(device.a_chunk_request(1, 0, 10))
    device.ends_with_error("FAILURE")
    answer = stage.http("GET", f"/api/v1/{fx.token}/firmware", params={"title": fx.title, "version": "2.0"})
    assert answer.status == 404
    answer = stage.rest("GET", f"/api/otaPackage/{identifier(package)}/download")
    assert (answer.status, answer.raw) == (400, b"")
