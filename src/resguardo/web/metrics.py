"""GET /metrics: what Prometheus scrapes, in its text format.

Answered to programs on this machine, so that an outage of MongoDB can be measured, and to anybody with a token. A
request that a proxy passed on counts as one from elsewhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from resguardo.errors import Unavailable
from resguardo.status import Report
from resguardo.store.connect import MongoError, deadline
from resguardo.web.api_status import measured
from resguardo.web.context import Board, board, require
from resguardo.web.copies import catalogue_of

PING_SECONDS: Final = 1.5
READ_SECONDS: Final = 1.0
LIGHTS: Final = {"green": 2, "amber": 1, "red": 0}
FIGURES: Final = {
    "last_good_copy_age": "Since the moment of the newest copy that was restored.",
    "last_drill_age": "Since the last drill.",
    "drill_restore": "What the last drill took to bring the board back.",
    "journal_complete_age": "Since all changes were known to be in the journal.",
    "external_look_age": "Since changes of other programs were looked for.",
    "loss": "Work that would be lost if MongoDB failed now.",
    "next_copy_in": "Until the next copy of the schedule.",
    "disk_free_bytes": "Room where the data lie.",
}
PASSED_ON: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def register(app: Flask) -> None:
    app.add_url_rule("/metrics", "metrics", metrics, methods=["GET"])


def from_this_machine() -> bool:
    try:
        own = ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    return own and not any(name in request.headers for name in PASSED_ON)


def metrics() -> ResponseReturnValue:
    """Prometheus' text format; 200 also while MongoDB is away, which is then a measure."""
    if not from_this_machine():
        require("read")
    lines = "".join(_lines(board()))
    return Response(lines, content_type="text/plain; version=0.0.4; charset=utf-8")


def _lines(served: Board) -> Iterator[str]:
    up = _reachable(served)
    yield from _gauge("resguardo_mongodb_up", "Whether MongoDB answers.", {"": int(up)})
    if up:
        yield from _board(served)
    yield from _promises(measured())
    try:
        ages = _archive_ages(served)
    except OSError:  # no figure rather than none
        return
    yield from _gauge("resguardo_archives", "Archives that are whole.", {"": len(ages)})
    if ages:
        yield from _gauge("resguardo_last_archive_age_seconds", "Since the newest archive.", {"": round(min(ages))})


def _reachable(served: Board) -> bool:
    try:
        with deadline(PING_SECONDS):
            served.store.connection.ping()
    except Unavailable:
        return False
    return True


def _board(served: Board) -> Iterator[str]:
    try:
        with deadline(READ_SECONDS):
            totals = served.watch.progress()["totals"]
    except MongoError:
        return
    statuses = {f'{{status="{name}"}}': totals[name] for name in ("NS", "In", "S", "other")}
    yield from _gauge("resguardo_batches", "Batches by status.", statuses)
    yield from _gauge("resguardo_batches_unassigned", "Batches of nobody.", {"": totals["unassigned"]})


def _promises(told: Report) -> Iterator[str]:
    """What `/status` says."""
    yield from _gauge("resguardo_safe", "Whether the information is safe.", {"": int(told.safe)})
    lights = {f'{{name="{line.key}"}}': LIGHTS[line.state] for line in told.lines}
    yield from _gauge("resguardo_guarantee", "Lines of the status: 2 green, 1 amber, 0 red.", lights)
    for name, value in told.figures.items():
        unit = "" if name.endswith("_bytes") else "_seconds"
        yield from _gauge(f"resguardo_{name}{unit}", FIGURES[name], {"": round(value, 3)})


def _archive_ages(served: Board) -> list[float]:
    """Seconds since the moment of each archive that is whole. Raises `OSError` where the vault cannot be read."""
    now = served.ledger.now()
    whole = [row for row in catalogue_of(served).list() if row.get("state") not in ("damaged", "writing", "removed")]
    return [(now - datetime.fromisoformat(str(row["moment"]))).total_seconds() for row in whole if row.get("moment")]


def _gauge(name: str, text: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"
    for labels, value in values.items():
        yield f"{name}{labels} {value}\n"
