"""The pages: frames that the scripts of `frontend/` fill from the API, so that pages and scripts see the same board."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final, get_args

from flask import Flask, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, get_translations, gettext

from resguardo.auth import Permission, may
from resguardo.board import document
from resguardo.web.context import board, current_account, require

MOST_PROBLEMS: Final = 200
ROLE_NAMES: Final = {
    "lead": "Coordinación",
    "reviewer": "Revisión",
    "segmentador": "Segmentación",
    "viewer": "Consulta",
}


def register(app: Flask) -> None:
    app.context_processor(frame)
    app.add_url_rule("/", view_func=progress)
    app.add_url_rule("/assign", view_func=assign)
    app.add_url_rule("/batches", view_func=batches)
    app.add_url_rule("/data-management", view_func=data_management)
    app.add_url_rule("/login", view_func=login, methods=["GET"])


def progress() -> ResponseReturnValue:
    require("read")
    return render_template("progress.html")


def assign() -> ResponseReturnValue:
    require("read")
    return render_template("assign.html")


def batches() -> ResponseReturnValue:
    require("read")
    return render_template("batches.html")


def data_management() -> ResponseReturnValue:
    require("backup")
    found = islice(board().store.batches.problems(), MOST_PROBLEMS)
    return render_template("data.html", problems=[problem(stored.raw) for stored in found])


def problem(raw: bytes) -> dict[str, str]:
    """A document that the board cannot work with, and why."""
    name = document.field(raw, "id")
    if name is None:
        why = gettext("No tiene id.")
    elif not isinstance(name, str):
        why = gettext("Su id no es texto: %(value)s", value=str(name)[:60])
    elif not name.strip():
        why = gettext("Su id está vacío.")
    else:
        why = gettext("Otro documento tiene el mismo id: %(value)s", value=name[:60])
    return {"own": str(document.field(raw, "_id"))[:60], "why": why}


def login() -> ResponseReturnValue:
    if current_account() is not None and "once" not in request.args:
        return redirect("/")
    return login_form(next_page=request.args.get("next", ""), once=request.args.get("once", ""))


def login_form(*, next_page: str = "", once: str = "", name: str = "", error: str = "") -> str:
    """The form, also for showing it again with what was wrong."""
    return render_template("login.html", next=next_page, once=once, name=name, error=error)


def frame() -> dict[str, Any]:
    """What `frame.html` and `base.html` need on every page."""
    account = current_account()
    language = str(get_locale() or "es")[:2]
    own = [] if account is None else [name for name in (account.segmentador, account.name) if name]
    allowed = [] if account is None else [name for name in get_args(Permission) if may(account, name)]
    return {
        "language": language,
        "texts": texts() if language != "es" else None,
        "permissions": allowed,
        "own_names": own,
        "zone": board().settings.zone.key,
        "role_names": ROLE_NAMES,
    }


def texts() -> dict[str, str]:
    """The translations that the scripts need: those whose places are written `{so}`, and those without places."""
    catalogue = getattr(get_translations(), "_catalog", {})
    return {
        text: translation
        for text, translation in catalogue.items()
        if isinstance(text, str) and text and isinstance(translation, str) and "%(" not in text
    }
