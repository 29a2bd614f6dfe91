"""Work that takes longer than a request should: begun by one, asked after by others. Kept in memory, a day at most.

A process that ends takes its tasks along; what they were making (`vault.catalogue`) is then unfinished and swept.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from flask_babel import gettext

from resguardo.errors import ResguardoError, Unavailable
from resguardo.store.connect import MongoError, explain
from resguardo.web.errors import details

KEPT: Final = 50
Work = Callable[[Callable[[str], None]], dict[str, Any]]
log = logging.getLogger(__name__)


@dataclass
class Task:
    id: str
    kind: str
    about: str
    """What it is done to: an archive's id, or empty."""
    cancellable: bool = False
    """Whether it changes nothing, so that it may end anywhere."""
    step: str = ""
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    unwanted: bool = False
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    result: dict[str, Any] | None = None
    error: ResguardoError | None = None

    def summary(self) -> dict[str, Any]:
        """As who asks reads it: within a request."""
        seconds = round((self.ended or time.monotonic()) - self.begun, 1)
        return {
            "id": self.id,
            "kind": self.kind,
            "about": self.about,
            "state": self.state,
            "step": self.step,
            "seconds": seconds,
            "result": self.result,
            "error": self.error and self.error.say(gettext),
            **(details(self.error) if self.error else {}),
        }

    def at(self, step: str) -> None:
        """Raises `Cancelled`, which ends the work."""
        self.step = step
        if self.unwanted:
            raise Cancelled


class Cancelled(Exception):
    """Nobody wants it any more."""


class Tasks:
    def __init__(self) -> None:
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, kind: str, about: str, work: Work, *, cancellable: bool = False) -> str:
        """Start it in a thread; it is given a function to say at which step it is. Returns the id to ask with."""
        task = Task(secrets.token_hex(8), kind, about, cancellable)
        with self._lock:
            self._tasks[task.id] = task
            while len(self._tasks) > KEPT:
                self._tasks.popitem(last=False)
        threading.Thread(target=_run, args=(task, work), name=f"task-{task.id}", daemon=True).start()
        return task.id

    def cancel(self, own: str) -> bool:
        """It ends when it next says at which step it is. False where it has ended, or must not be broken off."""
        task = self.get(own)
        if task is None or not task.cancellable or task.state != "running":
            return False
        task.unwanted = True
        return True

    def get(self, own: str) -> Task | None:
        with self._lock:
            return self._tasks.get(own)

    def running(self) -> list[Task]:
        with self._lock:
            return [task for task in self._tasks.values() if task.state == "running"]


def _run(task: Task, work: Work) -> None:
    try:
        task.result = work(task.at)
        task.state = "done"
    except Cancelled:
        task.state = "cancelled"
    except MongoError as error:
        task.error = explain(error)
    except ResguardoError as error:
        task.error = error.with_traceback(None)
    except OSError as error:
        task.error = Unavailable("El sistema no dejó terminar: {why}.", hint="Revisa el disco.", why=str(error))
    except Exception:
        log.exception("a task failed")
        task.error = ResguardoError("Algo falló en el servidor; mira su registro.")
    finally:
        task.ended = time.monotonic()
        if task.error is not None:
            task.state = "failed"
