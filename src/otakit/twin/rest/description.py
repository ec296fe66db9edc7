"""The description of the REST door (OpenAPI), made from its own routes and schemas.

Knows how fastapi's document becomes ThingsBoard's: its own answers for bad parameters are taken out, schemas
and logins put in. Refuses to know any single route.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from otakit.twin.rest.schemas import SCHEMAS
from otakit.twin.rest.words import ANSWERS

PATH = "/v3/api-docs/thingsboard"
METHODS = {"get", "post", "put", "delete", "patch"}
_INTRODUCTION = """The paths of ThingsBoard's REST API that the twin has, for operators and for devices over HTTP.

Log in at `/api/auth/login`; send the token as `X-Authorization: Bearer <token>` or in `Authorization`.
Errors are JSON (`Error`), unless a route says otherwise. Bodies are read as JSON whatever their content type
says. Status 500 with errorCode 2 is no fault of the twin: ThingsBoard answers so when a required parameter
is missing or a body cannot be read.
"""
_LOGINS = {
    "X-Authorization": {"type": "apiKey", "in": "header", "name": "X-Authorization"},
    "Bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}


def description(app: FastAPI, version: str) -> dict[str, Any]:
    """The document.

    Args:
        app: whose routes it describes.
        version: of the ThingsBoard that is meant.
    """
    if app.openapi_schema is None:  # made once for each set of routes
        app.openapi_schema = _document(app)
    found = app.openapi_schema
    return {**found, "info": {**found["info"], "version": f"{version}-twin"}}


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title="ThingsBoard REST API",
        version="",
        description=_INTRODUCTION,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    found["paths"] = {path: item for path, item in found["paths"].items() if path.startswith("/api/")}
    for item in found["paths"].values():
        for method in item.keys() & METHODS:
            _made_plain(item[method])
    found["components"] = {"schemas": SCHEMAS, "securitySchemes": _LOGINS}
    return found


def _made_plain(operation: dict[str, Any]) -> None:
    """With its own answers alone, and without titles and the null that no query can say."""
    operation["responses"] = operation.pop(ANSWERS)
    sentence, _, _ = operation.get("description", "").partition("\n")
    operation["summary"] = sentence
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        choices = [each for each in schema.pop("anyOf", ()) if each != {"type": "null"}]
        schema.update(choices[0] if choices else {})
        for name in ("title", "description"):
            schema.pop(name, None)
