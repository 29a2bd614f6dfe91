"""The journal as a folder of segments: one fsync for many, order, trouble and healing."""

from __future__ import annotations

import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta

import bson
import pytest

from resguardo.board.change import Create, Delete, edit
from resguardo.errors import Unavailable
from resguardo.ledger import journal as journal_module
from resguardo.ledger.catch_up import catch_up, refuse_lost_database
from resguardo.ledger.journal import Journal
from resguardo.ledger.record import Ledger
from resguardo.ledger.segment import Damage, Record
from resguardo.ledger.upkeep import keep_up
from resguardo.store.entries import Entry, parse

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def entry(doc="b1", rev=1, size=10):
    after = bson.encode({"id": doc, "x": "y" * size})
    return Entry("batch", doc, rev, NOW, "ana", "api", "o", 1, "edit", after, None).sealed()


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "journal", "board")
    yield made
    made.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.xfail(f"a small file system cannot be made here: {done.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def keys(journal):
    return [(found.row.doc, found.row.rev) for found in journal.read() if isinstance(found, Record)]


def damage(journal):
    return [found for found in journal.read() if isinstance(found, Damage)]


def test_what_is_appended_is_read_back(journal):
    journal.append([entry("b1"), entry("b2")])
    journal.append([entry("b1", 2)])
    assert keys(journal) == [("b1", 1), ("b2", 1), ("b1", 2)]
    assert [parse(found.raw) for found in journal.read()] == [entry("b1"), entry("b2"), entry("b1", 2)]
    assert damage(journal) == []
    assert journal.folder.stat().st_mode & 0o777 == 0o700


def test_segments_end_by_size_and_by_day(journal, monkeypatch, time_machine):
    monkeypatch.setattr(journal_module, "LARGEST", 3000)
    time_machine.move_to(datetime(2026, 11, 24, 23, 59, tzinfo=UTC), tick=False)
    for rev in range(1, 11):
        journal.append([entry("b1", rev, 400)])
    time_machine.move_to(datetime(2026, 11, 25, 0, 1, tzinfo=UTC), tick=False)
    journal.append([entry("b1", 11)])
    days = [path.parent.name for path in journal.segments()]
    assert days.count("24") > 2
    assert days[-1] == "25"
    assert keys(journal) == [("b1", rev) for rev in range(1, 12)]
    assert damage(journal) == []


def test_two_processes_and_two_databases_share_a_folder(journal, tmp_path):
    other, elsewhere = Journal(journal.folder, "board"), Journal(journal.folder, "other")
    for each, doc in ((journal, "b1"), (other, "b2"), (elsewhere, "b3")):
        each.append([entry(doc)])
    assert sorted(keys(journal)) == [("b1", 1), ("b2", 1)]
    assert keys(elsewhere) == [("b3", 1)]


def test_many_who_wait_share_one_fsync(journal):
    start = threading.Barrier(16)

    def write(number):
        start.wait()
        for rev in range(1, 51):
            with journal.coming():
                journal.append([entry(f"b{number}", rev)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.appended == 800
    assert journal.appended / journal.fsyncs >= 4
    assert len(set(keys(journal))) == 800


def test_nobody_waits_who_is_alone(journal, monkeypatch):
    monkeypatch.setattr(journal_module, "GATHER", 3600)
    for rev in range(1, 4):
        with journal.coming():
            journal.append([entry("b1", rev)])
    assert journal.fsyncs == 3


def test_an_entry_is_not_written_before_the_one_it_follows(journal):
    done = threading.Event()

    def write_second():
        journal.append([entry("b1", 2)])
        done.set()

    with journal.expecting([entry("b1", 1)]):
        thread = threading.Thread(target=write_second)
        thread.start()
        journal.append([entry("other")])
        assert keys(journal) == [("other", 1)]
        journal.append([entry("b1", 1)])
    thread.join(10)
    assert done.is_set()
    assert keys(journal) == [("other", 1), ("b1", 1), ("b1", 2)]


def test_a_full_disk_refuses_and_heals(small_disk, monkeypatch):
    monkeypatch.setattr(journal_module, "RETRY", 0)
    journal = Journal(small_disk / "journal", "board")
    acknowledged = []

    def fill():
        for rev in range(1, 10_000):
            journal.append([entry("b1", rev, 500)])
            acknowledged.append(rev)

    with pytest.raises(Unavailable, match="No space left"):
        fill()
    refused = len(acknowledged) + 1
    with pytest.raises(Unavailable):
        journal.demand()
    assert "No space left" in str(journal.trouble)
    assert [rev for _, rev in keys(journal)] == acknowledged
    subprocess.run(["mount", "-o", "remount,size=2m", small_disk], check=True)
    journal.demand()
    assert journal.trouble is None
    journal.append([entry("b1", refused + 1)])
    assert [rev for _, rev in keys(journal)] == [*acknowledged, refused, refused + 1]
    journal.close()
    assert [found for found in damage(journal) if not found.torn] == []


def test_a_folder_that_was_taken_away_is_made_again(journal):
    journal.append([entry("b1", 1)])
    shutil.rmtree(journal.folder)
    journal.append([entry("b1", 2)])
    assert keys(journal) == [("b1", 2)]


def test_closed_segments_are_packed_and_read_the_same(journal, monkeypatch):
    monkeypatch.setattr(journal_module, "LARGEST", 3000)
    for rev in range(1, 21):
        journal.append([entry("b1", rev, 400)])
    before = keys(journal)
    packed = journal.pack(datetime.now(UTC) + timedelta(seconds=1))
    assert packed >= 3
    assert sum(path.suffix == ".zst" for path in journal.segments()) == packed
    assert keys(journal) == before
    monkeypatch.setattr(journal_module, "LARGEST", 1)  # the next segment must not take a packed one's name
    assert damage(journal) == []
    journal.append([entry("b1", 21)])
    assert keys(journal)[-1] == ("b1", 21)


def journaled(ledger):
    return {(found.row.doc, found.row.rev) for found in ledger.journal.read() if isinstance(found, Record)}


def test_every_change_is_in_the_journal_when_it_is_acknowledged(ledger):
    ledger.record([Create("batch", "b1", {}), Create("segmentador", "Ana", {})], actor="ana", via="api")
    ledger.record([edit("batch", "b1", {"status": "S"})], actor="ana", via="api")
    ledger.record([Delete("batch", "b1")], actor="ana", via="api")
    assert journaled(ledger) == {("b1", 1), ("Ana", 1), ("b1", 2), ("b1", 3)}


def test_nothing_is_done_while_the_journal_cannot_be_written(ledger, monkeypatch):
    ledger.record([Create("batch", "b1", {})], actor="ana", via="api")
    monkeypatch.setattr(journal_module, "RETRY", 0)
    kept = ledger.journal.folder.with_name("kept")
    ledger.journal.folder.rename(kept)
    ledger.journal.folder.write_text("a file where the folder should be")
    for _ in range(2):
        with pytest.raises(Unavailable, match="No se puede escribir el diario"):
            ledger.record([edit("batch", "b1", {"status": "S"})], actor="ana", via="api")
    # The first attempt found out too late: its entry is there, and goes to the journal before anything else.
    ledger.journal.folder.unlink()
    kept.rename(ledger.journal.folder)
    ledger.record([edit("batch", "b1", {"status": "In"})], actor="ana", via="api")
    recorded = {(entry.doc, entry.rev) for entry in ledger.store.entries.everything()}
    assert recorded == journaled(ledger) == {("b1", 1), ("b1", 2), ("b1", 3)}


def test_an_unwritable_journal_is_found_before_anything_is_done(store, settings):
    settings.data.mkdir(parents=True)
    (settings.data / "journal").write_text("a file where the folder should be")
    ledger = Ledger(store, settings.zone)
    with pytest.raises(Unavailable, match="No se puede escribir el diario"):
        ledger.record([Create("batch", "b1", {})], actor="ana", via="api")
    assert store.entries.is_empty()
    assert store.batches.count() == 0


def test_catching_up_brings_what_a_crash_kept_from_the_journal(ledger):
    ledger.record([Create("batch", f"b{n}", {}) for n in range(3)], actor="ana", via="api")
    catch_up(ledger)
    other = Entry("batch", "b7", 1, ledger.now(), "ana", "api", "o", 1, "create", bson.encode({"id": "b7"}), None)
    ledger.store.entries.insert([other.sealed()])  # and then the process died
    assert catch_up(ledger).journaled == 1
    assert ("b7", 1) in journaled(ledger)
    assert catch_up(ledger).journaled == 0


def test_a_new_data_folder_gets_the_whole_ledger(ledger):
    ledger.record([Create("batch", f"b{n}", {}) for n in range(30)], actor="ana", via="api")
    shutil.rmtree(ledger.journal.folder)
    assert catch_up(ledger).journaled == 30
    assert len(journaled(ledger)) == 30


def test_an_entry_that_mongodb_lost_comes_back_from_the_journal(store, ledger):
    ledger.record([Create("batch", "b1", {}), Create("batch", "b2", {})], actor="ana", via="api")
    catch_up(ledger)
    before = store.batches.read(["b1"])["b1"][0]
    ledger.record([edit("batch", "b1", {"comments": "lo último"})], actor="ana", via="api")
    ledger.record([Create("batch", "b3", {})], actor="ana", via="api")
    after = {doc: store.batches.read([doc])[doc] for doc in ("b1", "b3")}
    # As if MongoDB had not kept its word about the disk.
    store.entries.collection.delete_many({"$or": [{"doc": "b1", "rev": 2}, {"doc": "b3"}]})
    store.batches.collection.delete_many({"id": "b3"})
    store.batches.collection.delete_many({"id": "b1"})
    store.batches.load([(before.raw, 1)])
    again = Ledger(store, ledger.zone)
    assert catch_up(again, starting=True).brought_back == 2
    assert {doc: store.batches.read([doc])[doc] for doc in ("b1", "b3")} == after


def test_an_emptied_database_is_not_mistaken_for_a_new_one(store, ledger):
    from resguardo.errors import RefusedForSafety

    refuse_lost_database(store, ledger.journal)
    ledger.record([Create("batch", "b1", {})], actor="ana", via="api")
    refuse_lost_database(store, ledger.journal)
    store.entries.collection.delete_many({})
    with pytest.raises(RefusedForSafety, match="journal rebuild"):
        refuse_lost_database(store, ledger.journal)


def test_a_round_of_upkeep_leaves_everything_where_it_should_be(store, ledger):
    ledger.record([Create("batch", f"b{n}", {}) for n in range(3)], actor="ana", via="api")
    late = Entry("batch", "b0", 2, ledger.now(), "ana", "api", "o", 1, "edit", None, None)
    head = store.entries.heads("batch", ["b0"])["b0"].entry
    raw = bson.encode({**bson.decode(head.after), "comments": "tarde"})
    import dataclasses

    store.entries.insert([dataclasses.replace(late, after=raw, prev=head.digest).sealed()])
    keep_up(ledger)
    assert store.batches.read(["b0"])["b0"][0].raw == raw
    assert ("b0", 2) in journaled(ledger)
