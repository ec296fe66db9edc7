"""The door's own description (OpenAPI), held against the door by schemathesis; the page that shows it."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from html.parser import HTMLParser
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from otakit.twin.rest.docs import meanings_of_knobs
from otakit.twin.settings import KNOBS, TwinSettings

DESCRIPTION = "/v3/api-docs/thingsboard"
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.ignored_auth,
]
EXAMPLES = 3


@pytest.fixture
def document(rest: Any) -> Any:
    return rest.get(DESCRIPTION, headers={})


def operations(rest: Any) -> list[Any]:
    schema = schemathesis.openapi.from_asgi(DESCRIPTION, rest.app)
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def path_parameters(operation: Any, there: dict[str, str]) -> dict[str, str]:
    """Something that exists for each parameter of a path, so that calls come past the first refusal."""
    known = {"token": "T", "profile_id": there["/api/deviceProfile"], "kind": "FIRMWARE", "scope": "SHARED_SCOPE"}
    identifier = next((found for path, found in there.items() if operation.path.startswith(path)), "")
    known |= {"identifier": identifier, "ttl": "0"}
    return {name: value for name, value in known.items() if f"{{{name}}}" in operation.path}


def is_owned(response: Any) -> bool:
    """Whether a 5xx is one of ThingsBoard's own: errorCode 2 with its reason, or the devices' door's."""
    if response.status_code < 500:
        return True
    if response.request.path_url.startswith("/api/v1/"):
        return bool(response.status_code == 500)
    body = json.loads(response.content)
    return bool(body["errorCode"] == 2 and not body["message"].startswith("Unexpected "))


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_as_the_description_says(make: Any, mode: GenerationMode) -> None:
    """Whatever it allows, and what it forbids: statuses, types, schemas, headers, and no way past the login."""
    rest = make(long_poll_s=0.001)
    there = {"/api/device/": rest.add_device()["id"]["id"], "/api/otaPackage/": rest.upload()["id"]["id"]}
    there |= {"/api/plugins/": there["/api/device/"], "/api/deviceProfile": rest.default_profile()["id"]}
    quick = settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    wrong: list[str] = []

    def look(case: Any) -> None:
        answer = case.call(headers=rest.headers)
        if not is_owned(answer):
            wrong.append(f"{case.method} {case.path}: {answer.status_code} {answer.text[:200]}")
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            wrong.extend(f"{case.method} {case.path}: {error}" for error in group.exceptions)

    for operation in operations(rest):
        if operation.method == "delete":
            continue  # what the others call would be gone
        here = path_parameters(operation, there)
        cases = st.one_of(
            operation.as_strategy(mode, path_parameters=here) if here else operation.as_strategy(mode),
            operation.as_strategy(mode),
        )

        @quick
        @given(case=cases)
        def play(case: Any) -> None:
            look(case)

        play()
    assert not wrong, "\n\n".join(wrong[:5])


def test_example_bodies_fit_their_schemas_and_are_taken(rest: Any, document: Any) -> None:
    """Whoever copies one from the page gets no refusal of its form."""
    for path, item in document["paths"].items():
        body = item.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        if body is None or "{" in path:
            continue
        answer = rest.call("POST", path, json=body["example"])
        assert answer.status_code in (200, 400, 401, 404), (path, answer.text)


def test_every_route_says_what_it_takes_and_gives(document: Any) -> None:
    assert len(document["paths"]) >= 30
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation["summary"], path
            assert "200" in operation["responses"], path
            assert "422" not in operation["responses"], path
            assert all(each["description"] for each in operation["responses"].values()), path
            for parameter in operation.get("parameters", ()):
                assert parameter["schema"].keys() & {"type", "enum"}, (path, parameter)
                assert parameter.get("description"), (path, parameter)


def test_every_reference_of_the_description_leads_somewhere(document: Any) -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert names <= set(document["components"]["schemas"])
    assert set(document["components"]["schemas"]) - names == set()


class Shown(HTMLParser):
    """What a page holds: its texts, what it would fetch, the ids it has and the ones it points to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.fetched, self.open = "", list[str](), list[str]()
        self.ids, self.targets = set[str](), set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.fetched += [str(known[name]) for name in ("src", "srcset", "data") if name in known]
        self.fetched += [tag] * (tag in ("script", "link", "img", "iframe", "object"))
        self.ids.add(known.get("id") or "")
        if (target := known.get("href") or "").startswith("#"):
            self.targets.add(target[1:])
        self.open += [tag] * (tag != "meta")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(rest: Any) -> Shown:
    answer = rest.call("GET", "/docs", headers={})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return Shown(answer.text)


def test_page_fetches_nothing(page: Shown) -> None:
    """No script, no picture, no style from elsewhere; every link within it leads somewhere; every tag is closed."""
    assert page.fetched == []
    assert page.targets <= page.ids
    assert page.open == []
    assert "url(" not in page.text


def test_page_shows_every_route_with_its_errors_and_bodies(page: Shown, document: Any) -> None:
    for path in document["paths"]:
        assert path in page.text
    for words in ("errorCode 35", "errorCode 2", "Example body", "provisionDeviceKey", "prefers-color-scheme"):
        assert words in page.text


def test_page_lists_every_knob_with_its_value_and_thingsboards_name(make: Any) -> None:
    shown = Shown(make(long_poll_s=7.25).call("GET", "/docs", headers={}).text)
    meanings = meanings_of_knobs()
    for field in fields(TwinSettings):
        assert field.name in shown.text
        assert meanings[field.name], field.name
    assert all(name in shown.text for name in KNOBS.values())
    assert "7.25" in shown.text
    assert "usually 60" in shown.text


@pytest.mark.parametrize("path", ["/swagger-ui", "/swagger-ui/", "/swagger-ui.html", "/swagger-ui/index.html"])
def test_thingsboards_own_place_leads_to_the_page(rest: Any, path: str) -> None:
    answer = rest.call("GET", path, headers={})
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
