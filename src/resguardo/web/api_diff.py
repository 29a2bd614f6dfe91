"""/api/backups/<a>/diff/<b>: two copies or moments compared, or one of them with the board (contract.md, "HTTP").

GET answers when it is done, for programs. POST begins it in the background, for what may take minutes, and its task
names a comparison that is then leafed through, filtered and downloaded as it was: GET /api/comparisons/<id>.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, cast, get_args

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue

from resguardo.board.change import KINDS, Kind
from resguardo.errors import Invalid, NotFound
from resguardo.exchange import csv, table, xlsx
from resguardo.exchange.exports import TYPES
from resguardo.exchange.filename import stamped
from resguardo.vault.diff import Chosen, Difference, What
from resguardo.vault.sources import NOW, open_named
from resguardo.web.answer import download, json_response
from resguardo.web.api_backups import begun_reading
from resguardo.web.api_files import about
from resguardo.web.body import whole_number
from resguardo.web.context import Board, board, require
from resguardo.web.copies import catalogue_of

DIFFERENCES: Final = "resguardo.differences"
KEPT: Final = 6
MOST_PER_PAGE: Final = 500
FORMS: Final = ("json", "csv", "xlsx")


def register(app: Flask) -> None:
    app.extensions[DIFFERENCES] = Differences()
    app.add_url_rule("/api/backups/<a>/diff/<b>", "diff_backups", diff_backups, methods=["GET"])
    app.add_url_rule("/api/backups/<a>/diff/<b>", "begin_diff", begin_diff, methods=["POST"])
    app.add_url_rule("/api/comparisons/<own>", "comparison", comparison)


class Differences:
    """The last comparisons, so that leafing through one makes it once. One that goes is closed with its last reader."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, str, Difference]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, a: str, b: str, found: Difference) -> str:
        """Returns the id that it is found with."""
        own = secrets.token_hex(8)
        with self._lock:
            self._kept[own] = (a, b, found)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return own

    def look(self, own: str) -> Difference:
        """Raises `NotFound`."""
        with self._lock:
            if own not in self._kept:
                raise NotFound("Esa comparación ya no se conoce.", hint="Hazla otra vez.")
            self._kept.move_to_end(own)
            return self._kept[own][2]

    def last_of(self, a: str, b: str) -> str | None:
        with self._lock:
            return next((own for own, kept in reversed(self._kept.items()) if kept[:2] == (a, b)), None)


def diff_backups(a: str, b: str) -> ResponseReturnValue:
    """?page=1&per_page=50&format=csv|xlsx, and filters: what differs between two archives or moments, or with `now`.

    The first page compares anew where the board, which goes on, is part of it.
    """
    require("backup")
    page, chosen, form = whole_number("page", 1, 1_000_000), _chosen(), _form()
    own = kept().last_of(a, b)
    if own is None or (page == 1 and NOW in (a, b)):
        own = kept().keep(a, b, _compare(board(), a, b))
    return _answer(own, chosen, form)


def begin_diff(a: str, b: str) -> ResponseReturnValue:
    """The same in the background: 202 and a task, whose result is the summary with the id of the `comparison`."""
    require("backup")
    served, differences = board(), kept()

    def compare(at: Callable[[str], None]) -> dict[str, Any]:
        own = None if NOW in (a, b) else differences.last_of(a, b)
        own = own or differences.keep(a, b, _compare(served, a, b, at))
        found = differences.look(own)
        return {"comparison": own, "total": found.size, **found.summary()}

    return begun_reading("compare", compare)


def comparison(own: str) -> ResponseReturnValue:
    """?page=1&per_page=50&format=csv|xlsx&what=added|removed|changed&kind=batch|segmentador&assignee|unassigned&text."""
    require("backup")
    return _answer(own, _chosen(), _form())


def kept() -> Differences:
    found: Differences = current_app.extensions[DIFFERENCES]
    return found


def _compare(served: Board, a: str, b: str, at: Callable[[str], None] = lambda step: None) -> Difference:
    """Raises `NoVault`, `MomentUnreachable`, `Integrity`."""
    catalogue, expected = catalogue_of(served), 0

    def opening(name: str) -> Any:
        nonlocal expected
        at(f"reading {name}")
        expected += _expected(served, name)
        return open_named(name, catalogue, served.ledger, lambda done: at(f"reading {name} {done}"))

    with opening(a) as before, opening(b) as after:
        return Difference(before, after, lambda done: at(f"comparing {done}/{max(expected, done)}"))


def _expected(served: Board, name: str) -> int:
    """About how many documents will be read."""
    row = next((row for row in catalogue_of(served).list() if row["id"] == name), None)
    if row is not None:
        return int(row.get("batches") or 0) + int(row.get("segmentadores") or 0)
    return sum(served.store.documents(kind).count() for kind in KINDS)


def _form() -> str:
    wanted = request.args.get("format", "json")
    if wanted not in FORMS:
        raise Invalid("«format» tiene que ser uno de: {allowed}.", allowed=", ".join(FORMS))
    return wanted


def _chosen() -> Chosen:
    """Raises `Invalid`."""
    given = request.args
    for name, allowed in (("what", get_args(What)), ("kind", KINDS)):
        if given.get(name, "") not in ("", *allowed):
            raise Invalid("«{name}» tiene que ser uno de: {allowed}.", name=name, allowed=", ".join(allowed))
    whose = "" if given.get("unassigned") == "1" else given.get("assignee") or None
    what, kind = cast("What | None", given.get("what") or None), cast("Kind | None", given.get("kind") or None)
    return Chosen(what, kind, whose, given.get("text", "").strip())


def _answer(own: str, chosen: Chosen, form: str) -> ResponseReturnValue:
    found = kept().look(own)
    if form != "json":
        return _file(found, chosen, form)
    page, size = whole_number("page", 1, 1_000_000), whole_number("per_page", 50, MOST_PER_PAGE)
    total = found.size_of(chosen)
    pagination = {"page": page, "per_page": size, "total": total, "total_pages": -(-total // size)}
    changes = found.page(page, size, chosen, whole=True)
    return json_response({"comparison": own, **found.summary(), "changes": changes, "pagination": pagination})


def _file(found: Difference, chosen: Chosen, form: str) -> ResponseReturnValue:
    rows = table.difference_rows(row.told(None) for row in found.rows(0, chosen))
    name = stamped("diferencias", board().local_now(), form)
    if form == "xlsx":
        return download(name, xlsx.stream(xlsx.differences(rows, about())), TYPES["xlsx"])
    return download(name, csv.stream(table.DIFFERENCE_HEADER, rows), TYPES["csv"])
