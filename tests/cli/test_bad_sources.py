"""`restore` of what nobody should restore from: a sentence, its exit code, and nothing changed."""

from __future__ import annotations

import re
import sys

import pytest

from bad_files import BAD
from resguardo.cli.app import run
from resguardo.vault import mongodump, reading


@pytest.fixture
def restore(settings, store, monkeypatch, capsys):
    """The command within this process: starting one for each file would take a minute."""
    monkeypatch.setenv("RESGUARDO_MONGODB_URI", settings.mongodb_uri.get_secret_value())
    monkeypatch.setenv("RESGUARDO_DATABASE", settings.database)

    def restore(*arguments):
        monkeypatch.setattr(sys, "argv", ["resguardo", "restore", *arguments, "--data", str(settings.data)])
        with pytest.raises(SystemExit) as left:
            run({})
        return left.value.code, capsys.readouterr().err

    return restore


@pytest.mark.parametrize("what", BAD)
def test_it_is_refused_with_its_code_and_nothing_changes(restore, store, settings, tmp_path, monkeypatch, what):
    bad = BAD[what]
    if not bad.small:
        monkeypatch.setattr(reading, "LARGEST", 1_000_000)
        monkeypatch.setattr(mongodump, "LARGEST", 1_000_000)
    path = tmp_path / (bad.name or "archivo")
    path.write_bytes(bad.content)
    code, said = restore(str(path), "--yes")
    assert code == bad.code
    assert re.search(bad.said, said), said
    assert (store.batches.count(), store.entries.is_empty()) == (0, True)
    assert list((settings.data / "vault").glob("*")) == []


@pytest.mark.parametrize("what", ["cut", "cut packed", "newer"])
def test_a_new_database_is_not_made_of_it_either(restore, store, settings, tmp_path, what):
    path = tmp_path / "archivo"
    path.write_bytes(BAD[what].content)
    other = f"{settings.database}_x"
    assert restore(str(path), "--into", other)[0] == BAD[what].code
    assert other not in store.connection.client.list_database_names()
