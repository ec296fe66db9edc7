"""Scenario 36 of section 19."""

from __future__ import annotations

from otakit.conformance.fixture import IMAGE_A, SHA256_A, Fixture, identifier
from otakit.conformance.stage import Answer, Stage
from otakit.thingsboard.calls import Entity

BODY_LIMIT = 16_777_216


def test_scenario_36_refused_packages(stage: Stage) -> None:
    """What cannot be assigned, made, deleted or uploaded is refused with 400 and 31; what is too large with 413."""
    fx = stage.fixture()
    foreign = fx.make_package("3.0", b"other", deviceProfileId=fx.make_profile("Q")["id"])
    assert_refused(assigning(stage, fx, foreign), "different deviceProfile")
    empty = fx.describe_package("4.0")
    assert_refused(assigning(stage, fx, empty), "empty data")

    fx.assign(fx.a)
    twin = stage.rest("POST", "/api/otaPackage", json=fx.a_package("1.10", type="SOFTWARE"))
    assert_refused(twin, "such title and version already exists")
    assert_refused(stage.rest("DELETE", f"/api/otaPackage/{identifier(fx.a)}"), "cannot be deleted")
    assert_refused(fx.upload(empty, IMAGE_A, checksum=SHA256_A.upper()), "Wrong otaPackage file!")

    large = fx.upload(empty, bytes(BODY_LIMIT))
    assert large.status == 413
    assert isinstance(large.body, str)
    assert str(BODY_LIMIT) in large.body


def assigning(stage: Stage, fx: Fixture, package: Entity) -> Answer:
    """The answer to D's save with a package."""
    device = fx.fresh("device", fx.device)
    return stage.rest("POST", "/api/device", json={**device, "firmwareId": package["id"]})


def assert_refused(answer: Answer, words: str) -> None:
    """A refusal by the rules, in ThingsBoard's words."""
    assert (answer.status, answer.body["errorCode"]) == (400, 31)
    assert words in answer.body["message"]
