"""The pages: frames that the scripts of `frontend/` fill from the API, so that pages and scripts see the same board."""

from __future__ import annotations

from typing import Any, Final, get_args

from flask import Flask, Response, redirect, render_template, request, stream_template
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, get_translations

from resguardo.auth import Permission, may
from resguardo.board.filters import Filter
from resguardo.board.people import is_unassigned
from resguardo.exchange import table
from resguardo.exchange.exports import no_work
from resguardo.web.api_problems import MOST, listed
from resguardo.web.context import board, current_account, require

ROLE_NAMES: Final = {
    "lead": "Coordinación",
    "reviewer": "Revisión",
    "segmentador": "Segmentación",
    "viewer": "Consulta",
}

PRINTED: Final = table.chosen_columns(["id", "status", "priority", "due_date", "folder", "comments"])


def register(app: Flask) -> None:
    app.context_processor(frame)
    app.add_url_rule("/", view_func=progress)
    app.add_url_rule("/assign", view_func=assign)
    app.add_url_rule("/batches", view_func=batches)
    app.add_url_rule("/print/worklist/<path:name>", "print_worklist", print_worklist)
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


def print_worklist(name: str) -> ResponseReturnValue:
    """The work list for paper, with boxes to tick; sent row by row."""
    require("read")
    total = sum(count.batches for count in board().store.pages.counts() if count.assignee == name)
    if not total or is_unassigned(name):
        raise no_work(name)
    found = table.batch_rows(board().store.pages.select(Filter(assignee=(name,))), PRINTED)
    rows = ([table.text(cell) for cell in row] for row in found)
    page = stream_template("print.html", name=name, total=total, rows=rows, now=board().local_now())
    return Response(page, mimetype="text/html")


def data_management() -> ResponseReturnValue:
    require("backup")
    found = listed(board().store)
    return render_template("data.html", problems=found[:MOST], more=len(found) > MOST)


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
