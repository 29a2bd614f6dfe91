"""The pages of the vault: the copies, comparing them, going back to one, and whether the information is safe."""

from __future__ import annotations

from flask import Flask, render_template
from flask.typing import ResponseReturnValue

from resguardo.web.context import board, require


def register(app: Flask) -> None:
    app.add_url_rule("/backups", "backups_page", backups)
    app.add_url_rule("/compare", "compare_page", compare)
    app.add_url_rule("/restore", "restore_page", restore)
    app.add_url_rule("/status", "status_page", status)


def backups() -> ResponseReturnValue:
    require("read")
    return render_template("backups.html")


def compare() -> ResponseReturnValue:
    """?a=&b=, each a copy, a moment or `now`, and which part is looked at: ?what=&kind=&assignee=&text=."""
    require("backup")
    return render_template("compare.html")


def restore() -> ResponseReturnValue:
    """?source=<copy>, ?moment=, ?before=<operation>, ?batch=&rev= or ?from=file: with that filled in."""
    require("import")
    return render_template("restore.html", now=board().ledger.now())


def status() -> ResponseReturnValue:
    require("read")
    return render_template("status.html", database=board().settings.database)
