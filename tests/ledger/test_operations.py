"""The list of operations, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from resguardo.board.change import Create, Delete, assign, edit
from resguardo.ledger import operations as listing
from resguardo.ledger.operations import Wanted, entries_of, operation, operations, windows
from resguardo.ledger.record import Ledger
from resguardo.ledger.undo import undo
from resguardo.store.entries import Entry


def do(ledger, *changes, actor="ana", via="api"):
    return ledger.record(list(changes), actor=actor, via=via)


def test_windows_cover_all_of_time_once(clock):
    now = clock.now
    since, until = datetime(1970, 1, 1, tzinfo=UTC), now + timedelta(days=36_500)
    spans = list(windows(until, since, now))
    assert (spans[0][1], spans[-1][0]) == (until, since)
    assert all(later[0] == earlier[1] for later, earlier in pairwise(spans))
    assert len(spans) < 15
    assert list(windows(since, since, now)) == []


def names(store, now, wanted=None, limit=2):
    """All pages of operations: (op, at)."""
    found, before = [], None
    for _ in range(100):
        page, before = operations(store, wanted or Wanted(), before, limit, now)
        found += page
        if before is None:
            return [one.op for one in found]
    raise AssertionError("the list has no end")


def test_operations_are_listed_once_each_across_pages_years_and_equal_moments(timed, store, clock):
    ops = []
    for step in (0, 0, 0, 1, 60 * 24 * 400, 0, 5):
        clock.step = timedelta(minutes=step)
        ops.append(do(timed, *(Create("batch", f"{len(ops)}-{n}", {}) for n in range(3))).op)
    listed = names(store, clock.now)
    assert sorted(listed) == sorted(ops)
    at = {op: operation(store, op).at for op in ops}
    assert listed == sorted(ops, key=lambda op: (at[op], op), reverse=True)
    assert names(store, clock.now, limit=500) == listed


def test_an_operation_whose_entries_lie_apart_is_listed_once(timed, store, clock):
    """The clock of another host was ahead: an entry's moment is never before its document's last one."""
    ahead = Ledger(store, timed.zone, lambda: clock.now + timedelta(hours=30))
    do(ahead, Create("batch", "b1", {}))
    receipt = do(timed, Create("batch", "b2", {}), edit("batch", "b1", {"comments": "x"}))
    do(timed, Create("batch", "b3", {}))
    assert len(names(store, clock.now, limit=1)) == 3
    assert operation(store, receipt.op).complete


def test_an_interrupted_operation_is_told_as_such(timed, store):
    entry = Entry("batch", "b1", 1, timed.now(), "ana", "api", "op-x", 5, "create", None, None).sealed()
    store.entries.insert([entry])
    found, _ = operations(store, Wanted(), None, 10, timed.now())
    assert [(one.op, one.count, one.op_size, one.complete) for one in found] == [("op-x", 1, 5, False)]


def test_operations_are_filtered(timed, store, clock):
    do(timed, *(Create("batch", f"b{n}", {}) for n in range(8)))
    do(timed, assign("b1", "Núñez"), actor="Núñez", via="page")
    do(timed, Delete("batch", "b7"), actor="rita")
    chosen = {
        "actor": Wanted(actor="rita"),
        "via": Wanted(via="page"),
        "action": Wanted(action="create"),
        "accent": Wanted(text="NUNEZ"),
        "doc": Wanted(text="b7"),
        "nothing": Wanted(text="b7", actor="Núñez"),
    }
    counts = {name: len(names(store, clock.now, wanted)) for name, wanted in chosen.items()}
    assert counts == {"actor": 1, "via": 1, "action": 1, "accent": 1, "doc": 2, "nothing": 0}


def test_a_search_that_takes_long_ends_its_page_and_goes_on(timed, store, clock, monkeypatch):
    ops = [do(timed, Create("batch", f"b{n}", {}), actor="rita" if n == 0 else "ana").op for n in range(5)]
    monkeypatch.setattr(listing, "PATIENCE", -1.0)
    since = clock.now - timedelta(days=1)
    page, cursor = operations(store, Wanted(text="b0", since=since), None, 10, clock.now)
    assert (page, bool(cursor)) == ([], True)
    assert names(store, clock.now, Wanted(text="b0", since=since)) == ops[:1]
    assert names(store, clock.now, Wanted(since=since)) == ops[::-1]


def test_what_an_operation_did_is_read_page_by_page(timed, store):
    do(timed, *(Create("batch", f"b{n}", {}) for n in range(5)))
    receipt = do(timed, *(edit("batch", f"b{n}", {"comments": str(n)}) for n in range(5)))
    first, following = entries_of(store, receipt.op, 0, 3)
    rest, end = entries_of(store, receipt.op, following, 3)
    assert ([row["doc"] for row in first + rest], following, end) == (["b0", "b1", "b2", "b3", "b4"], 3, None)
    assert rest[1]["fields"] == [{"field": "comments", "from": "", "to": "4"}]


def test_what_was_undone_and_done_again_stands(store, ledger):
    first = do(ledger, Create("batch", "b1", {})).op
    ops = [first]
    for _time in range(4):
        undoing = undo(ledger, ops[-1], actor="ana", via="api").receipt
        assert undoing is not None
        ops.append(undoing.op)
        undone = {one.op: one.undone_by for one in operations(store, Wanted(), None, 50, ledger.now())[0]}
        assert undone == {op: ops[at + 1] if (len(ops) - at) % 2 == 0 else None for at, op in enumerate(ops)}
        assert operation(store, first).undone_by == undone[first]
