"""The last good copy, read-only: what there is to read while MongoDB is away (mission.md, "Promises").

`/last-copy` is its page, and every other page shows it, with status 503, as long as MongoDB is away. The three files of
the contract have the same address under `/api/last-copy/`; their names say of which moment they are. Who may read is
who was logged in lately (`remembered`), with the role of then.
"""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any, Final
from urllib.parse import urlencode

from babel.dates import format_datetime
from flask import Flask, Response, current_app, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext

from resguardo import auth
from resguardo.board.progress import Progress
from resguardo.errors import NoVault, Unavailable
from resguardo.exchange import exports
from resguardo.exchange.exports import Export
from resguardo.exchange.filename import backup_name
from resguardo.vault.contents import Contents, LastGood, unpacked
from resguardo.web.answer import download, json_response
from resguardo.web.body import whole_number
from resguardo.web.context import NAME, Board, board, require, who_was_here
from resguardo.web.copies import catalogue_of, readable_vault

LAST_GOOD: Final = "resguardo.last_good"
WAIT: Final = 0.3
"""Seconds: three are promised to whom MongoDB does not answer, and finding that out takes two and a half."""
WAIT_FOR_FILE: Final = 10.0
"""Who asks for a file has no page that loads anew."""
PER_PAGE: Final = 50
READABLE: Final = frozenset(
    {
        *("last_copy_page", "last_copy", "last_copy_worklist", "last_copy_summary", "last_copy_backup"),
        *("status_page", "api_status", "backups_page", "backups", "backups_plan", "show_backup", "download_backup"),
        "account",
    }
)
"""The endpoints that take nothing from MongoDB but who asks."""
CSV: Final = "text/csv; charset=utf-8"
JSON: Final = "application/json; charset=utf-8"


def register(app: Flask) -> None:
    served: Board = app.extensions[NAME]
    app.extensions[LAST_GOOD] = LastGood(catalogue_of(served), served.settings.zone)
    app.add_url_rule("/last-copy", "last_copy_page", last_copy_page)
    app.add_url_rule("/api/last-copy", "last_copy", last_copy)
    app.add_url_rule("/api/last-copy/export/segmentador/<path:name>", "last_copy_worklist", worklist)
    app.add_url_rule("/api/last-copy/export/all-assignments", "last_copy_summary", summary)
    app.add_url_rule("/api/last-copy/backup/database", "last_copy_backup", backup)


def last_good() -> LastGood:
    kept: LastGood = current_app.extensions[LAST_GOOD]
    return kept


def offer() -> dict[str, Any] | None:
    """The copy that whoever asks may read instead of what they asked for: {`id`, `moment`, `page`, `address`}.

    None for a change, for whom this process does not know, and where there is no good copy.
    """
    who = who_was_here()
    if who is None or request.method not in ("GET", "HEAD") or not auth.may(who, "read"):
        return None
    try:
        newest = next((row for row in catalogue_of(board()).list() if row["state"] == "good"), None)
    except OSError:
        return None
    if newest is None:
        return None
    own = request.endpoint in ("export_worklist", "export_summary", "database_backup")
    address = "/api/last-copy" + (request.path.removeprefix("/api") if own else "")
    return {"id": newest["id"], "moment": newest["moment"], "page": "/last-copy", "address": address}


def told(offered: dict[str, Any]) -> str:
    """The sentence that offers it."""
    moment = shown_moment(datetime.fromisoformat(offered["moment"]))
    sentence = gettext(
        "La última copia buena es del %(moment)s y se puede leer en %(address)s.",
        moment=moment,
        address=offered["address"],
    )
    return str(sentence)


def shown_moment(moment: datetime) -> str:
    local = moment.astimezone(board().settings.zone)
    return str(format_datetime(local, "EEE d MMM, HH:mm", locale=get_locale() or "es"))


def last_copy_page() -> ResponseReturnValue:
    """Of any time; while MongoDB answers it points to the board."""
    require("read")
    return page(200)


