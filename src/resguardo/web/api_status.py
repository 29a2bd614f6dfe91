"""Whether the information is safe: for the shield on every page, the page `/status`, and programs that watch."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from flask import Flask, current_app
from flask.typing import ResponseReturnValue

from resguardo.status import Report, report
from resguardo.web.answer import json_response
from resguardo.web.context import Board, board, require

FRESH: Final = 10.0
"""Seconds that an answer serves everybody who asks."""
MEASURED: Final = "resguardo.status"


class Measured:
    """The last report, made anew when it is asked for and old; one asks MongoDB, the others wait for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._report: Report | None = None
        self._at = 0.0

    def get(self, served: Board) -> Report:
        with self._lock:
            if self._report is None or time.monotonic() - self._at > FRESH:
                ledger = served.ledger
                self._report = report(served.settings, served.store, ledger.journal, ledger.now())
                self._at = time.monotonic()
            return self._report

    def forget(self) -> None:
        """Something has changed that the next answer should know."""
        with self._lock:
            self._report = None


def register(app: Flask) -> None:
    app.extensions[MEASURED] = Measured()
    app.add_url_rule("/api/status", "api_status", status)


def measured_of(app: Flask) -> Measured:
    kept: Measured = app.extensions[MEASURED]
    return kept


def measured() -> Report:
    return measured_of(current_app).get(board())


def status() -> ResponseReturnValue:
    """{"safe", "light", "shield", "good_copy", "measured", "lines": [{"name", "state", "value", …}]}.

    `shield` is the light without the lines that are so for as long as the installation is as it is (`standing`).
    """
    require("read")
    summary: dict[str, Any] = measured().summary()
    return json_response(summary)
