"""/api/backups/<a>/diff/<b>: two copies compared, or a copy with the board (contract.md, "HTTP")."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue

from resguardo.errors import Invalid
from resguardo.exchange import csv, table, xlsx
from resguardo.exchange.exports import TYPES
from resguardo.exchange.filename import stamped
from resguardo.vault.diff import Difference
from resguardo.vault.sources import NOW, open_named
from resguardo.web.answer import download, json_response
from resguardo.web.api_files import about
from resguardo.web.body import whole_number
from resguardo.web.context import board, require
from resguardo.web.copies import catalogue_of

DIFFERENCES: Final = "resguardo.differences"
KEPT: Final = 3
MOST_PER_PAGE: Final = 500


def register(app: Flask) -> None:
    app.extensions[DIFFERENCES] = Differences()
    app.add_url_rule("/api/backups/<a>/diff/<b>", "diff_backups", diff_backups)


class Differences:
    """The last comparisons, so that leafing through one makes it once. One that goes is closed with its last reader."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Difference] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, a: str, b: str, *, anew: bool) -> Difference:
        """Raises `NoVault`, `MomentUnreachable`, `Integrity`. `anew`: not what was kept, if the board is part of it."""
        with self._lock:
            found = self._kept.pop((a, b), None)
            if found is None or (anew and NOW in (a, b)):
                found = self._make(a, b)
            self._kept[a, b] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def _make(self, a: str, b: str) -> Difference:
        served = board()
        catalogue = catalogue_of(served)
        with open_named(a, catalogue, served.ledger) as before, open_named(b, catalogue, served.ledger) as after:
            return Difference(before, after)


def diff_backups(a: str, b: str) -> ResponseReturnValue:
    """?page=1&per_page=50&format=csv|xlsx: what differs between two archives or moments, or one and `now`."""
    require("backup")
    page, size = whole_number("page", 1, 1_000_000), whole_number("per_page", 50, MOST_PER_PAGE)
    wanted = request.args.get("format", "json")
    if wanted not in ("json", "csv", "xlsx"):
        raise Invalid("«format» tiene que ser uno de: {allowed}.", allowed="json, csv, xlsx")
    kept: Differences = current_app.extensions[DIFFERENCES]
    found = kept.of(a, b, anew=page == 1)
    if wanted != "json":
        rows = table.difference_rows(row.told(None) for row in found.rows())
        name = stamped("diferencias", board().local_now(), wanted)
        if wanted == "xlsx":
            return download(name, xlsx.stream(xlsx.differences(rows, about())), TYPES["xlsx"])
        return download(name, csv.stream(table.DIFFERENCE_HEADER, rows), TYPES["csv"])
    pagination = {"page": page, "per_page": size, "total": found.size, "total_pages": -(-found.size // size)}
    return json_response({**found.summary(), "changes": found.page(page, size), "pagination": pagination})
