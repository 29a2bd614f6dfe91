"""Logging in and out, and the rule that nothing is answered to nobody: run before every view."""

from __future__ import annotations

import hmac
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, current_app, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response

from resguardo import auth
from resguardo.errors import Denied, Unauthenticated
from resguardo.store.connect import MongoError, deadline
from resguardo.web import last_copy
from resguardo.web.answer import json_response
from resguardo.web.body import read_object, text_field
from resguardo.web.context import board, logged_in
from resguardo.web.errors import status_of
from resguardo.web.metrics import from_this_machine
from resguardo.web.pages import login_form
from resguardo.web.remembered import NAME as REMEMBERED
from resguardo.web.remembered import Remembered

COOKIE: Final = "resguardo_session"
OPEN: Final = frozenset({"static", "log_in", "login", "healthz", "readyz", "openapi", "mail_off"})
"""The endpoints that are answered to anybody."""
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
LARGEST_FORM: Final = 64 * 1024
ATTEMPTS: Final = "10 per minute"
WHO_SECONDS: Final = 2.0
"""How long finding out who asks may take: the driver adds half a second, and 3 are promised when MongoDB is away."""


def register(app: Flask) -> None:
    app.before_request(_authenticate)
    app.after_request(_slide_cookie)
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    failed = limiter.limit(ATTEMPTS, key_func=_who_tries, deduct_when=lambda response: response.status_code >= 400)
    app.add_url_rule("/login", "log_in", failed(log_in), methods=["POST"])
    app.add_url_rule("/logout", "log_out", log_out, methods=["POST"])


def safe_next(value: str | None) -> str:
    """Where to go after logging in: a path of this board and nothing else."""
    if not value or not value.startswith("/") or value.startswith("//"):
        return "/"
    if "\\" in value or any(ord(char) < 32 for char in value):
        return "/"
    parts = urlsplit(value)
    return "/" if parts.scheme or parts.netloc else value


def _authenticate() -> None:
    """Who asks, and whether they meant to: a cookie alone does not change anything."""
    if request.endpoint in ("static", "healthz") or (request.endpoint == "metrics" and from_this_machine()):
        return
    try:
        with deadline(WHO_SECONDS):
            by_token = _by_token()
            if not by_token:
                _by_cookie()
    except MongoError:
        if not _known_from_before():
            raise
        return
    last_copy.last_good().rest()
    if request.endpoint in OPEN or request.endpoint is None:
        return
    logged_in()
    if not by_token and request.method not in SAFE_METHODS:
        _demand_csrf()


def _known_from_before() -> bool:
    """MongoDB, which knows who asks, is away. Whether they may go on: reading what does not come from it."""
    secret = _token() or request.cookies.get(COOKIE)
    if not secret:
        return False
    if request.endpoint == "log_out":
        remembered().forget(secret)
        return False
    g.remembered = remembered().find(secret, board().ledger.now())
    if g.remembered is None or request.endpoint not in last_copy.READABLE or request.method not in SAFE_METHODS:
        return False
    g.account = g.remembered
    return True


def remembered() -> Remembered:
    kept: Remembered = current_app.extensions[REMEMBERED]
    return kept


def _token() -> str:
    header = request.headers.get("Authorization", "")
    return header[7:].strip() if header[:7].lower() == "bearer " else ""


def _by_token() -> bool:
    token = _token()
    if not token:
        return False
    board().store.connection.demand_contact()
    account = auth.token_account(board().store, token)
    if account is None:
        remembered().forget(token)
        raise Unauthenticated(
            "El token no sirve: no existe o se retiró.", hint="Pide otro con: resguardo account token"
        )
    g.account = account
    remembered().keep(token, account, board().ledger.now())
    return True


def _by_cookie() -> None:
    key = request.cookies.get(COOKIE)
    if not key or request.endpoint == "readyz":
        return
    board().store.connection.demand_contact()
    session = auth.session_of(board().store, key, board().ledger.now())
    if session is None:
        remembered().forget(key)
    else:
        remembered().keep(key, session.account, board().ledger.now())
        g.account, g.csrf, g.session_key = session.account, session.csrf, key
        g.prolonged = session.prolonged


def _demand_csrf() -> None:
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    if not hmac.compare_digest(given.encode(), str(g.csrf).encode()):
        raise Denied("La página venció o la solicitud no salió de este tablero.", hint="Recarga la página y repite.")


def _slide_cookie(response: Response) -> Response:
    if g.get("prolonged"):
        give_cookie(response, g.session_key)
    return response


def give_cookie(response: Response, key: str) -> None:
    seconds = int(auth.SESSION_LASTS.total_seconds())
    secure = board().settings.secure_cookies
    response.set_cookie(COOKIE, key, max_age=seconds, httponly=True, samesite="Lax", secure=secure)


def _given() -> dict[str, Any]:
    request.max_content_length = LARGEST_FORM
    if "given" not in g:
        g.given = read_object() if request.is_json else request.form.to_dict()
    return dict(g.given)


def _who_tries() -> str:
    name = _given().get("name", "")
    return f"{get_remote_address()} {name if isinstance(name, str) else ''}"


def log_in() -> ResponseReturnValue:
    """POST {name, password}, or {once} with the one-time link's secret; a form or JSON."""
    origin = request.headers.get("Origin")
    if origin and origin != "null" and urlsplit(origin).netloc != request.host:
        raise Denied("La solicitud no salió de este tablero.", hint="Entra desde su propia página.")
    given, now, store = _given(), board().ledger.now(), board().store
    to = safe_next(given.get("next"))
    try:
        if given.get("once"):
            key, csrf = auth.log_in_once(store, text_field(given, "once"), now)
            to = "/account"  # it lets in once: now is the time to set a password
        else:
            key, csrf = auth.log_in(store, text_field(given, "name"), text_field(given, "password"), now)
    except Unauthenticated as error:
        if request.is_json:
            raise
        form = login_form(next_page=to, name=str(given.get("name") or ""), error=error.say(gettext))
        return form, status_of(error)
    response: Response
    if request.is_json:
        response = json_response({"success": True, "csrf_token": csrf})
    else:
        response = redirect(to, 303)
    give_cookie(response, key)
    return response


def log_out() -> ResponseReturnValue:
    if g.get("session_key"):
        auth.log_out(board().store, g.session_key)
        remembered().forget(g.session_key)
    g.prolonged = False
    response: Response = json_response({"success": True}) if request.is_json else redirect("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=board().settings.secure_cookies)
    return response
