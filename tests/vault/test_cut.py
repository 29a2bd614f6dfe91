"""A snapshot is one moment, whoever works on the board meanwhile."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from resguardo.board.change import Create, Delete, assign, edit
from resguardo.errors import Unavailable
from resguardo.ledger.adopt import adopt
from resguardo.ledger.settle import RUNNING
from resguardo.vault import cut as cutting
from resguardo.vault import snapshot
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.reading import open_source
from waiting import wait_until


def state_at(entries, moment):
    """What the ledger says was on the board: a model that knows nothing of blocks and of what is put off."""
    heads = {}
    for entry in sorted(entries, key=lambda entry: entry.rev):
        if entry.at <= moment:
            heads[entry.kind, entry.doc] = entry.after
    return sorted(raw for raw in heads.values() if raw is not None)


def states_at(entries, moments):
    """The same of many moments in order, in one go through the entries."""
    heads, remaining = {}, sorted(entries, key=lambda entry: (entry.at, entry.rev))
    remaining.reverse()
    for moment in moments:
        while remaining and remaining[-1].at <= moment:
            entry = remaining.pop()
            heads[entry.kind, entry.doc] = entry.after
        yield sorted(raw for raw in heads.values() if raw is not None)


def archived(ledger, folder):
    manifest = back_up(Catalogue(folder), ledger, "prueba")
    with open_source(Catalogue(folder).path(manifest["id"])) as source:
        return manifest, sorted([*source.batches(), *source.segmentadores()])


@pytest.fixture
def board(ledger):
    """It has been as it is for an hour: what nobody has changed lately is passed on as it is read."""
    hour = ledger.now() - timedelta(hours=1)
    people = [Create("segmentador", name, {}) for name in ("Ana", "Beto")]
    ledger.record(people, actor="ana", via="api", at=hour)
    batches = [Create("batch", f"b{n:03d}", {"comments": str(n)}) for n in range(200)]
    ledger.record(batches, actor="ana", via="api", at=hour)
    return ledger


@pytest.fixture
def small_steps(monkeypatch):
    """Many blocks of a small board."""
    monkeypatch.setattr(snapshot, "SCAN_BATCH", 20)
    monkeypatch.setattr(snapshot, "GATHERED", 1)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("rounds", "rest"),
    [
        pytest.param(6, 0, id="6, without rest"),
        pytest.param(50, 0.2, id="50"),
        pytest.param(50, 0, id="50, without rest", marks=pytest.mark.long),
    ],
)
def test_archives_made_while_eight_write_equal_the_ledger_at_their_moment(board, tmp_path, small_steps, rounds, rest):
    stop, failures = threading.Event(), []

    def write(number):
        step, made = 0, []
        while not stop.wait(rest):
            step += 1
            name = f"b{(number * 25 + step) % 200:03d}"
            try:
                if step % 7 == 0:
                    names = [f"b{(step + n * 9) % 200:03d}" for n in range(20)]
                    board.record([assign(own, f"p{number}-{step}") for own in names], actor=str(number), via="api")
                elif step % 11 == 0:
                    board.record([Delete("batch", name)], actor=str(number), via="api")
                    board.record([Create("batch", name, {"comments": "otra vez"})], actor=str(number), via="api")
                elif step % 13 == 0:
                    board.record([Create("batch", f"n{number}-{step}", {})], actor=str(number), via="api")
                    made.append(f"n{number}-{step}")
                    if len(made) > 2:  # however many rounds, the board stays as large as it is
                        board.record([Delete("batch", made.pop(0))], actor=str(number), via="api")
                else:
                    board.record([edit("batch", name, {"comments": f"{number}-{step}"})], actor=str(number), via="api")
            except Exception as error:
                if "No existe" not in str(error) and "Ya existe" not in str(error):
                    failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        archives = [archived(board, tmp_path / "vault") for _ in range(rounds)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    entries = list(board.store.entries.everything())
    dates = {entry.op: [] for entry in entries}
    for entry in entries:
        dates[entry.op].append(entry.at)
    assert all(len(dates[entry.op]) == entry.op_size for entry in entries)
    moments = {datetime.fromisoformat(manifest["moment"]): raws for manifest, raws in archives}
    assert len(moments) == rounds
    for moment, state in zip(sorted(moments), states_at(entries, sorted(moments)), strict=True):
        assert moments[moment] == state
        assert not [op for op, own in dates.items() if min(own) <= moment < max(own)]


@pytest.fixture
def meanwhile(monkeypatch):
    """Do something after a block of batches has been read, before it is asked what has changed: once for each block."""

    def meanwhile(*what):
        real, left = cutting.Cut.look, list(what)

        def look(cut, kind):
            if kind == "batch" and left:
                left.pop(0)()
            return real(cut, kind)

        monkeypatch.setattr(cutting.Cut, "look", look)

    return meanwhile


def nothing():
    pass


@pytest.fixture
def readings(monkeypatch):
    """The moments of the readings that were begun."""
    real, moments = cutting.Cut.__init__, []

    def init(cut, store, moment, clock, **more):
        moments.append(moment)
        real(cut, store, moment, clock, **more)

    monkeypatch.setattr(cutting.Cut, "__init__", init)
    return moments


@pytest.fixture
def tick(board):
    """Wait until the clock of the ledger shows another millisecond, and tell it."""

    def tick():
        before = board.now()
        wait_until(lambda: board.now() > before)
        return board.now()

    return tick


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "busy"])
@pytest.mark.parametrize("doc", ["b000", "b199"], ids=["read already", "not read yet"])
@pytest.mark.parametrize("what", ["edit", "delete", "create", "delete and create"])
def test_what_changes_while_it_is_read_is_as_it_was(board, tmp_path, small_steps, meanwhile, readings, doc, what, busy):
    """Of a board that nobody works on names are not noted at first; so a deletion takes a second reading."""
    if busy:
        board.record([edit("batch", "b050", {"comments": "antes"})], actor="ana", via="api")
    before = state_at(board.store.entries.everything(), board.now())

    def change():
        if what == "edit":
            board.record([edit("batch", doc, {"comments": "después"})], actor="ana", via="api")
        if "delete" in what:
            board.record([Delete("batch", doc)], actor="ana", via="api")
        if "create" in what:
            board.record([Create("batch", doc if "delete" in what else "nuevo", {})], actor="ana", via="api")

    meanwhile(nothing, change)
    assert archived(board, tmp_path / "vault")[1] == before
    assert len(readings) == 1 or ("delete" in what and not busy)


def test_an_operation_that_began_before_is_in_it_as_a_whole(board, tmp_path, small_steps, meanwhile):
    """Its moment is its beginning, its entries come while the board is read."""
    begun = board.now()
    names = [f"b{n:03d}" for n in range(0, 200, 7)]

    def late():
        board._clock = lambda: begun - timedelta(seconds=2)
        board.record([assign(name, "Beto") for name in names], actor="ana", via="api")
        from resguardo.ledger.record import utc_now

        board._clock = utc_now

    meanwhile(nothing, late)
    _, raws = archived(board, tmp_path / "vault")
    assert raws == state_at(board.store.entries.everything(), board.now())


def test_an_operation_that_was_cut_off_is_left_out_as_a_whole(board, tmp_path, small_steps, monkeypatch):
    monkeypatch.setattr(cutting, "PATIENCE", 0)
    before = state_at(board.store.entries.everything(), board.now())
    begun = board.now()
    board.store.state.put(RUNNING + "half", begun)
    edits = [edit("batch", f"b{n:03d}", {"comments": "a medias"}) for n in range(10)]
    board.record(edits, actor="ana", via="api", op="half", op_size=4000)
    board.store.state.put(RUNNING + "half", begun)  # the process died: nobody took it away
    _, raws = archived(board, tmp_path / "vault")
    assert raws == before


def test_a_board_that_never_rests_is_an_error_and_no_wrong_copy(board, tmp_path, monkeypatch):
    def late(cut):
        raise cutting.Late

    monkeypatch.setattr(cutting.Cut, "finish", late)
    with pytest.raises(Unavailable, match="demasiado deprisa"):
        back_up(Catalogue(tmp_path / "vault"), board, "prueba")
    assert Catalogue(tmp_path / "vault").list() == []


def test_a_database_that_was_just_taken_in_is_in_the_archive_though_a_document_of_it_could_not_be(
    store, ledger, tmp_path, monkeypatch
):
    monkeypatch.setattr(cutting, "PATIENCE", 0.2)
    store.connection.database["batches"].insert_many([{"id": "b1"}, {"id": "b2"}, {"id": 5}])
    adopt(store, ledger)
    manifest, _ = archived(ledger, tmp_path)
    assert manifest["batches"] == 3


def test_a_document_with_a_long_history_is_looked_up_once(board, tmp_path, small_steps, monkeypatch):
    for step in range(30):
        board.record([edit("batch", "b000", {"comments": f"paso {step}"})], actor="ana", via="api")
    asked, at_revision = [], board.store.entries.at_revision

    def noted(kind, doc, rev):
        asked.append((doc, rev))
        return at_revision(kind, doc, rev)

    monkeypatch.setattr(board.store.entries, "at_revision", noted)
    monkeypatch.setattr(board.store.entries, "newest_first", None)
    assert archived(board, tmp_path / "vault")[1] == state_at(board.store.entries.everything(), board.now())
    assert [rev for doc, rev in asked if doc == "b000"] == [31]
    assert len(asked) == len({doc for doc, _ in asked})


def test_an_old_copy_put_back_with_its_rev_does_not_hide_later_changes(board, tmp_path, small_steps, meanwhile):
    for step in range(40):
        board.record([edit("batch", "b150", {"comments": f"paso {step}"})], actor="ana", via="api")
    before = state_at(board.store.entries.everything(), board.now())

    def change():
        board.record([edit("batch", "b150", {"comments": "después"})], actor="ana", via="api")
        board.store.connection.database["batches"].update_one({"id": "b150"}, {"$set": {"_rev": 3}})

    meanwhile(nothing, change)
    assert archived(board, tmp_path / "vault")[1] == before


def test_an_operation_that_ends_while_it_is_waited_for_is_in_it_as_a_whole(
    board, tmp_path, small_steps, meanwhile, monkeypatch
):
    """All has been read by then."""
    begun = board.now()
    edits = [edit("batch", f"b{n:03d}", {"comments": "a tiempo"}) for n in range(0, 200, 7)]
    meanwhile(nothing, lambda: board.store.state.put(RUNNING + "slow", begun))

    def end(_):
        board.record(edits, actor="ana", via="api", op="slow", op_size=len(edits), at=begun)
        board.store.state.take(RUNNING + "slow", begun)

    # Not `time.sleep` itself, which other threads call, too.
    monkeypatch.setattr(cutting, "time", SimpleNamespace(monotonic=time.monotonic, sleep=end))
    manifest, raws = archived(board, tmp_path / "vault")
    entries = list(board.store.entries.everything())
    assert sum(entry.op == "slow" for entry in entries) == len(edits)
    assert raws == state_at(entries, datetime.fromisoformat(manifest["moment"]))


@pytest.mark.parametrize("noted", [True, False])
def test_an_operation_of_which_nothing_was_seen_in_time_is_left_out_as_a_whole(
    board, tmp_path, small_steps, meanwhile, readings, tick, monkeypatch, noted
):
    """It began after the moment, and was recorded later than entries are looked for. One that is noted as running is
    asked for by its name, even just after it has ended."""
    monkeypatch.setattr(cutting, "OVERLAP", timedelta(0))
    before = state_at(board.store.entries.everything(), board.now())
    edits = [edit("batch", f"b{n:03d}", {"comments": "tarde"}) for n in range(200)]
    begun = []

    def begin():
        begun.append(tick())
        if noted:
            board.store.state.put(RUNNING + "slow", begun[0])
        tick()

    def end():
        board.record(edits, actor="ana", via="api", op="slow", op_size=len(edits), at=begun[0])
        if noted:
            board.store.state.take(RUNNING + "slow", begun[0])

    meanwhile(begin, end)
    assert archived(board, tmp_path / "vault")[1] == before
    assert len(readings) == (1 if noted else 2)


def test_the_moment_is_moved_to_where_no_operation_is_half(board, tmp_path, small_steps, meanwhile, tick):
    """A drag began before the copy. Of the twenty batches somebody else changed one meanwhile; so the drag's entry for
    that one is dated later than the others."""
    begun = board.now()

    def straddle():
        board.record([edit("batch", "b003", {"comments": "entretanto"})], actor="beto", via="api", at=tick())
        names = [f"b{n:03d}" for n in range(20)]
        board.record([assign(name, "Ana") for name in names], actor="ana", via="api", op="drag", at=begun)
        tick()

    meanwhile(straddle)
    manifest, raws = archived(board, tmp_path / "vault")
    dates = {entry.at for entry in board.store.entries.of_operation("drag")}
    assert len(dates) == 2
    assert datetime.fromisoformat(manifest["moment"]) == max(dates)
    assert raws == state_at(board.store.entries.everything(), max(dates))


def test_an_operation_that_reaches_into_the_future_is_left_out_as_a_whole(
    board, tmp_path, small_steps, meanwhile, monkeypatch
):
    """Another host's clock is far ahead, and its entry is followed by one of ours."""
    monkeypatch.setattr(cutting, "PATIENCE", 0.2)
    ahead = board.now() + timedelta(hours=1)
    board.record([edit("batch", "b003", {"comments": "otro reloj"})], actor="beto", via="api", at=ahead)
    before = state_at(board.store.entries.everything(), board.now())
    names = [f"b{n:03d}" for n in range(20)]
    board.record([assign(name, "Ana") for name in names], actor="ana", via="api", op="drag")
    assert archived(board, tmp_path / "vault")[1] == before


