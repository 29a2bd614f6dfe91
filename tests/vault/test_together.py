"""Several processes make copies at once: of one vault, and of one database from two hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from resguardo.board.change import Create
from resguardo.cli.app import run
from resguardo.config import Settings
from resguardo.files import FolderLock
from resguardo.vault import card, catalogue
from resguardo.vault.catalogue import DATA, MANIFEST, Catalogue
from resguardo.vault.drill import PREFIX
from resguardo.vault.reading import open_source


def create(settings, folder):
    environment = os.environ | {
        "RESGUARDO_MONGODB_URI": settings.mongodb_uri.get_secret_value(),
        "RESGUARDO_DATABASE": settings.database,
        "RESGUARDO_DATA": str(folder),
    }
    command = [sys.executable, "-m", "resguardo", "backup", "create", "--json"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("hosts", [["one", "one", "one"], ["one", "other"]], ids=["one vault", "two hosts"])
def test_copies_made_at_once_are_all_good_and_apart(settings, store, ledger, tmp_path, hosts):
    ledger.record([Create("batch", f"b{n}", {}) for n in range(50)], actor="ana", via="api")
    folders = [tmp_path / host for host in hosts]
    before = set(store.connection.client.list_database_names())  # what boards left that other tests have killed
    with ThreadPoolExecutor(len(folders)) as at_once:
        done = list(at_once.map(lambda folder: create(settings, folder), folders))
    assert [one.returncode for one in done] == [0] * len(done), [one.stderr for one in done]
    made = [json.loads(one.stdout) for one in done]
    assert {row["state"] for row in made} == {"good"}
    assert len({row["id"] for row in made}) == len(made)
    for folder in set(folders):
        vault = folder / "vault"
        rows = Catalogue(vault).list()
        assert len(rows) == folders.count(folder)
        names = {row["id"] + ending for row in rows for ending in (DATA, MANIFEST, card.SUFFIX)}
        assert {path.name for path in vault.iterdir()} == names | {".lock"}
        for row in rows:
            with open_source(Catalogue(vault).path(row["id"])) as source:
                assert source.info["id"] == row["id"]
                assert source.work.count == 50
    left = set(store.connection.client.list_database_names()) - before
    assert [name for name in left if name.startswith(PREFIX)] == []


def test_a_vault_that_stays_locked_is_said_with_11(settings, store, monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "PATIENCE", 0)
    monkeypatch.setenv("RESGUARDO_MONGODB_URI", settings.mongodb_uri.get_secret_value())
    monkeypatch.setenv("RESGUARDO_DATABASE", settings.database)
    monkeypatch.setattr(sys, "argv", ["resguardo", "backup", "create", "--data", str(settings.data)])
    vault = Settings(data=settings.data).data / "vault"
    vault.mkdir(parents=True)
    with FolderLock(vault), pytest.raises(SystemExit) as left:
        run({})
    assert left.value.code == 11
    assert f"Otro proceso ({os.getpid()}) está haciendo una copia" in capsys.readouterr().err
    assert Catalogue(vault).list() == []
