"""The pages of one's own account and of all accounts."""

from __future__ import annotations

from flask import Flask, render_template
from flask.typing import ResponseReturnValue

from resguardo.auth import SHORTEST_PASSWORD
from resguardo.web.context import logged_in, require


def register(app: Flask) -> None:
    app.add_url_rule("/account", "account_page", account)
    app.add_url_rule("/accounts", "accounts_page", accounts)


def account() -> ResponseReturnValue:
    logged_in()
    return render_template("account.html", shortest=SHORTEST_PASSWORD)


def accounts() -> ResponseReturnValue:
    require("accounts")
    return render_template("accounts.html")
