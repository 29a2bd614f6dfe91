from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from resguardo.board.change import Create
from resguardo.board.filters import Filter
from resguardo.ledger.record import Ledger
from resguardo.ledger.watch import Watch
from resguardo.store import Store


def test_what_was_read_between_entry_and_document_is_not_kept(
    store: Store, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(store, ledger)
    project = ledger._project

    def slowly(won: Any) -> None:
        entries = list(store.entries.since(ledger.now() - timedelta(seconds=10)))
        assert watch._not_seen(entries), "another thread comes upon the entries first"
        assert store.pages.page(Filter(), "id", 1, 50).total == 0
        assert watch.progress()["totals"]["total"] == 0
        project(won)

    monkeypatch.setattr(ledger, "_project", slowly)
    ledger.record([Create("batch", "batch_000001", {})], actor="Ana", via="page")
    assert store.pages.page(Filter(), "id", 1, 50).total == 1
    assert watch.progress()["totals"]["total"] == 1


def test_counts_read_while_something_changed_are_not_kept(
    store: Store, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, counts = Watch(store, ledger), store.pages.counts

    def slowly() -> Any:
        found = counts()
        monkeypatch.undo()
        ledger.record([Create("batch", "batch_000001", {})], actor="Ana", via="page")
        return found

    monkeypatch.setattr(store.pages, "counts", slowly)
    assert watch.progress()["totals"]["total"] == 0
    assert watch.progress()["totals"]["total"] == 1


def test_a_listing_read_while_something_changed_is_not_kept(
    store: Store, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, real = store.pages, store.pages._batches

    class Changing:
        def find(self, *given: Any, **more: Any) -> Any:
            before = real.find({"id": "nobody"})  # an empty board, as it was
            ledger.record([Create("batch", "batch_000001", {})], actor="Ana", via="page")
            pages.changed()
            return before

    with monkeypatch.context() as patch:
        patch.setattr(pages, "_batches", Changing())
        assert pages.page(Filter(), "id", 1, 50).total == 0
    assert pages.page(Filter(), "id", 1, 50).total == 1
