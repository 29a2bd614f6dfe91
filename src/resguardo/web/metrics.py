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
from resguardo.status import Facts, Report, last_drill
from resguardo.store.connect import MongoError, deadline
from resguardo.vault.keeping import newest_good
from resguardo.web.api_status import measured
from resguardo.web.context import Board, board, require

PING_SECONDS: Final = 1.5
READ_SECONDS: Final = 1.0
LIGHTS: Final = {"green": 2, "amber": 1, "red": 0}
FIGURES: Final = {
    "archives": "Archives that are whole.",
    "last_archive_age_seconds": "Since the moment of the newest archive.",
    "last_good_copy_age_seconds": "Since the moment of the newest copy that was restored.",
    "last_drill_age_seconds": "Since the last drill.",
    "drill_restore_seconds": "What the last drill took to bring the board back.",
    "journal_complete_age_seconds": "Since all changes were known to be in the journal.",
    "external_look_age_seconds": "Since changes of other programs were looked for.",
    "loss_seconds": "Work that would be lost if MongoDB failed now.",
    "next_copy_in_seconds": "Until the next copy of the schedule.",
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
    found = figures(told.facts, told.measured) if told.facts and told.measured else {}
    for name, value in found.items():
        yield from _gauge(f"resguardo_{name}", FIGURES[name], {"": round(value, 3)})


def figures(facts: Facts, now: datetime) -> dict[str, float]:
    """By their names (`FIGURES`). What could not be measured is not among them.

    `loss_seconds`: how much work would be lost if MongoDB failed now. `drill_restore_seconds`: what the last drill took
    to bring the board back.
    """
    good = newest_good(facts.copies or (), now)
    drill = last_drill(facts)
    whole = [row for row in facts.copies or () if row["state"] not in ("damaged", "removed")]
    moments: dict[str, datetime | None] = {
        "last_archive_age": max((datetime.fromisoformat(row["moment"]) for row in whole), default=None),
        "last_good_copy_age": good,
        "last_drill_age": datetime.fromisoformat(drill["at"]) if drill else None,
        "journal_complete_age": facts.journal_complete_to,
        "external_look_age": facts.external_seen.ended if facts.external_seen else None,
        "loss": now if facts.journal_trouble is None and facts.journal_complete_to is not None else good,
    }
    found: dict[str, float] = {
        f"{name}_seconds": (now - at).total_seconds() for name, at in moments.items() if at is not None
    }
    if facts.copies is not None:
        found["archives"] = len(whole)
    if drill and drill.get("rto") is not None:
        found["drill_restore_seconds"] = float(drill["rto"])
    if facts.next_copy is not None:
        found["next_copy_in_seconds"] = (facts.next_copy - now).total_seconds()
    if facts.free is not None:
        found["disk_free_bytes"] = facts.free
    return found


def _gauge(name: str, text: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"
    for labels, value in values.items():
        yield f"{name}{labels} {value}\n"
