"""A snapshot is one moment, whoever works on the board meanwhile."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from resguardo.board.change import Create, Delete, assign, edit
from resguardo.errors import Unavailable
from resguardo.ledger.adopt import adopt
from resguardo.ledger.settle import RUNNING
from resguardo.vault import cut as cutting
from resguardo.vault import snapshot
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.reading import open_source


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
    ledger.record([Create("segmentador", name, {}) for name in ("Ana", "Beto")], actor="ana", via="api")
    ledger.record([Create("batch", f"b{n:03d}", {"comments": str(n)}) for n in range(200)], actor="ana", via="api")
    return ledger


@pytest.fixture
def small_steps(monkeypatch):
    """Many blocks of a small board."""
    monkeypatch.setattr(snapshot, "SCAN_BATCH", 20)
    monkeypatch.setattr(snapshot, "GATHERED", 1)


@pytest.mark.timeout(1800)  # nine threads take turns at the interpreter, and at the processors with other tests
@pytest.mark.parametrize("rounds", [6, pytest.param(50, marks=pytest.mark.long)])
def test_archives_made_while_eight_write_equal_the_ledger_at_their_moment(board, tmp_path, small_steps, rounds):
    stop, failures = threading.Event(), []

    def write(number):
        step, made = 0, []
        while not stop.is_set():
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
    sizes = {entry.op: 0 for entry in entries}
    for entry in entries:
        sizes[entry.op] += 1
    complete = [entry for entry in entries if sizes[entry.op] >= entry.op_size]
    moments = {datetime.fromisoformat(manifest["moment"]): raws for manifest, raws in archives}
    assert len(moments) == rounds
    for moment, state in zip(sorted(moments), states_at(complete, sorted(moments)), strict=True):
        assert moments[moment] == state


@pytest.fixture
def meanwhile(monkeypatch):
    """Do something once, when the first block of batches has been read and passed on."""

    def meanwhile(what):
        real, done = cutting.Cut.look, []

        def look(cut, kind):
            if kind == "batch":
                done.append(kind)
                if len(done) == 2:
                    what()
            return real(cut, kind)

        monkeypatch.setattr(cutting.Cut, "look", look)

    return meanwhile


@pytest.mark.parametrize("doc", ["b000", "b199"], ids=["read already", "not read yet"])
@pytest.mark.parametrize("what", ["edit", "delete", "create", "delete and create"])
def test_what_changes_while_it_is_read_is_as_it_was(board, tmp_path, small_steps, meanwhile, doc, what):
    before = state_at(board.store.entries.everything(), board.now())

    def change():
        if what == "edit":
            board.record([edit("batch", doc, {"comments": "después"})], actor="ana", via="api")
        if "delete" in what:
            board.record([Delete("batch", doc)], actor="ana", via="api")
        if "create" in what:
            board.record([Create("batch", doc if "delete" in what else "nuevo", {})], actor="ana", via="api")

    meanwhile(change)
    assert archived(board, tmp_path / "vault")[1] == before


def test_an_operation_that_began_before_is_in_it_as_a_whole(board, tmp_path, small_steps, meanwhile):
    """Its moment is its beginning, its entries come while the board is read."""
    begun = board.now()
    names = [f"b{n:03d}" for n in range(0, 200, 7)]

    def late():
        board._clock = lambda: begun - timedelta(seconds=2)
        board.record([assign(name, "Beto") for name in names], actor="ana", via="api")
        from resguardo.ledger.record import utc_now

        board._clock = utc_now

    meanwhile(late)
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


def test_a_long_history_is_read_from_its_end_wherever_that_seems_to_be(board, monkeypatch):
    """A `_rev` may be anything: another program may have put back an old copy."""
    monkeypatch.setattr(cutting, "FEW", 2)
    for step in range(30):
        board.record([edit("batch", "b000", {"comments": f"paso {step}"})], actor="ana", via="api")
    whole = list(board.store.entries.newest_first("batch", "b000"))
    assert len(whole) == 31
    asked, between = [], board.store.entries.revisions_between

    def noted(kind, doc, first, last):
        found = between(kind, doc, first, last)
        asked.append(len(found))
        return found

    monkeypatch.setattr(board.store.entries, "revisions_between", noted)
    with closing(cutting.Cut(board.store, board.now(), board.now)) as cut:
        for near in (None, 0, 1, 2, 27, 30, 31, 40, 10_000, 2**40):
            assert list(cut._of("batch", "b000", near)) == whole
        asked.clear()
        assert next(cut._of("batch", "b000", 31)) == whole[0]
    assert asked == [2]


def test_an_old_copy_put_back_with_its_rev_does_not_hide_later_changes(board, tmp_path, small_steps, meanwhile):
    for step in range(40):
        board.record([edit("batch", "b150", {"comments": f"paso {step}"})], actor="ana", via="api")
    before = state_at(board.store.entries.everything(), board.now())

    def change():
        board.record([edit("batch", "b150", {"comments": "después"})], actor="ana", via="api")
        board.store.connection.database["batches"].update_one({"id": "b150"}, {"$set": {"_rev": 3}})

    meanwhile(change)
    assert archived(board, tmp_path / "vault")[1] == before
