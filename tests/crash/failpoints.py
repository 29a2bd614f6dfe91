"""Failpoints: named places between two steps at which a process ends as if killed from outside.

A name is `Owner.method:when`, and `#2` at its end means the second time. `when`: `before` and `after` the call, or,
for what takes bytes, `half`: after only the first half of them was given to it. A name that names nothing is refused,
so that a method that was renamed makes the tests fail rather than pass.

Used in processes that tests fork (`killer`), and, by `sitecustomize`, in the worker of a served board (`served`).
"""

from __future__ import annotations

import inspect
import itertools
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORM = re.compile(r"(\w+)\.(\w+):(before|after|half)(?:#([1-9]))?")


def owners() -> dict[str, Any]:
    from resguardo import files
    from resguardo.ledger import catch_up, journal, record, recover, settle
    from resguardo.mail import alarm, delivery
    from resguardo.store import Store, accounts, batches, entries, outbox, state

    classes = (
        *(Store, batches.Documents, entries.Entries, state.State, accounts.Accounts, outbox.Outbox, alarm.Alarm),
        *(files.GrowingFile, journal.Journal, journal.Handed, record.Ledger, settle.Settler, Path),
    )
    modules = {"journal": journal, "catch_up": catch_up, "recover": recover, "delivery": delivery}
    return {cls.__name__: cls for cls in classes} | modules


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(name: str, armed: Callable[[], bool] = lambda: True, die: Callable[[], Any] = kill) -> Callable[[], None]:
    """From now on this process dies there, if `armed` says so. Returns what takes it back. Raises `LookupError`."""
    form = FORM.fullmatch(name)
    owner = owners().get(form[1]) if form else None
    real = vars(owner).get(form[2]) if form and owner is not None else None
    if form is None or owner is None or not inspect.isfunction(real):
        raise LookupError(f"there is no failpoint {name!r}")
    if inspect.isgeneratorfunction(inspect.unwrap(real)):
        raise LookupError(f"{name!r} does not end when it is called")
    when, calls = form[3], itertools.count(1)
    last = int(form[4] or 1)

    def dies(*given: Any, **named: Any) -> Any:
        if not armed():
            return real(*given, **named)
        if when == "after":  # a call that raises does not count
            answer = real(*given, **named)
            if next(calls) == last:
                die()
            return answer
        if next(calls) == last:
            if when == "half":
                real(*given[:-1], given[-1][: len(given[-1]) // 2], **named)
            die()
        return real(*given, **named)

    setattr(owner, form[2], dies)
    return lambda: setattr(owner, form[2], real)


def from_environment() -> None:
    """In the worker of a served board: die at RESGUARDO_FAILPOINT once the file RESGUARDO_ARMED exists."""
    import sys

    name, file = os.environ.get("RESGUARDO_FAILPOINT"), os.environ.get("RESGUARDO_ARMED")
    if not name or not file or "--multiprocessing-fork" not in sys.orig_argv:
        return
    from resguardo.ledger import journal

    journal.LARGEST = int(os.environ.get("RESGUARDO_SEGMENT_BYTES", journal.LARGEST))  # type: ignore[misc]
    arm(name, Path(file).exists)
