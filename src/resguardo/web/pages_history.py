"""The pages of what happened: the timeline of a batch, and the list of operations with the board of any moment."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flask import Flask, render_template
from flask.typing import ResponseReturnValue

from resguardo.store.connect import MongoError
from resguardo.web.context import board, require

BEGAN: Final = "ledger_began"


def register(app: Flask) -> None:
    app.add_url_rule("/batches/<path:own_id>", view_func=batch)
    app.add_url_rule("/history", view_func=history)


def batch(own_id: str) -> ResponseReturnValue:
    """Also of a batch that is gone: its timeline tells when, and brings it back."""
    require("read")
    return render_template("batch.html", own_id=own_id)


def history() -> ResponseReturnValue:
    require("read")
    return render_template("history.html", began=_began(), now=board().ledger.now())


def _began() -> datetime | None:
    """When the ledger begins, for the slider; None where it does not, or cannot be told in time.

    Kept once it is known: the embedded server reads all entries to tell, and the answer stays the same.
    """
    store = board().store
    try:
        known: datetime | None = store.state.get(BEGAN)
        if known is None and (oldest := store.entries.operations.oldest()) is not None:
            known = store.state.first(BEGAN, oldest)
    except MongoError:
        return None
    return known
