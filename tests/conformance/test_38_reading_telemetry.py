"""Scenario 38 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage

TS_MS = 1_700_000_000_000
MINUTE_MS = 60_000


def test_scenario_38_reading_telemetry(stage: Stage) -> None:
    """The latest value of a key that never was is null, stamped now; a history ends before its endTs."""
    fx = stage.fixture()
    path = f"{fx.plugin()}/values/timeseries"
    (row,) = stage.rest("GET", path, params={"keys": "nope"}).body["nope"]
    assert row["value"] is None
    assert abs(row["ts"] - stage.now() // 1_000_000) < MINUTE_MS  # two clocks, where the server is elsewhere

    stage.device().reports({"ts": TS_MS, "values": {"level": 7}})
    stage.until(lambda: fx.latest("level")["level"] == 7, "the report is stored")
    until_its_ts: dict[str, str | int] = {"keys": "level", "startTs": TS_MS - 1, "endTs": TS_MS}
    assert stage.rest("GET", path, params=until_its_ts).body == {}
    beyond = stage.rest("GET", path, params={**until_its_ts, "endTs": TS_MS + 1}).body
    assert beyond == {"level": [{"ts": TS_MS, "value": "7"}]}
