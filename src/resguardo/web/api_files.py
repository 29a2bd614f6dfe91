"""Files that leave the board (mission.md, "HTTP")."""

from __future__ import annotations

from typing import Final

from flask import Flask
from flask.typing import ResponseReturnValue

from resguardo.exchange import exports
from resguardo.exchange.filename import backup_name
from resguardo.vault import snapshot
from resguardo.web.answer import download
from resguardo.web.context import board, require

CSV: Final = "text/csv; charset=utf-8"
JSON: Final = "application/json; charset=utf-8"


def register(app: Flask) -> None:
    app.add_url_rule("/api/export/segmentador/<path:name>", "export_worklist", export_worklist)
    app.add_url_rule("/api/export/all-assignments", "export_summary", export_summary)
    app.add_url_rule("/api/backup/database", "database_backup", database_backup)


def export_worklist(name: str) -> ResponseReturnValue:
    require("read")
    filename, chunks = exports.worklist(board().store.pages, name, board().local_now().date())
    return download(filename, chunks, CSV)


def export_summary() -> ResponseReturnValue:
    require("read")
    filename, chunks = exports.summary(board().store.pages, board().local_now())
    return download(filename, chunks, CSV)


def database_backup() -> ResponseReturnValue:
    """The whole board in one file. It is read before the first byte is sent, so that an error can still be said."""
    require("backup")
    now = board().local_now()
    taken = snapshot.take(board().store, board().ledger.zone, "download", now)
    return download(backup_name(now), taken.stream(), JSON, taken.close)
