"""What a server answered over HTTP, line by line, as far as the update protocol depends on it.

Knows which part of an answer is ThingsBoard's rule (status, errorCode, message, values, the bytes of an image)
and which is decoration that differs from version to version; refuses to know why a scenario asked. Pure;
called by `compare`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http import HTTPStatus

from otakit.conformance.neutral import Neutral, printed, shortened
from otakit.conformance.said import Asked, Line, Sort
from otakit.conformance.transcript import Called

VALUES = ("/api/plugins/telemetry/", "/api/v1/")
"""Answers that are compared whole: telemetry, attributes, the device's HTTP door."""
MEMBERS = (
    "title", "version", "type", "tag", "url", "hasData", "fileName", "contentType", "checksumAlgorithm", "checksum",
    "dataSize", "firmwareId", "softwareId", "transportType", "provisionType", "credentialsType",
)  # fmt: skip
"""Of an entity these are compared; servers add members from version to version."""
ANSWERED = " is answered "
_SERVER_SCOPE = "/SERVER_SCOPE"


def answered(calls: Iterable[Called], neutral: Neutral) -> list[Line]:
    """All answers in the order of the calls; of reads that were repeated until something happened, the last."""
    lines: list[Line] = []
    reads: dict[str, Line] = {}
    changes = 0
    for call in calls:
        is_read = call.method == "GET"
        if not is_read:
            lines += reads.values()
            reads, changes = {}, changes + 1
        asked = Asked(changes, f"{call.method} {_path(call.path, neutral)}")
        words = f"{asked.words}{ANSWERED}{_answer(call, neutral)}"
        line = Line(words, call.at_ns, Sort.READ if is_read else Sort.OTHER, asked)
        if is_read:
            reads[asked.words] = line
        else:
            lines.append(line)
    return [*lines, *reads.values()]


def _path(path: str, neutral: Neutral) -> str:
    return neutral.text(re.sub(r"(startTs|endTs)=\d+", r"\1=<time>", path))


def _answer(call: Called, neutral: Neutral) -> str:
    status = f"{call.status} {_phrase(call.status)}".strip()
    if not call.body:
        return status
    try:
        value = json.loads(call.body)
    except ValueError:
        return f"{status}: {neutral.payload(call.body)}"
    if call.status >= HTTPStatus.BAD_REQUEST:
        return f"{status}: {_error(value, neutral)}"
    if _SERVER_SCOPE in call.path or "/api/auth/" in call.path:
        return status
    if call.path.startswith(VALUES):
        return f"{status}: {shortened(printed(_rows(neutral.json(value))))}"
    return f"{status}: {printed(_entity(neutral.json(value)))}" if isinstance(value, dict) else status


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _error(value: object, neutral: Neutral) -> str:
    if isinstance(value, dict):
        value = {name: value.get(name) for name in ("errorCode", "message")}
    return printed(neutral.json(value))


def _rows(value: object) -> object:
    """Attributes come in no fixed order."""
    if isinstance(value, list) and all(isinstance(row, dict) and "key" in row for row in value):
        return sorted(value, key=printed)
    return value


def _entity(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if "data" in value and "totalElements" in value:
        return {"totalElements": "many"}  # what else is on the server is not this scenario's
    found = {name: value[name] for name in MEMBERS if value.get(name) is not None}
    if not isinstance(found.get("version"), str):
        found.pop("version", None)  # of a device or a profile it counts saves, the server's own included
    return found
