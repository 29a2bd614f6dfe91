"""Random histories of a small board, and a model of it in plain Python."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from resguardo.board import document
from resguardo.board.change import Create, Delete, assign, edit
from resguardo.config import Settings
from resguardo.ledger.people import rename_batch
from resguardo.ledger.record import Ledger
from resguardo.ledger.undo import undo
from resguardo.store import Store, open_store

DOCS = ("b1", "b2", "b3")
FIELDS = ("comments", "folder", "x", "y")

docs = st.sampled_from(DOCS)
edits = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(["1", "2", "ñ"]), min_size=1)
unsets = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(["1", None]), min_size=1)
actions = st.one_of(
    st.tuples(st.just("edit"), st.lists(docs, min_size=1, unique=True), edits | unsets),
    st.tuples(st.just("assign"), st.lists(docs, min_size=1, unique=True), st.sampled_from(["Ana", "Beto", None])),
    st.tuples(st.just("delete"), st.lists(docs, min_size=1, unique=True), st.none()),
    st.tuples(st.just("create"), st.lists(docs, min_size=1, unique=True), edits),
    st.tuples(st.just("rename"), st.tuples(docs), st.sampled_from(["z1", *DOCS])),
    st.tuples(st.just("undo"), st.just(()), st.none()),
)
histories = st.lists(actions, min_size=2, max_size=9)
few = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])

Model = dict[str, dict[str, Any]]


class Team:
    """A board and what it should hold: `past` says what after each operation, from the first on."""

    def __init__(self, store: Store, chosen: Settings) -> None:
        self.store = store
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)
        self.ledger = Ledger(store, chosen.zone, lambda: self.now)
        self.model: Model = {}
        self.past: list[tuple[datetime, str, Model]] = []
        self.act("create", DOCS, {"comments": "0"})

    def act(self, action: str, names: Any, value: Any) -> None:
        names = [name for name in names if (name in self.model) != (action == "create")]
        before = {name: dict(fields) for name, fields in self.model.items()}
        op = getattr(self, f"_{action}")(names, value) if names or action == "undo" else None
        if op is None:
            return
        self.past.append((self.now, op, {name: dict(fields) for name, fields in self.model.items()}))
        self.before = before
        self.now += timedelta(minutes=1)

    def record(self, changes: list[Any]) -> str | None:
        receipt = self.ledger.record(changes, actor="ana", via="api")
        return receipt.op if receipt.recorded else None

    def _create(self, names: list[str], fields: dict[str, Any]) -> str | None:
        self.model |= {name: {"comments": "", "folder": "", "assignee": None, **fields} for name in names}
        return self.record([Create("batch", name, fields) for name in names])

    def _edit(self, names: list[str], fields: dict[str, Any]) -> str | None:
        for name in names:
            merged = self.model[name] | fields
            self.model[name] = {key: merged[key] for key in merged if merged[key] is not None or key == "assignee"}
        return self.record([edit("batch", name, fields) for name in names])

    def _assign(self, names: list[str], person: str | None) -> str | None:
        for name in names:
            self.model[name]["assignee"] = person
        return self.record([assign(name, person) for name in names])

    def _delete(self, names: list[str], _: None) -> str | None:
        for name in names:
            del self.model[name]
        return self.record([Delete("batch", name) for name in names])

    def _rename(self, names: list[str], new: str) -> str | None:
        if new in self.model:
            return None
        self.model[new] = self.model.pop(names[0])
        return rename_batch(self.ledger, names[0], new, actor="ana", via="api").op

    def _undo(self, names: Any, _: None) -> str | None:
        done = undo(self.ledger, self.past[-1][1], actor="jefa", via="api")
        assert done.conflicts == []
        self.model = self.before
        return done.receipt.op if done.receipt else None

    def raws(self) -> dict[str, bytes]:
        return {str(document.field(raw, "id")): raw for raw in self.store.batches.scan()}


def plain(raw: bytes | None) -> dict[str, Any] | None:
    if raw is None:
        return None
    row = document.decode(raw)
    return {name: row[name] for name in (*FIELDS, "assignee") if name in row}


@contextmanager
def team(chosen: Settings, history: list[Any]) -> Iterator[Team]:
    """A board of its own with a history."""
    own = chosen.model_copy(update={"database": f"test_{uuid.uuid4().hex}"})
    with open_store(own) as store:
        try:
            store.ensure_indexes()
            made = Team(store, own)
            for action in history:
                made.act(*action)
            yield made
        finally:
            store.connection.client.drop_database(own.database)
