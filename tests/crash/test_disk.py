"""The journal's disk is full, for real, under a board with writers."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from proof import all_is_well, assert_acknowledged
from served import Client, Told, Writers, assert_journal_checks, make_board, serving

from resguardo.config import Settings
from resguardo.errors import Unavailable
from resguardo.ledger import journal as journal_module
from resguardo.ledger.journal import Journal
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from waiting import wait_until

HEALED_WITHIN = 5.0
REASON = "No se puede escribir el diario"


@pytest.fixture
def small_disk(settings: Settings) -> Iterator[Path]:
    """The journal's folder, alone on a file system of 8 MB."""
    folder = settings.data / "journal"
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.xfail(f"a small file system cannot be made here: {done.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Take all that is free there but so many bytes; the writers are taking some meanwhile."""
    junk = folder / "junk"
    with junk.open("wb", buffering=0) as file, suppress(OSError):
        free = os.statvfs(folder)
        file.write(b"\0" * max(0, free.f_bavail * free.f_frsize - leave))
    return junk


def rounds_of_a_full_disk(settings: Settings, store: Store, folder: Path, rounds: int) -> None:
    seed = os.urandom(4).hex()
    print(f"seed {seed}")
    chance = random.Random(seed)
    token, told = make_board(settings), Told()
    with serving(settings) as served, Writers(served.port, token, told) as writers:
        for _ in range(rounds):
            writers.wait_for(chance.randrange(1, 30))
            junk = fill(folder, leave=chance.randrange(0, 12_000))
            told.refusals.clear()
            wait_until(lambda: any(REASON in refusal for refusal in told.refusals), 30)
            client = Client(served.port, token)
            assert client.ask("GET", "/api/batches?per_page=5")[0] == 200
            status, answer = save(client)
            assert status == 503
            assert REASON in answer["error"]
            assert "No space left" in answer["error"]
            junk.unlink()
            # Not after somebody's acknowledgement: one may be on its way from before there was room.
            wait_until(partial(is_saved, client), HEALED_WITHIN)
            writers.wait_for(1, HEALED_WITHIN)
            assert is_saved(client)
            client.close()
    assert all(REASON in refusal for refusal in told.refusals)
    ledger = Ledger(store, settings.zone)
    assert assert_acknowledged(ledger, told.acknowledged) == len(told.acknowledged)
    all_is_well(ledger)
    assert_journal_checks(settings)
    print(f"{rounds} rounds, {len(told.acknowledged)} acknowledged changes, {told.statuses[503]} refused")


def save(client: Client) -> tuple[int, dict[str, Any]]:
    return client.ask("PATCH", "/api/batches/b0", {"folder": os.urandom(4).hex()})


def is_saved(client: Client) -> bool:
    return save(client)[0] == 200


def test_a_full_disk_refuses_loses_nothing_and_heals(settings: Settings, store: Store, small_disk: Path) -> None:
    rounds_of_a_full_disk(settings, store, small_disk, 3)


@pytest.mark.long
def test_a_disk_that_is_full_ten_times_loses_nothing(settings: Settings, store: Store, small_disk: Path) -> None:
    rounds_of_a_full_disk(settings, store, small_disk, 10)


def open_and_made(folder: Path) -> tuple[int, int]:
    """Of this folder: what other tests have left may be closed meanwhile."""
    names = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(one.readlink()))
    return sum(name.startswith(f"{folder}/") for name in names), len(list(folder.rglob("*.jsonl")))


def test_a_disk_that_stays_full_leaves_no_open_and_no_empty_files(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RETRY", 0)
    journal = Journal(small_disk, "board")
    journal.demand()
    journal.close()
    junk = fill(small_disk, leave=0)
    before = open_and_made(small_disk)
    for _ in range(20):
        with pytest.raises(Unavailable, match=REASON):
            journal.demand()
    assert open_and_made(small_disk) == before
    junk.unlink()
    journal.demand()
    journal.close()
