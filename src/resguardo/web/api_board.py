"""The board as a whole: progress, the stream of what changes, and whether the process is fit to answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import orjson
from flask import Flask, Response
from flask.typing import ResponseReturnValue

from resguardo.ledger.watch import Event, Subscription
from resguardo.web.answer import json_response
from resguardo.web.api_status import measured
from resguardo.web.context import Board, board, require

HEARTBEAT: Final = 15.0
"""Seconds after which a silent stream says that it is alive; a browser that has gone is noticed then."""
LONGEST_STREAM: Final = 600.0
"""Seconds; then the browser connects anew, and is asked anew who it is."""


def register(app: Flask) -> None:
    app.add_url_rule("/api/progress", "api_progress", progress, methods=["GET"])
    app.add_url_rule("/api/events", "events", events, methods=["GET"])
    app.add_url_rule("/healthz", "healthz", healthz, methods=["GET"])
    app.add_url_rule("/readyz", "readyz", readyz, methods=["GET"])


def progress() -> ResponseReturnValue:
    require("read")
    return json_response(board().watch.progress())


def events() -> ResponseReturnValue:
    """Server-sent events: `progress` at once and after every change, `change` for each operation."""
    require("read")
    served = board()
    subscription = served.watch.subscribe()
    try:
        first = Event("progress", served.watch.progress())
    except BaseException:
        subscription.close()
        raise
    response = Response(_stream(served, subscription, first), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(subscription.close)
    return response


def _stream(served: Board, subscription: Subscription, first: Event) -> Iterator[bytes]:
    ends = time.monotonic() + LONGEST_STREAM
    silent_since = time.monotonic()
    try:
        yield b"retry: 2000\n\n" + _said(first)
        while not served.stopping.is_set() and time.monotonic() < ends:
            event = subscription.get(timeout=1.0)
            if event is not None:
                yield _said(event)
            elif time.monotonic() - silent_since < HEARTBEAT:
                continue
            else:
                yield b": .\n\n"
            silent_since = time.monotonic()
    finally:
        subscription.close()


def _said(event: Event) -> bytes:
    return b"event: " + event.kind.encode() + b"\ndata: " + orjson.dumps(event.data) + b"\n\n"


def healthz() -> ResponseReturnValue:
    """The process is up."""
    return json_response({"ok": True})


def readyz() -> ResponseReturnValue:
    """MongoDB answers; 503 when it does not. And what the status says, to anybody: without what was measured.

    A board whose copies are in danger still takes changes, and records each of them twice: it stays ready.
    """
    board().store.connection.ping()
    told = measured()
    guarantees = {line.key: line.state for line in told.lines}
    return json_response({"ok": True, "safe": told.safe, "light": told.light, "guarantees": guarantees})
