"""Two people, one batch: different fields merge, the same field is never overwritten."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from resguardo.board.change import Create, Delete, edit
from resguardo.errors import Conflict, NotFound
from resguardo.ledger.record import Ledger


def do(ledger, change, actor="ana"):
    return ledger.record([change], actor=actor, via="page")


@pytest.fixture
def board(ledger):
    do(ledger, Create("batch", "b1", {"comments": "base", "metadata": {"priority": "baja"}}))
    return ledger


def test_different_fields_merge(store, board):
    do(board, edit("batch", "b1", {"comments": "de Eva"}, expected_rev=1), "eva")
    do(board, edit("batch", "b1", {"metadata": {"priority": "alta"}}, expected_rev=1), "leo")
    receipt = do(board, edit("batch", "b1", {"status": "S"}, expected_rev=1), "ana")
    batch = store.pages.one("b1")
    assert (batch["comments"], batch["metadata"]["priority"], batch["status"]) == ("de Eva", "alta", "S")
    assert receipt.revs == {"b1": 4}


def test_the_same_field_is_a_conflict_that_offers_both_values(store, board):
    do(board, edit("batch", "b1", {"comments": "de Eva"}, expected_rev=1), "eva")
    do(board, edit("batch", "b1", {"status": "In"}), "leo")
    with pytest.raises(Conflict) as caught:
        do(board, edit("batch", "b1", {"comments": "de Ana", "folder": "x"}, expected_rev=1))
    conflict = caught.value.fields["conflict"]
    (field,) = conflict["fields"]
    assert (conflict["actor"], conflict["rev"]) == ("leo", 3)
    assert {name: field[name] for name in ("field", "base", "theirs", "yours", "actor")} == {
        "field": "comments",
        "base": "base",
        "theirs": "de Eva",
        "yours": "de Ana",
        "actor": "eva",
    }
    assert store.pages.one("b1")["folder"] == ""
    do(board, edit("batch", "b1", {"comments": "de Ana"}, expected_rev=3))
    assert store.pages.one("b1")["comments"] == "de Ana"


def test_the_same_value_is_no_conflict(store, board):
    do(board, edit("batch", "b1", {"status": "S"}, expected_rev=1), "eva")
    receipt = do(board, edit("batch", "b1", {"status": "S", "folder": "x"}, expected_rev=1))
    assert receipt.revs == {"b1": 3}
    assert store.pages.one("b1")["folder"] == "x"


def test_removing_what_somebody_changed_is_a_conflict(board):
    do(board, edit("batch", "b1", {"metadata": {"priority": "alta"}}, expected_rev=1), "eva")
    with pytest.raises(Conflict) as caught:
        do(board, edit("batch", "b1", {"metadata": {"priority": None}}, expected_rev=1))
    assert caught.value.fields["conflict"]["fields"][0]["theirs"] == "alta"


def test_deleting_what_somebody_changed_is_a_conflict(store, board):
    do(board, edit("batch", "b1", {"status": "S"}), "eva")
    with pytest.raises(Conflict, match="eva"):
        do(board, Delete("batch", "b1", expected_rev=1))
    assert store.pages.one("b1")["status"] == "S"


def test_editing_what_somebody_deleted_says_that_it_is_gone(board):
    do(board, Delete("batch", "b1"), "eva")
    with pytest.raises(NotFound):
        do(board, edit("batch", "b1", {"status": "S"}, expected_rev=1))


def test_a_revision_that_never_was_is_a_conflict_without_guesses(board):
    with pytest.raises(Conflict) as caught:
        do(board, edit("batch", "b1", {"status": "S"}, expected_rev=9))
    assert caught.value.fields["conflict"]["fields"] == []


def test_the_sentence_has_the_moment_of_the_configured_zone(store, settings):
    ledger = Ledger(store, settings.zone, lambda: datetime(2026, 11, 25, 3, 30, tzinfo=UTC))
    for change in (Create("batch", "z1", {}), edit("batch", "z1", {"comments": "de leo"})):
        ledger.record([change], actor="leo", via="page")
    with pytest.raises(Conflict, match="leo lo guardó el 2026-11-24 21:30:00"):
        ledger.record([edit("batch", "z1", {"comments": "mío"}, expected_rev=1)], actor="ana", via="page")
