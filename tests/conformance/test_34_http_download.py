"""Scenario 34 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.stage import Answer, Stage


def test_scenario_34_http_download(stage: Stage) -> None:
    """The devices' HTTP door: the whole image, a chunk, nothing behind the end, and the refusals."""
    fx = stage.fixture()

    def get(version: str = "1.10", token: str | None = None, **chunk: int) -> Answer:
        params = {"title": fx.title, "version": version, **chunk}
        return stage.http("GET", f"/api/v1/{token or fx.token}/firmware", params=params)

    assert get().status == 404  # nothing is assigned yet
    fx.assign(fx.a)
    whole = get()
    assert (whole.status, whole.raw) == (200, IMAGE_A)
    last = get(size=65_536, chunk=3)
    assert (last.status, last.raw) == (200, IMAGE_A[196_608:])
    assert len(last.raw) == 3392
    behind = get(size=65_536, chunk=4)
    assert (behind.status, behind.raw) == (200, b"")
    assert get("1.9").status == 400
    assert get(token=f"{fx.token}-no").status == 401
