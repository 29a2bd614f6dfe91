"""GET /openapi: the addresses of the API as OpenAPI 3.1, for programs that read such a description.

Addresses, methods and their parameters come from the application itself, so that none is left out or made up. What
the application does not know is in `openapi_told`: sentences, bodies and answers, by endpoint. An endpoint that is not
in it is described by its name and its first line of documentation.
"""

from __future__ import annotations

import re
from typing import Any, Final

from flask import Flask, current_app
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

import resguardo
from resguardo.board.filters import SORTS
from resguardo.web.answer import json_response
from resguardo.web.openapi_told import ANY, JSON, SCHEMAS, TEXT, TOLD, Schema, Told, object_of, ref

BESIDE_API: Final = ("/healthz", "/readyz", "/metrics", "/openapi", "/login", "/logout")
OPEN: Final = frozenset({"log_in", "healthz", "readyz", "openapi"})
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def register(app: Flask) -> None:
    app.add_url_rule("/openapi", "openapi", openapi, methods=["GET"])


def openapi() -> ResponseReturnValue:
    """This description."""
    return json_response(description(current_app))


def description(app: Flask) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    names: set[str] = set()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith("/api/") or rule.rule in BESIDE_API:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            _add(app, rule, paths.setdefault(path, {}), names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Resguardo", "version": resguardo.__version__},
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "resguardo_session"},
            },
        },
    }


def _add(app: Flask, rule: Rule, path: dict[str, Any], names: set[str]) -> None:
    told = TOLD.get(rule.endpoint) or Told(_first_line(app, rule.endpoint), ANY)
    for method in METHODS:
        # /login is a page, too, under another endpoint.
        if method in (rule.methods or ()) and not (rule.rule == "/login" and method == "GET"):
            name = rule.endpoint if rule.endpoint not in names else f"{rule.endpoint}_{method.lower()}"
            names.add(name)
            path[method.lower()] = {"operationId": name, **_operation(rule, told, method)}


def _operation(rule: Rule, told: Told, method: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": told.summary,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": TEXT} for name in sorted(rule.arguments)),
            *(_query(name) for name in told.query),
        ],
        "responses": {
            str(told.status): {"description": "Hecho.", "content": {told.kind: {"schema": told.answer or ANY}}},
            "default": {"description": "No se pudo hacer.", "content": {JSON: {"schema": ref("Error")}}},
        },
    }
    if rule.endpoint in OPEN:
        operation["security"] = []
    if method in ("POST", "PUT", "PATCH") and told.body is not None:
        content = {JSON: {"schema": told.body}}
        if told.file:
            file = {"type": "string", "contentMediaType": "application/octet-stream"}
            content["multipart/form-data"] = {"schema": object_of("file", file=file, mode=TEXT)}
        operation["requestBody"] = {"required": not told.optional, "content": content}
    return operation


def _query(name: str) -> dict[str, Any]:
    schemas: dict[str, Schema] = {
        "page": {"type": "integer", "minimum": 1},
        "per_page": {"type": "integer", "minimum": 1, "maximum": 1000},
        "sort": {"enum": list(SORTS)},
        "format": {"enum": ["csv", "xlsx", "json"]},
        "separator": {"enum": [",", ";"]},
        "sheets": {"enum": ["one", "people"]},
    }
    return {"name": name, "in": "query", "schema": schemas.get(name, TEXT)}


def _first_line(app: Flask, endpoint: str) -> str:
    lines = (app.view_functions[endpoint].__doc__ or "").strip().splitlines()
    return lines[0] if lines else endpoint
