"""What an archive says of itself: the last change it includes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from resguardo.board.change import Create, Edit
from resguardo.ledger.operations import MILLISECOND
from resguardo.vault import snapshot


def taken(store, ledger, now):
    with snapshot.take(store, ledger.zone, "prueba", now, "own") as made:
        return made.info.last_change


@pytest.fixture
def edit(ledger):
    def edit(text):
        change = Edit("batch", "b1", {("comments",): text})
        return ledger.record([change], actor=f"actor {text}", via="api").at

    ledger.record([Create("batch", "b1", {})], actor="ana", via="api")
    return edit


def test_without_history_it_names_no_change(store, ledger):
    assert taken(store, ledger, ledger.now()) is None
    assert taken(store, ledger, ledger.now()) is None


def test_it_names_the_newest_change_of_each_moment(store, ledger, edit):
    first = edit("uno")
    at_first = taken(store, ledger, first)
    assert at_first["actor"] == "actor uno"
    assert taken(store, ledger, ledger.now()) == at_first
    second = edit("dos")
    assert taken(store, ledger, ledger.now())["actor"] == "actor dos"
    assert taken(store, ledger, second - MILLISECOND) == at_first
    assert taken(store, ledger, ledger.now())["actor"] == "actor dos"


def test_what_was_known_is_not_looked_for_again(store, ledger, edit, monkeypatch):
    edit("uno")
    last = taken(store, ledger, ledger.now())
    asked, newest_first = [], store.entries.operations.newest_first

    def noted(since, until, actor=None):
        asked.append(since)
        return newest_first(since, until, actor)

    monkeypatch.setattr(store.entries.operations, "newest_first", noted)
    monkeypatch.setattr(snapshot.Cut, "_suspects", lambda cut: set())
    assert taken(store, ledger, ledger.now() + timedelta(seconds=1)) == last
    assert asked
    assert min(asked).isoformat() > last["at"]
