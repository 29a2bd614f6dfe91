"""What happened and taking it back: timelines, operations, undo, the board at a moment (contract.md, "HTTP")."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from resguardo import auth
from resguardo.board.change import Kind, missing
from resguardo.board.filters import Filter
from resguardo.errors import Invalid, NotFound
from resguardo.ledger import history, operations
from resguardo.ledger.operations import Wanted
from resguardo.ledger.past import MARGIN, Past, before
from resguardo.ledger.settle import Key
from resguardo.ledger.undo import Undone, undo, undo_everything
from resguardo.web.answer import json_response, receipt_response
from resguardo.web.api_batches import one_batch
from resguardo.web.body import read_object, text_field
from resguardo.web.context import board, logged_in, require, via

MOST_PER_PAGE: Final = 500
NO_FILTERS: Final = frozenset({"moment", "before", "page", "per_page", "sort", "lang"})
PASTS: Final = "resguardo.pasts"
PASTS_KEPT: Final = 3
MOST_NAMED: Final = 1000
"""Revisions named in the answer to an undo."""


def register(app: Flask) -> None:
    app.add_url_rule("/api/batches/<path:own_id>/history", "batch_history", batch_history, methods=["GET"])
    app.add_url_rule("/api/batches/<path:own_id>/at", "batch_at", batch_at, methods=["GET"])
    app.add_url_rule("/api/operations", "operations", list_operations, methods=["GET"])
    app.add_url_rule("/api/operations/<op>", "operation", one_operation, methods=["GET"])
    app.add_url_rule("/api/operations/<op>/undo", "undo_operation", undo_operation, methods=["POST"])
    app.add_url_rule("/api/undo", "undo_everything", undo_all, methods=["POST"])
    app.add_url_rule("/api/board/at", "board_at", board_at, methods=["GET"])
    app.extensions[PASTS] = Pasts()


class Pasts:
    """The last boards of the past that somebody looked at, so that leafing through one reads it once."""

    def __init__(self) -> None:
        self._pasts: OrderedDict[datetime, Past] = OrderedDict()
        self._lock = threading.Lock()

    def at(self, moment: datetime) -> Past:
        """Raises `MomentUnreachable`."""
        ledger = board().ledger
        with self._lock:
            kept = self._pasts.pop(moment, None)
            # What is so recent may still lack entries of an operation that is being written.
            if kept is None or moment > ledger.now() - MARGIN:
                kept = Past(ledger.store, moment, ledger.now())
            self._pasts[moment] = kept
            while len(self._pasts) > PASTS_KEPT:
                self._pasts.popitem(last=False)
        return kept


def batch_history(own_id: str) -> ResponseReturnValue:
    """?before=<rev>&limit=50: newest first. A batch whose own id ends in `/history` is that batch, as anywhere."""
    require("read")
    if _is_batch(f"{own_id}/history"):
        return one_batch(f"{own_id}/history")
    below, limit = _number("before", 2**31), _number("limit", MOST_PER_PAGE) or 50
    try:
        rows, following = history.timeline(board().store, "batch", own_id, below, limit)
    except NotFound:
        if not _is_batch(own_id):
            raise missing("batch", own_id) from None
        rows, following = [], 0  # another program has just put it there
    return json_response({"batch": own_id, "timeline": rows, "next": following or None})


def batch_at(own_id: str) -> ResponseReturnValue:
    """?rev=3 or ?moment=ISO: the batch as it was, null where it was not."""
    require("read")
    if _is_batch(f"{own_id}/at"):
        return one_batch(f"{own_id}/at")
    rev, moment = _number("rev", 2**31), _moment("moment")
    if (rev is None) == (moment is None):
        raise Invalid("Pide una revisión (rev) o un momento (moment).")
    if rev is not None:
        entry = history.at_revision(board().store, "batch", own_id, rev)
    elif moment is not None:
        found = history.at_moment(board().store, "batch", own_id, moment, board().ledger.now())
        if found is None:
            return json_response({"batch": None, "rev": 0, "at": None, "actor": None})
        entry = found
    row = {"batch": history.shown(entry.after), "rev": entry.rev, "at": entry.at.isoformat(), "actor": entry.actor}
    return json_response(row)


def list_operations() -> ResponseReturnValue:
    """?before=<cursor>&limit=50&actor=&action=&via=&text=&from=&to=: newest first."""
    require("read")
    given = request.args
    wanted = Wanted(
        **{name: given.get(name, "").strip() for name in ("actor", "action", "via", "text")},
        since=_moment("from"),
        until=_moment("to"),
    )
    limit = _number("limit", MOST_PER_PAGE) or 50
    ledger = board().ledger
    found, following = operations.operations(ledger.store, wanted, given.get("before"), limit, ledger.now())
    return json_response({"operations": [one.told() for one in found], "next": following})


def one_operation(op: str) -> ResponseReturnValue:
    """?after=<cursor>&limit=100: what it did, by document."""
    require("read")
    store = board().store
    found = operations.operation(store, op)
    skip, limit = _number("after", 2**31) or 0, _number("limit", MOST_PER_PAGE) or 100
    entries, following = operations.entries_of(store, op, skip, limit)
    told = None if following is None else str(following)
    return json_response({"operation": found.told(), "entries": entries, "next": told})


def undo_operation(op: str) -> ResponseReturnValue:
    """{"dry_run"?, "take"?: [{"kind", "doc", "field"}]}: taken back, but for what others changed since."""
    account = logged_in()
    given = read_object() if request.content_length else {}
    found = operations.operation(board().store, op)
    auth.demand_undo(account, found.actor, found.actions)
    dry_run = given.get("dry_run") is True
    done = undo(board().ledger, op, actor=account.name, via=via(), take=_take(given), dry_run=dry_run)
    return _undone(done, dry_run)


def undo_all() -> ResponseReturnValue:
    """{"actor", "from", "to", "dry_run"?, "take"?}: all that somebody did between two moments."""
    account = require("batches")
    given = read_object()
    name = text_field(given, "actor")
    since, until = (history.parse_moment(text_field(given, side)) for side in ("from", "to"))
    dry_run = given.get("dry_run") is True
    ledger = board().ledger
    done = undo_everything(
        ledger, name, since, until, actor=account.name, via=via(), take=_take(given), dry_run=dry_run
    )
    return _undone(done, dry_run)


def board_at() -> ResponseReturnValue:
    """?moment=ISO or ?before=<operation>, &page=1&per_page=50&<filters>: the board as it was, by id."""
    require("read")
    given = request.args.to_dict(flat=False)
    number, size = _number("page", 1_000_000) or 1, _number("per_page", MOST_PER_PAGE) or 50
    moment, op = _moment("moment"), request.args.get("before", "")
    if (moment is None) == (not op):
        raise Invalid("Pide un momento (moment) o una operación (before).")
    chosen = Filter.parse({name: values for name, values in given.items() if name not in NO_FILTERS})
    kept: Pasts = current_app.extensions[PASTS]
    past = kept.at(moment or before(board().store, op))
    raws, total = past.page(chosen, number, size)
    last = past.last_change
    return json_response(
        {
            "moment": past.moment.isoformat(),
            "last_change": {"op": last.op, "at": last.at.isoformat(), "actor": last.actor},
            "batches": [history.shown(raw) for raw in raws],
            "pagination": {"page": number, "per_page": size, "total": total, "total_pages": -(-total // size)},
            "progress": asdict(past.progress()),
        }
    )


def _undone(done: Undone, dry_run: bool) -> ResponseReturnValue:
    told: dict[str, Any] = {"undone": done.undone, "conflicts": done.conflicts, "conflict_count": done.conflict_count}
    if done.receipt is None:
        nothing = gettext("No queda nada que deshacer.")
        message = nothing if not done.undone else _message(done)
        return json_response({"success": True, "message": message, "operation": None, "dry_run": dry_run, **told})
    if done.undone > MOST_NAMED:
        told["revs"] = {}
    return receipt_response(done.receipt, _message(done), dry_run=False, **told)


def _message(done: Undone) -> str:
    back = ngettext("%(num)s vuelve a como estaba.", "%(num)s vuelven a como estaban.", done.undone)
    if not done.conflict_count:
        return str(back)
    kept = ngettext(
        "En %(num)s caso se queda lo que otra persona hizo después.",
        "En %(num)s casos se queda lo que otras personas hicieron después.",
        done.conflict_count,
    )
    return f"{back} {kept}"


def _take(given: Mapping[str, Any]) -> dict[Key, list[str]]:
    """What comes back whoever changed it since. Raises `Invalid`, naming the element."""
    rows = given.get("take", [])
    take: dict[Key, list[str]] = {}
    for number, row in enumerate(rows if isinstance(rows, list) else [None], 1):
        values = [row.get(name) for name in ("kind", "doc", "field")] if isinstance(row, dict) else [None]
        if not all(isinstance(value, str) for value in values) or values[0] not in ("batch", "segmentador"):
            raise Invalid("«take», elemento {number}: faltan «kind», «doc» o «field».", number=number)
        kind: Kind = values[0]
        take.setdefault((kind, str(values[1])), []).append(str(values[2]))
    return take


def _is_batch(name: str) -> bool:
    return bool(board().store.batches.revisions([name]))


def _number(name: str, most: int) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,10}", text) and 1 <= int(text) <= most:
        return int(text)
    raise Invalid("«{name}» tiene que ser un número de 1 a {most}.", name=name, most=most)


def _moment(name: str) -> datetime | None:
    text = request.args.get(name, "")
    return history.parse_moment(text) if text else None
