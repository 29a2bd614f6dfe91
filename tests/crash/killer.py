"""A process that forks others to be killed: what they import is imported once.

One JSON object a line on standard input: {uri, database, data, failpoint, statements, segment_bytes?, block?}. In a
fork, `statements` run with `store` and `ledger`, and the process dies at `failpoint`; its wait status is answered.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import bson
import failpoints

from resguardo.board import change
from resguardo.config import Settings
from resguardo.ledger import adopt, journal, record
from resguardo.ledger.catch_up import catch_up
from resguardo.ledger.people import rename_batch, rename_person
from resguardo.ledger.recover import recover
from resguardo.ledger.undo import undo
from resguardo.store import open_store
from resguardo.vault import fill

NAMES = (adopt.adopt, catch_up, recover, rename_batch, rename_person, undo)


def run(task: dict[str, Any]) -> None:
    settings = Settings(data=Path(task["data"]), mongodb_uri=task["uri"], database=task["database"])
    journal.LARGEST = task.get("segment_bytes") or journal.LARGEST  # type: ignore[misc]
    record.BLOCK = task.get("block") or record.BLOCK  # type: ignore[misc]
    adopt.BLOCK = task.get("block") or adopt.BLOCK  # type: ignore[misc]
    with open_store(settings) as store:
        ledger = record.Ledger(store, settings.zone)
        names: dict[str, Any] = {"store": store, "ledger": ledger, "bson": bson, "fill": fill}
        names |= vars(change) | {function.__name__: function for function in NAMES}
        failpoints.arm(task["failpoint"])
        exec(task["statements"], names)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run(json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
