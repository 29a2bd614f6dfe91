"""Back to any moment, exact to the change: against a model in plain Python, and out of reach."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histories import few, histories, plain, team
from resguardo.board import document
from resguardo.board.change import Create, Delete, edit
from resguardo.board.filters import Filter
from resguardo.config import Settings
from resguardo.errors import MomentUnreachable, NotFound
from resguardo.ledger import adopt as adopting
from resguardo.ledger import past
from resguardo.ledger.adopt import adopt
from resguardo.ledger.record import Ledger
from resguardo.ledger.undo import undo
from resguardo.store import Store, open_store
from resguardo.vault.fill import Loaded, load_into
from resguardo.vault.restore import apply
from resguardo.vault.restore_plan import Wanted, plan
from resguardo.vault.sources import open_before, open_moment
from waiting import wait_until


def model_of(store: Store) -> dict[str, dict[str, Any] | None]:
    return {str(document.field(raw, "id")): plain(raw) for raw in store.batches.scan()}


@few
@given(history=histories, data=st.data())
def test_the_board_becomes_what_the_model_was_and_undoing_that_gives_every_byte_back(
    settings: Settings, history: list[Any], data: st.DataObject
) -> None:
    with team(settings, history) as made:
        at, _, model = data.draw(st.sampled_from(made.past))
        later = data.draw(st.sampled_from([timedelta(), timedelta(seconds=30)]))
        before = made.raws()
        with open_moment(made.ledger, at + later) as source:
            frozen = plan(made.ledger, source, Wanted(equal=True))
        applied = apply(made.ledger, frozen, actor="jefa", via="restore")
        assert model_of(made.store) == model
        assert applied.conflict_count == 0
        with open_moment(made.ledger, at + later) as source:
            assert plan(made.ledger, source, Wanted(equal=True)).size == 0
        if frozen.size:
            assert undo(made.ledger, applied.receipt.op, actor="jefa", via="api").conflicts == []
        assert made.raws() == before


@few
@given(history=histories, data=st.data())
def test_without_equal_nothing_goes_and_all_of_the_moment_is_there(
    settings: Settings, history: list[Any], data: st.DataObject
) -> None:
    with team(settings, history) as made:
        if len(made.past) == 1:
            return
        (_, _, model), (_, op, _) = data.draw(st.sampled_from(list(pairwise(made.past))))
        now = model_of(made.store)
        with open_before(made.ledger, op) as source:
            apply(made.ledger, plan(made.ledger, source), actor="jefa", via="restore")
        assert model_of(made.store) == now | model


def test_two_people_are_damaged_by_an_import_and_one_of_them_is_brought_back(store, ledger):
    def do(*changes, via="api"):
        return ledger.record(list(changes), actor="Ana", via=via)

    before = do(
        *(Create("batch", f"b{n}", {"comments": "bien", "assignee": "Ana" if n < 3 else "Beto"}) for n in range(6))
    )
    wait_until(lambda: ledger.now() > before.at)
    damage = do(*(edit("batch", f"b{n}", {"comments": "", "assignee": "Nadie"}) for n in range(6)), via="import")
    with open_before(ledger, damage.op) as source:
        made = plan(ledger, source, Wanted(Filter(assignee=("Ana",))))
    assert made.last_change["action"] == "create"
    apply(ledger, made, actor="jefa", via="restore")
    comments = {row["id"]: (row["comments"], row["assignee"]) for row in store.pages.select(Filter())}
    assert comments == {f"b{n}": ("bien", "Ana") if n < 3 else ("", "Nadie") for n in range(6)}


def test_a_moment_goes_into_another_database_as_it_was(settings, store, ledger):
    ledger.record([Create("segmentador", "Ana", {}), Create("batch", "b1", {"comments": "uno"})], actor="a", via="api")
    moment, before = ledger.now(), {*store.batches.scan(), *store.segmentadores.scan()}
    wait_until(lambda: ledger.now() > moment)
    ledger.record([Delete("segmentador", "Ana"), edit("batch", "b1", {"comments": "dos"})], actor="a", via="api")
    other = settings.model_copy(update={"database": f"{settings.database}_m"})
    try:
        with open_store(other) as copy, open_moment(ledger, moment) as source:
            assert load_into(copy, Ledger(copy, settings.zone), source, actor="a") == Loaded(1, 1, [])
            assert {*copy.batches.scan(), *copy.segmentadores.scan()} == before
    finally:
        store.connection.client.drop_database(other.database)


def test_a_moment_out_of_reach_is_no_other_moment(store, ledger):
    op = ledger.record([Create("batch", "b1", {})], actor="a", via="api").op
    with pytest.raises(MomentUnreachable, match="Lo más antiguo que hay"), open_before(ledger, op):
        pass
    with pytest.raises(MomentUnreachable, match="todavía no llega"), open_moment(ledger, ledger.now() + timedelta(1)):
        pass
    with pytest.raises(NotFound), open_before(ledger, "nada"):
        pass


def test_a_moment_in_the_middle_of_taking_a_database_in_is_out_of_reach(store, ledger, monkeypatch):
    monkeypatch.setattr(adopting, "BLOCK", 2)
    store.connection.database["batches"].insert_many([{"id": f"b{n}"} for n in range(6)])
    adopt(store, ledger)
    moments = sorted({entry.at for entry in store.entries.everything()})
    assert len(moments) > 1
    with pytest.raises(MomentUnreachable, match="apenas empezaba"), open_moment(ledger, moments[0]):
        pass
    with open_moment(ledger, moments[-1]) as source:
        assert len(list(source.batches())) == 6


@pytest.mark.parametrize("dense", [0.0, 2.0])
@pytest.mark.parametrize("lost", [1, 3])
def test_where_an_entry_is_missing_the_moment_is_out_of_reach(store, ledger, monkeypatch, dense, lost):
    monkeypatch.setattr(past, "DENSE", dense)
    moments = []
    for text in "abcde":
        change = edit("batch", "b1", {"comments": text}) if moments else Create("batch", "b1", {})
        moments.append(ledger.record([change], actor="a", via="api").at)
        wait_until(lambda: ledger.now() > moments[-1])
    ledger.record([Create("batch", "otro", {})], actor="a", via="api")
    store.entries.collection.delete_one({"kind": "batch", "doc": "b1", "rev": lost})
    gap = moments[lost - 1]
    store.entries.collection.update_one({"doc": "otro"}, {"$set": {"at": gap}})
    with pytest.raises(MomentUnreachable, match=moments[lost].isoformat()[:19]), open_moment(ledger, gap):
        pass
    with open_moment(ledger, moments[lost]) as source:
        assert document.field(next(source.batches()), "comments") == "abcde"[lost]
