"""The pages of the vault: the copies there are, and whether the information is safe."""

from __future__ import annotations

from flask import Flask, current_app, render_template
from flask.typing import ResponseReturnValue

from resguardo.web.context import board, require


def register(app: Flask) -> None:
    app.add_url_rule("/backups", "backups_page", backups)
    app.add_url_rule("/status", "status_page", status)


def backups() -> ResponseReturnValue:
    require("read")
    addresses = {rule.rule for rule in current_app.url_map.iter_rules()}
    return render_template("backups.html", restore="/restore" if "/restore" in addresses else "")


def status() -> ResponseReturnValue:
    require("read")
    return render_template("status.html", database=board().settings.database)
