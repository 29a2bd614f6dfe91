"""MongoDB. Only here is pymongo imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from resguardo.board.change import Kind
from resguardo.config import Settings
from resguardo.store.accounts import Accounts
from resguardo.store.batches import Documents
from resguardo.store.connect import Connection, connect, opened
from resguardo.store.entries import Entries
from resguardo.store.masks import Masks
from resguardo.store.outbox import Outbox
from resguardo.store.pages import Pages
from resguardo.store.state import State


class Store:
    """Everything of one board that lies in MongoDB."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.batches = Documents(connection, "batch")
        self.segmentadores = Documents(connection, "segmentador")
        self.entries = Entries(connection)
        self.state = State(connection)
        self.accounts = Accounts(connection)
        self.masks = Masks(connection)
        self.outbox = Outbox(connection)
        self.pages = Pages(connection)

    def documents(self, kind: Kind) -> Documents:
        return self.batches if kind == "batch" else self.segmentadores

    def ensure_indexes(self) -> None:
        self.entries.ensure_indexes()
        self.accounts.ensure_indexes()
        self.outbox.ensure_indexes()
        self.segmentadores.ensure_indexes()
        self.batches.ensure_indexes()


@contextmanager
def open_store(settings: Settings, uri: str | None = None) -> Iterator[Store]:
    """The board that the settings name, at `uri` if given, for as long as the block runs."""
    with opened(settings, uri) if uri else connect(settings) as connection:
        yield Store(connection)


__all__ = ["Store", "open_store"]