@pytest.mark.parametrize("lost", [False, True], ids=["whole", "an entry is missing"])
def test_what_follows_an_operation_that_runs_for_long_is_in_it_though_that_is_left_out(
    board, tmp_path, monkeypatch, lost
):
    monkeypatch.setattr(cutting, "PATIENCE", 0)
    begun = board.now() - timedelta(minutes=10)
    board.store.state.put(RUNNING + "long", begun)
    board.record([Create("batch", "viejo", {})], actor="ana", via="api", at=begun - timedelta(minutes=1))
    edits = [edit("batch", "viejo", {"comments": "larga"})]
    board.record(edits, actor="ana", via="api", op="long", op_size=4000, at=begun)
    board.store.state.put(RUNNING + "long", begun)
    later = [edit("batch", "viejo", {"status": "S"})]
    board.record(later, actor="ana", via="api", at=begun + timedelta(minutes=1))
    if lost:
        board.record([edit("batch", "viejo", {"comments": "perdido"})], actor="ana", via="api")
        board.record([Delete("batch", "viejo")], actor="ana", via="api", at=board.now() + timedelta(hours=1))
        board.store.entries.collection.delete_one({"kind": "batch", "doc": "viejo", "rev": 4})
    expected = board.store.entries.at_revision("batch", "viejo", 3).after
    assert expected in archived(board, tmp_path / "vault")[1]
