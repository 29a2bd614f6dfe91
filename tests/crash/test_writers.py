"""Many writers at once: of one batch, and through two web processes."""

from __future__ import annotations

import threading

import pytest
from proof import all_is_well, assert_acknowledged
from served import Told, Writers, assert_journal_checks, make_board, serving

from resguardo.board import document
from resguardo.board.change import Create, edit
from resguardo.config import Settings
from resguardo.errors import Unavailable
from resguardo.ledger.journal import Journal
from resguardo.ledger.record import Ledger
from resguardo.ledger.upkeep import keep_up
from resguardo.store import Store, open_store

WRITERS = 16


def edits_of_one_batch(ledger: Ledger, each: int) -> None:
    """None is lost: every text is in the history once, and revisions are dense."""
    ledger.record([Create("batch", "b1", {})], actor="test", via="api")
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(each):
                text = {"comments": f"{writer}-{number}"}
                assert ledger.record([edit("batch", "b1", text)], actor=f"w{writer}", via="api").recorded == 1
        except BaseException as error:
            failures.append(error)

    fsyncs, appended = ledger.journal.fsyncs, ledger.journal.appended
    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    entries = ledger.store.entries.of_document("batch", "b1")
    assert [entry.rev for entry in entries] == list(range(1, WRITERS * each + 2))
    texts = [document.decode(entry.after or b"")["comments"] for entry in entries[1:]]
    assert sorted(texts) == sorted(f"{writer}-{number}" for writer in range(WRITERS) for number in range(each))
    all_is_well(ledger)
    fsyncs, appended = ledger.journal.fsyncs - fsyncs, ledger.journal.appended - appended
    print(f"{appended} edits of one batch by {WRITERS} writers, {appended / fsyncs:.1f} for each fsync")


@pytest.mark.timeout(240)
def test_a_thousand_edits_of_one_batch_by_sixteen_are_all_there(ledger: Ledger) -> None:
    edits_of_one_batch(ledger, 63)


@pytest.mark.long
def test_five_thousand_edits_of_one_batch_by_sixteen_are_all_there(ledger: Ledger) -> None:
    edits_of_one_batch(ledger, 313)


def test_two_web_processes_on_one_database_lose_nothing(settings: Settings, store: Store) -> None:
    """Each with a data folder of its own; what the other recorded is brought to its journal now and then."""
    other = settings.model_copy(update={"data": settings.data.with_name("other")})
    token, told = make_board(settings), Told()
    with serving(settings) as one, serving(other) as two:
        with Writers([one.port, two.port], token, told, count=8, shared=5) as writers:
            writers.wait_for(100, 60)
        for each in (settings, other):
            with open_store(each) as opened:
                ledger = Ledger(opened, each.zone)
                keep_up(ledger)
                assert assert_acknowledged(ledger, told.acknowledged) >= 100
                all_is_well(ledger)
                ledger.journal.close()
            assert_journal_checks(each)


def test_journals_of_one_process_that_begin_at_once_do_not_get_in_each_others_way(settings: Settings) -> None:
    journals = [Journal(settings.data / "journal", "board") for _ in range(16)]
    start = threading.Barrier(len(journals))
    troubles: list[Exception] = []

    def begin(journal: Journal) -> None:
        start.wait()
        try:
            journal.demand()
        except Unavailable as error:
            troubles.append(error)

    threads = [threading.Thread(target=begin, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert len(journals[0].segments()) == len(journals)
    for journal in journals:
        journal.close()
