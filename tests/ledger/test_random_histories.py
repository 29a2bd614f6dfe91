"""Random histories of a small board against a model in plain Python: any moment can be seen, any operation undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from histories import DOCS, edits, few, histories, plain, team
from resguardo.board import document
from resguardo.board.change import assign, edit
from resguardo.config import Settings
from resguardo.ledger.history import at_moment
from resguardo.ledger.past import Past
from resguardo.ledger.undo import undo


@few
@given(history=histories)
def test_any_moment_can_be_seen(settings: Settings, history: list[Any]) -> None:
    with team(settings, history) as made:
        assert {name: plain(raw) for name, raw in made.raws().items()} == made.model
        for at, _, model in made.past:
            for moment in (at, at + timedelta(seconds=30)):
                past = Past(made.store, moment, made.now)
                assert {str(document.field(raw, "id")): plain(raw) for raw in past.batches()} == model
            for name in DOCS:
                entry = at_moment(made.store, "batch", name, at, made.now)
                assert plain(entry.after if entry else None) == model.get(name)


@few
@given(history=histories)
def test_undoing_the_last_operation_restores_every_byte_and_undoing_that_does_too(
    settings: Settings, history: list[Any]
) -> None:
    with team(settings, history[:-1]) as made:
        before = made.raws()
        known = len(made.past)
        made.act(*history[-1])
        if len(made.past) == known:
            return
        after = made.raws()
        done = undo(made.ledger, made.past[-1][1], actor="jefa", via="api")
        assert (done.conflicts, made.raws()) == ([], before)
        assert done.receipt is not None
        again = undo(made.ledger, done.receipt.op, actor="jefa", via="api")
        assert (again.conflicts, made.raws()) == ([], after)


@few
@given(mine=edits, theirs=edits, person=st.booleans())
def test_what_others_changed_later_in_other_fields_stays(
    settings: Settings, mine: dict[str, str], theirs: dict[str, str], person: bool
) -> None:
    with team(settings, []) as made:
        before = dict(made.model["b1"])
        op = made.record([edit("batch", "b1", mine)])
        if op is None:
            return
        made.ledger.record([edit("batch", "b1", theirs)], actor="rita", via="api")
        if person:
            made.ledger.record([assign("b1", "Beto")], actor="rita", via="api")
        done = undo(made.ledger, op, actor="jefa", via="api")
        now = plain(made.raws()["b1"])
        returned = {name: before.get(name) for name in mine if theirs.get(name, mine[name]) == mine[name]}
        expected = before | mine | theirs | ({"assignee": "Beto"} if person else {}) | returned
        assert now == {name: value for name, value in expected.items() if value is not None or name == "assignee"}
        fought = {name for name in mine if theirs.get(name, mine[name]) not in (mine[name], before.get(name))}
        assert {conflict["field"] for conflict in done.conflicts} == fought
