"""Verified, drilled, removed: what an archive is good for is known because it was tried."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from datetime import timedelta

import bson
import pytest
from pydantic import SecretStr

from resguardo.board.change import Create
from resguardo.errors import Integrity, NoVault, RefusedForSafety
from resguardo.vault import card, fill, keeping
from resguardo.vault.catalogue import DATA, GRACE, MANIFEST, Catalogue, back_up
from resguardo.vault.drill import FOLDER, PREFIX, drill, sweep_folders
from resguardo.vault.keeping import drill_one, longest_without_drill, make_good, prune


@pytest.fixture
def catalogue(settings, store, ledger):
    ledger.record([Create("segmentador", "Ana", {})], actor="ana", via="api")
    ledger.record([Create("batch", f"b{n}", {"comments": f"año {n}"}) for n in range(5)], actor="ana", via="api")
    store.batches.collection.insert_many([{"id": 7, "odd": bson.Decimal128("NaN")}, {"id": "x", "n": bson.Int64(1)}])
    return Catalogue(settings.data / "vault")


@pytest.fixture
def drill_databases(store):
    """Scratch databases that this test has left; boards that other tests killed may have left theirs before."""

    def named():
        return [name for name in store.connection.client.list_database_names() if name.startswith(PREFIX)]

    known = set(named())
    return lambda: [name for name in named() if name not in known]


def test_an_archive_is_good_once_it_was_restored(catalogue, ledger, settings, drill_databases):
    made = back_up(catalogue, ledger, "prueba")
    assert (made["state"], made["drill"]) == ("verified", None)
    result = drill_one(catalogue, settings, made["id"], ledger.now())
    assert (result.ok, result.detail, result.documents) == (True, "", 8)
    assert 0 < result.rto <= result.seconds
    assert catalogue.get(made["id"])["state"] == "good"
    assert drill_databases() == []


def test_a_drill_of_something_else_fails_and_says_why(catalogue, ledger, settings, monkeypatch):
    made = back_up(catalogue, ledger, "prueba")

    monkeypatch.setattr(fill, "load_into", lambda *given, **named: {})
    result = drill_one(catalogue, settings, made["id"], ledger.now())
    assert (result.ok, result.detail) == (False, "se restauraron 0 batches de 7")
    assert catalogue.get(made["id"])["state"] == "damaged"


def test_a_drill_that_could_not_be_tried_says_so_and_condemns_no_archive(catalogue, ledger, settings):
    made = back_up(catalogue, ledger, "prueba")
    drill_one(catalogue, settings, made["id"], ledger.now())
    nobody_there = {
        "mongodb_uri": SecretStr("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200"),
        "segmentadores_database": None,
    }
    result = drill_one(catalogue, settings.model_copy(update=nobody_there), made["id"], ledger.now())
    assert result.ok is None
    assert "MongoDB" in result.detail
    after = catalogue.get(made["id"])
    assert (after["state"], after["drill"]["ok"]) == ("good", None)


def test_a_file_that_the_disk_no_longer_gives_is_damaged(catalogue, ledger, settings, monkeypatch):
    made = back_up(catalogue, ledger, "prueba")

    def broken(path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("resguardo.vault.drill.open_source", broken)
    assert drill_one(catalogue, settings, made["id"], ledger.now()).ok is False
    assert catalogue.get(made["id"])["state"] == "damaged"


def test_without_archives_there_is_none_to_drill(settings):
    with pytest.raises(NoVault, match="No hay ninguna copia"):
        longest_without_drill(Catalogue(settings.data / "vault"))


def test_what_a_killed_drill_left_is_dropped_a_day_later(catalogue, store, ledger, settings, drill_databases):
    client, now = store.connection.client, ledger.now()
    old, young = (f"{PREFIX}{now - timedelta(hours=hours):%Y%m%dT%H%M%S%f}" for hours in (25, 1))
    for name in (old, young):
        client[name]["batches"].insert_one({"id": "b1"})
    try:
        made = back_up(catalogue, ledger, "prueba")
        assert drill(settings, catalogue.path(made["id"]), now).ok
        assert drill_databases() == [young]
    finally:
        client.drop_database(young)


def test_the_folder_of_a_killed_drill_goes_and_that_of_a_running_one_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    names = [f"{FOLDER}{ended.pid}-abc", f"{FOLDER}{os.getpid()}-def", f"{FOLDER}ana"]
    for name in names:
        (tmp_path / name / "db").mkdir(parents=True)
    sweep_folders()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


@pytest.mark.parametrize("part", ["data", "manifest", "swapped"])
def test_verifying_finds_what_was_changed_since(catalogue, ledger, settings, part):
    made, other = back_up(catalogue, ledger, "una"), back_up(catalogue, ledger, "otra")
    folder = settings.data / "vault"
    path = folder / f"{made['id']}{DATA}"
    if part == "data":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif part == "manifest":
        manifest = folder / f"{made['id']}{MANIFEST}"
        manifest.write_bytes(manifest.read_bytes().replace(made["sha256"].encode(), b"0" * 64))
    else:
        path.write_bytes((folder / f"{other['id']}{DATA}").read_bytes())
    with pytest.raises(Integrity):
        catalogue.verify(made["id"])
    assert catalogue.get(made["id"])["state"] == "damaged"
    catalogue.verify(other["id"])
    assert catalogue.get(other["id"])["state"] == "verified"


def test_a_vault_with_two_archives_swapped_whole_is_found(catalogue, ledger, settings):
    """Data and manifest of one under the name of the other."""
    made, other = back_up(catalogue, ledger, "una"), back_up(catalogue, ledger, "otra")
    folder = settings.data / "vault"
    for end in (DATA, MANIFEST):
        (folder / f"{made['id']}{end}").write_bytes((folder / f"{other['id']}{end}").read_bytes())
    with pytest.raises(Integrity):
        catalogue.verify(made["id"])


def test_a_large_archive_waits_and_the_longest_undrilled_has_its_turn(catalogue, ledger, settings, monkeypatch):
    monkeypatch.setattr(keeping, "MEGABYTE", 0)
    first = back_up(catalogue, ledger, "una")
    second = make_good(catalogue, ledger, "otra")
    assert (second["state"], catalogue.get(first["id"])["state"]) == ("verified", "good")
    assert longest_without_drill(catalogue) == second["id"]


def test_removal_is_marked_first_and_swept_later(catalogue, ledger, settings, time_machine):
    made = [back_up(catalogue, ledger, f"{n}") for n in range(3)]
    for row in made:
        drill_one(catalogue, settings, row["id"], ledger.now())
    catalogue.note(made[0]["id"], "pin", reason="auditoría")
    now = ledger.now() + timedelta(days=1)
    planned = prune(catalogue, settings, now, dry_run=True)
    assert [row.keep for row in planned] == [True, False, True]
    assert all(row.reason for row in planned)
    assert {row["state"] for row in catalogue.list()} == {"good"}
    with pytest.raises(RefusedForSafety, match="fijada"):
        catalogue.remove(made[0]["id"], "porque sí")
    prune(catalogue, settings, now)
    gone = catalogue.get(made[1]["id"])
    data = settings.data / "vault" / f"{made[1]['id']}{DATA}"
    assert (gone["state"], data.exists()) == ("removed", True)
    time_machine.move_to(now + GRACE)
    catalogue.sweep()
    assert not data.exists()
    assert catalogue.get(made[1]["id"])["state"] == "removed"
    assert [line["what"] for line in catalogue.events(made[1]["id"])] == ["verify", "drill", "remove", "sweep"]


def test_a_removal_can_be_taken_back_while_the_data_are_there(catalogue, ledger):
    made = [back_up(catalogue, ledger, f"{n}") for n in range(2)]
    catalogue.remove(made[0]["id"], "prueba")
    catalogue.note(made[0]["id"], "keep")
    assert catalogue.get(made[0]["id"])["state"] == "verified"


def test_a_torn_line_of_a_card_is_left_out_and_the_next_one_stands_alone(tmp_path, ledger):
    card.write(tmp_path, "a", "verify", ledger.now(), ok=True)
    path = tmp_path / f"a{card.SUFFIX}"
    path.write_bytes(path.read_bytes() + b'{"what": "drill", "ok": fal')
    assert card.state(card.read(tmp_path, "a")) == "verified"
    card.write(tmp_path, "a", "drill", ledger.now(), ok=True)
    assert card.state(card.read(tmp_path, "a")) == "good"
