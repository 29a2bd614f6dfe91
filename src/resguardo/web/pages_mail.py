"""The page of mail, and the one that a link in a message leads to: no more of these, without a login."""

from __future__ import annotations

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue

from resguardo.board.change import edit
from resguardo.errors import NotFound
from resguardo.mail.unsubscribe import sealed_person
from resguardo.web.context import board, logged_in


def register(app: Flask) -> None:
    app.add_url_rule("/mail", "mail_page", mail)
    app.add_url_rule("/mail/off/<seal>", "mail_off", off, methods=["GET", "POST"])


def mail() -> ResponseReturnValue:
    logged_in()
    return render_template("mail.html")


def off(seal: str) -> ResponseReturnValue:
    """GET asks, POST does it (RFC 8058: mail programs post on their own), or takes it back with `on`."""
    name = sealed_person(board().store, seal)
    if name is None:
        raise NotFound("Ese enlace ya no sirve.", hint="Pide a quien coordina que lo cambie en Correo.")
    if request.method == "POST":
        change = edit("segmentador", name, {"mail_off": "on" not in request.form})
        board().ledger.record([change], actor=name, via="page")
    row = board().store.pages.person(name) or {}
    return render_template("mail_off.html", name=name, is_off=row.get("mail_off") is True)
