"""Errors as answers: the one place where the classes of `resguardo.errors` get their HTTP statuses."""

from __future__ import annotations

import math
from typing import Any, Final
from urllib.parse import quote

from flask import Flask, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from jinja2 import TemplateNotFound
from markupsafe import escape
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from resguardo import errors
from resguardo.errors import ResguardoError
from resguardo.store.connect import MongoError, explain
from resguardo.web import last_copy
from resguardo.web.answer import json_response

STATUSES: Final[dict[type[ResguardoError], int]] = {
    errors.Usage: 400,
    errors.Invalid: 400,
    errors.Integrity: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.NoVault: 404,
    errors.MomentUnreachable: 404,
    errors.Conflict: 409,
    errors.Locked: 409,
    errors.RefusedForSafety: 409,
    errors.TooLarge: 413,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
}

RETRY_AFTER: Final = 60
"""Seconds, where an error does not say."""

_MESSAGES: Final = {
    404: "Esta dirección no existe. Revísala, o vuelve al inicio.",
    405: "Esta dirección no acepta ese método.",
    413: "Lo que enviaste es demasiado grande.",
    429: "Demasiados intentos. Espera un minuto y vuelve a probar.",
    500: "Algo falló en el servidor. Lo confirmado sigue guardado; si se repite, avisa a quien lo administra.",
}
_DEFAULT_MESSAGE: Final = "La solicitud no se entiende."


def register(app: Flask) -> None:
    app.register_error_handler(ResguardoError, _ours)
    app.register_error_handler(MongoError, _mongodb)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: ResguardoError) -> int:
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


NEAREST: Final = ("first", "end", "now", "nearest")
"""The fields of `MomentUnreachable` that hold moments which can be reached: one, or several with «o» between them."""


def details(error: ResguardoError) -> dict[str, Any]:
    """What an answer says beside the sentence: who was faster (`conflict`), which moments could be had (`nearest`)."""
    told: dict[str, Any] = {"conflict": error.fields["conflict"]} if "conflict" in error.fields else {}
    if isinstance(error, errors.MomentUnreachable):
        told["nearest"] = [
            moment for name in NEAREST if name in error.fields for moment in str(error.fields[name]).split(" o ")
        ]
    return told


def wants_json() -> bool:
    """A script or a script of ours asks, rather than a person's browser."""
    if request.path.startswith(("/api/", "/healthz", "/readyz", "/metrics", "/openapi")) or request.is_json:
        return True
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def _ours(error: ResguardoError) -> ResponseReturnValue:
    if isinstance(error, errors.Unauthenticated) and request.method == "GET" and not wants_json():
        here = request.full_path.rstrip("?")
        return redirect("/login" if here == "/" else f"/login?next={quote(here)}")
    response = answer(status_of(error), error.say(gettext), **details(error))
    if isinstance(error, errors.TooManyRequests):
        response.headers["Retry-After"] = str(math.ceil(error.fields.get("retry_after", RETRY_AFTER)))
    if isinstance(error, errors.Unavailable):
        response.headers["Retry-After"] = "5"
    return response


def _mongodb(error: MongoError) -> ResponseReturnValue:
    ours = explain(error)
    offered = last_copy.offer() if isinstance(ours, errors.Unavailable) else None
    if offered is None:
        return _ours(ours)
    if wants_json():
        response = answer(503, f"{ours.say(gettext)} {last_copy.told(offered)}", copy=offered)
    else:
        try:
            response = last_copy.page(503)
        except ResguardoError:  # nor can the copy be read
            return _ours(ours)
    response.headers["Retry-After"] = "5"
    return response


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    response = answer(status, gettext(_MESSAGES.get(status, _DEFAULT_MESSAGE)))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    if status == 429:
        response.headers.setdefault("Retry-After", str(RETRY_AFTER))
    return response


def _unexpected(error: Exception) -> ResponseReturnValue:
    from flask import current_app

    current_app.logger.exception("%s %s", request.method, request.path)
    return answer(500, gettext(_MESSAGES[500]))


def answer(status: int, message: str, **more: Any) -> Response:
    """The error as JSON, with `more` in it, or as a page, as the asker wants."""
    if wants_json():
        return json_response({"success": False, "error": message, **more}, status)
    title = gettext("No se pudo hacer")
    try:
        page = render_template("error.html", status=status, title=title, message=message)
    except TemplateNotFound:
        page = (
            f'<!doctype html><html lang="es"><meta charset="utf-8"><title>{escape(title)} · Resguardo</title>'
            f'<main><h1>{escape(title)}</h1><p>{escape(message)}</p><p><a href="/">Resguardo</a></p></main></html>'
        )
    return Response(page, status, mimetype="text/html")
