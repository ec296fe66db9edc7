"""The page at ``/docs``: every route of the door and every knob of the twin, in one file that fetches nothing.

Made from the description and from `settings.KNOBS`; refuses to know any route.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from otakit.twin.rest.answers import Reply
from otakit.twin.rest.description import METHODS, PATH, description
from otakit.twin.rest.door import Doors
from otakit.twin.rest.stylesheet import STYLE
from otakit.twin.settings import KNOBS, TwinSettings

docs = APIRouter(include_in_schema=False)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
}
Document = Mapping[str, Any]


@docs.get(PATH)
async def document(door: Doors, request: Request) -> Reply:
    """The description, where ThingsBoard has its own."""
    return Reply(description(request.app, door.model.settings.version))


@docs.get("/docs")
async def shown(door: Doors, request: Request) -> Response:
    """The page."""
    settings = door.model.settings
    return HTMLResponse(page(description(request.app, settings.version), settings), headers=HEADERS)


@docs.get("/swagger-ui/index.html")
@docs.get("/swagger-ui/")
@docs.get("/swagger-ui.html")
@docs.get("/swagger-ui")
async def elsewhere() -> Response:
    """Where ThingsBoard has its own."""
    return RedirectResponse("/docs")


def page(document: Document, settings: TwinSettings) -> str:
    """The whole page.

    Args:
        document: the description of the door.
        settings: the knobs as they stand.
    """
    groups = dict(_grouped(document))
    links = "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in (*groups, "Knobs"))
    parts = [_group(name, operations) for name, operations in groups.items()]
    title = f"{document['info']['title']}, {document['info']['version']}"
    introduction = "".join(f"<p>{_words(text)}</p>" for text in document["info"]["description"].strip().split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><header><h1>{escape(title)}</h1>{introduction}"
        f'<p>As a document: <a href="{PATH}">{PATH}</a></p>{_TRY}</header>'
        f'<nav aria-label="Parts"><ul>{links}</ul></nav><main>{"".join(parts)}{_knobs(settings)}</main></body></html>\n'
    )


_TRY = """<pre>curl -d '{"username":"tenant@thingsboard.org","password":"…"}' http://HOST:PORT/api/auth/login
curl -H "X-Authorization: Bearer TOKEN" http://HOST:PORT/api/deviceProfileInfo/default</pre>"""


def _grouped(document: Document) -> Iterator[tuple[str, list[tuple[str, str, Document]]]]:
    found: dict[str, list[tuple[str, str, Document]]] = {}
    for path, item in document["paths"].items():
        for method in item.keys() & METHODS:
            found.setdefault(item[method]["tags"][0], []).append((method, path, item[method]))
    for name, operations in found.items():
        yield name, sorted(operations, key=lambda each: (each[1], each[0]))


def _group(name: str, operations: list[tuple[str, str, Document]]) -> str:
    shown = "".join(_operation(*each) for each in operations)
    return f'<section><h2 id="{_anchor(name)}">{escape(name)}</h2>{shown}</section>'


def _operation(method: str, path: str, operation: Document) -> str:
    word = method.upper()
    open_note = "" if operation.get("security") else " <small>no login</small>"
    return (
        f'<article id="{escape(operation["operationId"])}"><h3><b class="{method}">{word}</b> '
        f"<code>{escape(path)}</code>{open_note}</h3><p>{_words(operation.get('description', ''))}</p>"
        f"{_parameters(operation)}{_body(operation)}{_answers(operation)}</article>"
    )


def _parameters(operation: Document) -> str:
    rows = [
        (
            f"<code>{escape(each['name'])}</code>",
            each["in"] + (", required" if each.get("required") else ""),
            escape(_kind(each["schema"])),
            _words(each.get("description", "")),
        )
        for each in operation.get("parameters", ())
    ]
    return _table("Parameters", ("Name", "Where", "Type", "Meaning"), rows)


def _kind(schema: Document) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = str(schema.get("format") or schema.get("type", "any"))
    return f"{kind}, {json.dumps(schema['default'])} without" if schema.get("default") not in (None, "") else kind


def _body(operation: Document) -> str:
    body = operation.get("requestBody")
    if body is None:
        return ""
    (kind, content), *_ = body["content"].items()
    if "example" not in content:
        names = ", ".join(content["schema"].get("properties", ()))
        return f"<p>Body: <code>{escape(kind)}</code> with <code>{escape(names)}</code></p>"
    example = json.dumps(content["example"], indent=2, ensure_ascii=False)
    return f"<details><summary>Example body</summary><pre>{escape(example)}</pre></details>"


def _answers(operation: Document) -> str:
    rows = [
        (f"<code>{escape(status)}</code>", _words(answer["description"]), escape(_content(answer)))
        for status, answer in sorted(operation["responses"].items())
    ]
    return _table("Answers", ("Status", "Meaning", "Body"), rows)


def _content(answer: Document) -> str:
    words = []
    for kind, content in answer.get("content", {}).items():
        name = str(content["schema"].get("$ref", "")).rpartition("/")[2]
        words.append(f"{kind} {name}".strip())
    return " or ".join(words) or "empty"


def _knobs(settings: TwinSettings) -> str:
    meanings, usual = meanings_of_knobs(), TwinSettings()
    rows = []
    for field in fields(TwinSettings):
        value, default = getattr(settings, field.name), getattr(usual, field.name)
        mark = "" if value == default else f" <small>usually {escape(str(default))}</small>"
        names = (f"<code>{field.name}</code>", f"<code>{escape(str(value))}</code>{mark}")
        rows.append((*names, escape(KNOBS.get(field.name, "")), _words(meanings.get(field.name, ""))))
    table = _table("Knobs of the twin", ("Knob", "Here", "ThingsBoard's own name", "Meaning"), rows)
    return f'<section><h2 id="{_anchor("Knobs")}">Knobs</h2>{table}</section>'


def meanings_of_knobs() -> dict[str, str]:
    """What each knob is, in the words of `TwinSettings`."""
    _, _, listed = (TwinSettings.__doc__ or "").partition("Attributes:")
    found, name = dict[str, str](), ""
    for line in listed.splitlines():
        begun = re.match(r"        (\w+): (.*)", line)
        if begun:
            name = begun[1]
            found[name] = begun[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def _table(caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    scrolls = f'class="wide" tabindex="0" role="group" aria-label="{caption}"'  # wide ones scroll, by keyboard too
    return f"<div {scrolls}><table><caption>{caption}</caption><tr>{head}</tr>{lines}</table></div>"


def _words(text: str) -> str:
    """Text with its backticks as code."""
    return re.sub(r"`{1,2}([^`]+)`{1,2}", r"<code>\1</code>", escape(text, quote=False))


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name).strip("-").lower()