def page(status: int) -> Response:
    """The copy as a page, also instead of another page. Raises `NoVault`, `Unavailable`."""
    g.account = who_was_here()
    with readable_vault():
        contents = last_good().get(WAIT)
    away_since = board().store.connection.away_since
    away = status == 503 or away_since is not None
    known = {
        "away": away,
        "since": shown_moment(away_since or board().ledger.now()),
        "contents": contents,
    }
    if contents is not None:
        known |= _looked_up(contents, 1 if status == 503 else whole_number("page", 1, 1_000_000))
    response = Response(render_template("last_copy.html", **known), status, mimetype="text/html")
    if contents is None:
        response.headers["Refresh"] = "1"
    return response


def _looked_up(contents: Contents, number: int) -> dict[str, Any]:
    text, person = request.args.get("text", "")[:300], request.args.get("assignee")
    rows, total = contents.page(text, person, number, PER_PAGE)
    return {
        "moment": shown_moment(contents.moment),
        "progress": Progress.of(contents.counts()),
        "rows": rows,
        "total": total,
        "text": text,
        "person": person,
        "number": number,
        "address": _address(text, person),
        "pages": max(1, ceil(total / PER_PAGE)),
    }


def _address(text: str, person: str | None) -> str:
    """Of the same rows; the number of a page goes behind it."""
    chosen = {"text": text, **({} if person is None else {"assignee": person})}
    return f"/last-copy?{urlencode(chosen)}&page="


def last_copy() -> ResponseReturnValue:
    """?text=&assignee=&page=1&per_page=50: the batches of the last good copy, by id."""
    require("read")
    contents = _opened()
    number, size = whole_number("page", 1, 1_000_000), whole_number("per_page", PER_PAGE, 1000)
    rows, total = contents.page(request.args.get("text", ""), request.args.get("assignee"), number, size)
    pages = {"page": number, "per_page": size, "total": total, "total_pages": ceil(total / size)}
    about = {"id": contents.id, "moment": contents.moment.isoformat()}
    return json_response({"copy": about, "batches": rows, "pagination": pages})


def _opened() -> Contents:
    """Raises `NoVault`, `Unavailable`."""
    with readable_vault():
        contents = last_good().get(WAIT_FOR_FILE)
    if contents is None:
        raise Unavailable("La copia se está abriendo.", hint="Vuelve a pedirla en un momento.")
    return contents


def worklist(name: str) -> ResponseReturnValue:
    require("read")
    contents = _opened()
    return _file(contents, exports.worklist(contents, name, _local(contents).date()))


def summary() -> ResponseReturnValue:
    require("read")
    contents = _opened()
    return _file(contents, exports.summary(contents, _local(contents)))


def _file(contents: Contents, export: Export) -> Response:
    name, chunks = exports.of_copy(export, _local(contents))
    return _of_copy(download(name, chunks, CSV), contents.id, contents.moment)


def _local(contents: Contents) -> datetime:
    return contents.moment.astimezone(board().settings.zone)


def backup() -> ResponseReturnValue:
    """The copy as the file that `/api/backup/database` would have been at its moment."""
    require("backup")
    catalogue = catalogue_of(board())
    with readable_vault():
        newest = next((row for row in catalogue.list() if row["state"] == "good"), None)
        if newest is None:
            raise NoVault("No hay ninguna copia buena que leer.", hint="Mira las que hay con: resguardo backup list")
        path = catalogue.path(newest["id"])
    moment = datetime.fromisoformat(newest["moment"])
    local = moment.astimezone(board().settings.zone)
    name, chunks = exports.of_copy((backup_name(local), unpacked(path)), local)
    return _of_copy(download(name, chunks, JSON), newest["id"], moment)


def _of_copy(response: Response, own: str, moment: datetime) -> Response:
    response.headers["X-Resguardo-Copy"] = own
    response.headers["X-Resguardo-Copy-Moment"] = moment.isoformat()
    return response
