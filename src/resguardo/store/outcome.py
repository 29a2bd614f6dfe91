"""Whether a piece of work has sent something to be written: then "MongoDB is away" is not the whole truth.

A write that was sent and not answered may have been done, or may still be: a server that was only stopped finds it in
its socket when it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

WRITES: Final = frozenset({"insert", "update", "delete", "findAndModify", "bulkWrite"})
UNTOLD: Final = frozenset({"resguardo_sessions"})
"""A session that was prolonged is nothing that anybody wanted saved."""


@dataclass
class Writes:
    begun: bool = False


_noted: ContextVar[Writes | None] = ContextVar("writes", default=None)


@contextmanager
def noting_writes() -> Iterator[Writes]:
    """What is sent to be written within the block, by this thread."""
    writes = Writes()
    token = _noted.set(writes)
    try:
        yield writes
    finally:
        _noted.reset(token)


def write_begun() -> bool:
    """Whether the work at hand, if it is noted at all, has sent a write."""
    writes = _noted.get()
    return writes is not None and writes.begun


class WriteListener(CommandListener):
    def started(self, event: CommandStartedEvent) -> None:
        writes = _noted.get()
        if writes is not None and event.command_name in WRITES:
            writes.begun = writes.begun or event.command.get(event.command_name) not in UNTOLD

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass
