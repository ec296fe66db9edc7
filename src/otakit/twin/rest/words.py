"""How a route is described: what it takes, what it gives, how it refuses.

`says` makes the arguments of a route's decorator; `description` joins them to one document.
"""

from __future__ import annotations

from typing import Any

from otakit.twin.rest.answers import Reply
from otakit.twin.rest.bodies import Json

ANSWERS = "x-answers"
"""Where a route keeps its answers until the document is made: fastapi would mix its own guesses into them."""
_JSON, _TEXT = "application/json", "text/plain"
_ERROR = {"$ref": "#/components/schemas/Error"}
REASONS = {
    400: "errorCode 31: a rule is broken or an argument cannot be read.",
    401: "errorCode 10: no login, or a wrong one; errorCode 11: the token has expired.",
    404: "errorCode 32: there is nothing with this id or name.",
    409: "errorCode 35: the posted `version` is not the stored one.",
    415: "errorCode 31: the body is no multipart form.",
    413: "The body is larger than ThingsBoard takes; a bare JSON string.",
    500: "errorCode 2: a required parameter is missing or the body cannot be read, which ThingsBoard calls general.",
}
"""What each status of the operator's door means."""


def ref(name: str) -> Json:
    """A schema of `schemas.SCHEMAS` by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def page_of(name: str) -> Json:
    """A page of such rows."""
    count = {"type": "integer", "minimum": 0}
    members = {"data": {"type": "array", "items": ref(name)}, "totalPages": count, "totalElements": count}
    return {
        "type": "object",
        "properties": {**members, "hasNext": {"type": "boolean"}},
        "required": [*members, "hasNext"],
    }


def says(
    gives: Json | None,
    *,
    takes: tuple[Json, object] | None = None,
    form: Json | None = None,
    refuses: tuple[int, ...] = (404,),
    plain: bool = False,
    binary: bool = False,
    openly: bool = False,
) -> Any:
    """The arguments of an operator's route.

    Args:
        gives: schema of its answer; None for an empty one.
        takes: schema of the body and an example.
        form: its body where that is no JSON.
        refuses: statuses beside 400, 401 and 500.
        plain: some refusals are plain texts.
        binary: the answer is bytes.
        openly: no login is asked for.
    """
    statuses = {400, 401, 500, *refuses} | ({413} if takes else set())
    responses: Json = {str(status): _refusal(status, plain=plain) for status in sorted(statuses)}
    responses["200"] = bytes_answer() if binary else _answer(gives)
    extra: Json = {ANSWERS: responses, "security": [] if openly else LOGINS}
    if takes:
        extra["requestBody"] = taken(*takes)
    if form:
        extra["requestBody"] = form
    return {"openapi_extra": extra, "response_class": Reply}


DEVICE_REASONS = {
    400: "Title or version is not that of the package that counts now (no body), or a parameter cannot be read.",
    401: "No device has this access token; no body.",
    403: "The device was deleted while it waited.",
    404: "Nothing is assigned, or a package behind a URL; no body.",
    408: "Nothing came in time; no body.",
    413: REASONS[413],
    500: "The body cannot be read, or a rate limit is reached (no body).",
}
"""What each status of the devices' door means."""


def of_devices(
    gives: Json | None,
    *,
    takes: tuple[Json, object] | None = None,
    refuses: tuple[int, ...] = (),
    binary: bool = False,
    openly: bool = False,
) -> Any:
    """The arguments of a device's route.

    Args:
        gives: schema of its answer; None for an empty one.
        takes: schema of the body and an example.
        refuses: statuses beside 400, 401 and 500.
        binary: the answer is bytes.
        openly: not even an access token is asked for.
    """
    statuses = {400, 500, *refuses} | ({413} if takes else set()) | (set() if openly else {401})
    text: Json = {_TEXT: {"schema": {"type": "string"}}}
    both: Json = {_JSON: {"schema": _ERROR}, **text}
    contents: dict[int, Json] = {400: both, 403: text, 500: both, 413: {_JSON: {"schema": {"type": "string"}}}}
    responses: Json = {
        str(status): {"description": DEVICE_REASONS[status], "content": contents.get(status, {})}
        for status in sorted(statuses)
    }
    responses["200"] = bytes_answer() if binary else _answer(gives)
    extra: Json = {ANSWERS: responses, "security": []}
    if takes:
        extra["requestBody"] = taken(*takes)
    return {"openapi_extra": extra, "response_class": Reply}


LOGINS: list[Json] = [{"X-Authorization": []}, {"Bearer": []}]
"""Either of ThingsBoard's two headers; each takes ``Bearer <token>``, since 4.3 also ``ApiKey <key>``."""


def taken(schema: Json, example: object) -> Json:
    """A body that is read as JSON, whatever its content type says."""
    return {"required": True, "content": {_JSON: {"schema": schema, "example": example}}}


def upload_body() -> Json:
    """A form with the image in its part ``file``."""
    part: Json = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
    form: Json = {"type": "object", "properties": {"file": part}, "required": ["file"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def _answer(schema: Json | None) -> Json:
    if schema is None:
        return {"description": "Done; no body.", "content": {}}
    return {"description": "What was asked for.", "content": {_JSON: {"schema": schema}}}


def bytes_answer() -> Json:
    """An image, with its name in two headers."""
    header = {"schema": {"type": "string"}}
    return {
        "description": "The bytes, in the content type they were uploaded with.",
        "headers": {"x-filename": header, "Content-Disposition": header},
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    }


def _refusal(status: int, *, plain: bool) -> Json:
    content: Json = {_JSON: {"schema": {"type": "string"} if status == 413 else _ERROR}}
    if plain and status in (400, 404):
        content[_TEXT] = {"schema": {"type": "string"}}
    return {"description": REASONS[status], "content": content}
