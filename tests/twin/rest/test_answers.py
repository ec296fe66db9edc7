"""What every call has in common: paths, methods, errors of ours, and that conversations speak up after it."""

from __future__ import annotations

from typing import Any

import pytest


def test_unknown_path_is_404_and_says_what_there_is(rest: Any) -> None:
    status, code, text = rest.refused("GET", "/api/dashboards")
    assert (status, code) == (404, 32)
    assert "each described at /docs" in text


def test_login_is_asked_for_before_the_path_is_known(rest: Any) -> None:
    assert rest.refused("GET", "/api/dashboards", headers={})[:2] == (401, 10)
    assert rest.refused("GET", "/dashboards", headers={})[:2] == (404, 32)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_method_that_a_path_has_not_is_405(rest: Any, method: str) -> None:
    assert rest.refused(method, "/api/device") == (405, 31, f"Request method '{method}' is not supported")
    assert rest.call(method, "/api/device").headers["allow"] == "POST"


def test_conversations_speak_up_after_each_call(rest: Any) -> None:
    """Also after a refused one: its time may have brought something due."""
    settled: list[int] = []
    rest.door.settle = lambda: settled.append(1)
    rest.call("GET", "/api/deviceProfileInfo/default")
    rest.call("GET", "/api/device/x")
    assert len(settled) == 2


def test_error_of_ours_is_a_general_one_that_tells_nothing(rest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text may hold what was sent, so only its class is told; whoever runs the twin hears of it."""

    def broken(*_: object) -> None:
        raise ValueError("token t0ken")

    monkeypatch.setattr(rest.model, "save_device", broken)
    answer = rest.refused("POST", "/api/device", json={"name": "d1"})
    assert answer == (500, 2, "Unexpected ValueError")
    assert [type(fault) for fault in rest.faults] == [ValueError]
    rest.faults.clear()


def test_success_without_a_body_has_no_content_type(rest: Any) -> None:
    answer = rest.call("DELETE", f"/api/device/{rest.add_device()['id']['id']}")
    assert (answer.status_code, answer.content, answer.headers.get("content-type")) == (200, b"", None)
